"""Weights between a trained model and the one that it was made of (WiSE-FT, Wortsman et al. 2022).

What is learned from invented data then costs less of what was known before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def blend(model: Any, untrained: Mapping[str, Any], share: float) -> None:
    """Make each weight of `model` `share` of itself and the rest of `untrained`'s, a state dict of the same names."""
    import torch

    if share == 1:
        return
    done = set[int]()
    with torch.no_grad():
        for name, weight in model.state_dict().items():
            if weight.is_floating_point() and weight.data_ptr() not in done:  # tied weights have several names
                done.add(weight.data_ptr())
                weight.copy_(share * weight + (1 - share) * untrained[name].to(weight))
