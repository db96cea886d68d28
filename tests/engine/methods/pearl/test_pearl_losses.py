"""EMR and PCL beside their formulas, written out in plain Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.losses import entity_mass, entity_mass_regularisation, prefix_contrastive

# Row i is what token i attends to; tokens 1 and 2 are an entity, token 3 is padding of which nothing may count.
ATTENTION = [
    [0.1, 0.4, 0.3, 0.2],
    [0.6, 0.1, 0.1, 0.2],
    [0.3, 0.3, 0.2, 0.2],
    [0.0, 0.9, 0.1, 0.0],
]
ENTITY, VALID = [0, 1, 1, 0], [1, 1, 1, 0]
RHO = (0.4 + 0.3 + 0.1 + 0.1 + 0.3 + 0.2) / (0.8 + 0.8 + 0.8) / 2  # of the valid corner; n = 2


def batch(*rows: Sequence[Any]) -> tuple[Tensor, Tensor, Tensor]:
    """`attention`, `entity` and `valid` of texts padded to the longest, with rubbish where padding is."""
    longest = max(len(valid) for _, _, valid in rows)
    attention = torch.full((len(rows), longest, longest), 0.7)
    entity, valid = torch.ones(len(rows), longest, dtype=torch.bool), torch.zeros(len(rows), longest, dtype=torch.long)
    for number, (own, marked, real) in enumerate(rows):
        length = len(real)
        attention[number, :length, :length] = torch.as_tensor(own)
        entity[number, :length], valid[number, :length] = torch.tensor(marked).bool(), torch.tensor(real)
    return attention, entity, valid


def uniform(length: int) -> tuple[Tensor, list[int], list[int]]:
    """Every token attends to all alike; the second token is an entity."""
    return torch.full((length, length), 1 / length), [0, 1, *[0] * (length - 2)], [1] * length


def test_mass_by_hand() -> None:
    assert entity_mass(*batch((ATTENTION, ENTITY, VALID))).tolist() == pytest.approx([RHO], abs=1e-6)
    assert abs(RHO - 1.4 / 2.4 / 2) < 1e-9


def test_emr_by_hand() -> None:
    for cap in (0.0, 0.005, 0.2):
        emr = entity_mass_regularisation(*batch((ATTENTION, ENTITY, VALID)), cap=cap)
        assert emr.tolist() == pytest.approx([-math.log(1 - (RHO - cap))], abs=1e-6)
    published = entity_mass_regularisation(*batch((ATTENTION, ENTITY, VALID)))
    assert published.tolist() == pytest.approx([-math.log(1 - (RHO - 0.005))], abs=1e-6)


def test_emr_is_nothing_below_the_cap_or_without_an_entity() -> None:
    rows = batch((ATTENTION, ENTITY, VALID), (ATTENTION, [0] * 4, VALID))
    assert entity_mass_regularisation(*rows, cap=RHO + 1e-4).tolist() == [0, 0]
    assert entity_mass_regularisation(*rows, cap=0.0)[1] == 0 and entity_mass(*rows)[1] == 0


@pytest.mark.parametrize(("length", "penalty"), [(16, 0.059), (25, 0.036), (64, 0.011)])
def test_uniform_attention_gives_one_over_the_length(length: int, penalty: float) -> None:
    rows = batch(uniform(length))
    assert entity_mass(*rows).tolist() == pytest.approx([1 / length], abs=1e-6)
    emr = entity_mass_regularisation(*rows)
    assert emr.tolist() == pytest.approx([-math.log(1 - (1 / length - 0.005))], abs=1e-6)
    assert emr.tolist() == pytest.approx([penalty], abs=1e-3)  # what the spec says of them


def test_a_relative_cap_is_a_multiple_of_the_uniform_share() -> None:
    lengths = [5, 16, 64]
    rows = batch(*(uniform(length) for length in lengths))
    wanted = [-math.log(1 - (1 / length - 0.25 / length)) for length in lengths]
    emr = entity_mass_regularisation(*rows, cap=0.25, relative=True)
    assert emr.tolist() == pytest.approx(wanted, abs=1e-6)
    assert entity_mass_regularisation(*rows, cap=1.001, relative=True).tolist() == [0, 0, 0]
    own = entity_mass_regularisation(*batch((ATTENTION, ENTITY, VALID)), cap=0.5, relative=True)
    assert own.tolist() == pytest.approx([-math.log(1 - (RHO - 0.5 / 3))], abs=1e-6)  # three valid tokens


@pytest.mark.parametrize("relative", [False, True])
def test_defect_6_padding_changes_no_regularisation(relative: bool) -> None:
    """In the published code rows of padding count too."""
    torch.manual_seed(0)
    texts = [
        (torch.rand(length, length).softmax(1), (torch.rand(length) < 0.4).tolist(), [1] * length)
        for length in (3, 9, 20)
    ]
    alone = [entity_mass_regularisation(*batch(text), cap=0.05, relative=relative) for text in texts]
    together = entity_mass_regularisation(*batch(*texts, uniform(40)), cap=0.05, relative=relative)
    assert together[:3].tolist() == pytest.approx([float(loss) for loss in alone], abs=1e-6)
    assert max(together[:3]) > 0


def test_its_gradient_lowers_the_mass() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 6, 6, requires_grad=True)
    entity, valid = torch.tensor([[0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0]]).bool(), torch.ones(2, 6)
    before = entity_mass(logits.softmax(2), entity, valid)
    entity_mass_regularisation(logits.softmax(2), entity, valid).sum().backward()
    assert logits.grad is not None and logits.grad.abs().sum() > 0
    after = entity_mass((logits - 5 * logits.grad).softmax(2), entity, valid)
    assert (after < before - 1e-3).all()


def test_below_the_cap_there_is_no_gradient() -> None:
    logits = torch.zeros(1, 6, 6, requires_grad=True)
    entity, valid = torch.tensor([[0, 1, 0, 0, 0, 0]]).bool(), torch.ones(1, 6)
    entity_mass_regularisation(logits.softmax(2), entity, valid, cap=0.2).sum().backward()
    assert logits.grad is not None and not logits.grad.any()


QUERIES = [[0.2, 0.1], [-0.1, 0.3], [0.05, -0.2]]
POSITIVES = [[0.3, 0.0], [0.1, 0.2], [0.3, 0.0]]
NEGATIVES = [[0.25, 0.1], [0.0, -0.3], [0.1, 0.2]]
OWNERS, NEGATIVE_OWNERS = [4, 7, 4], [5, 4, 7]  # queries 0 and 2 ask for the same; negative 1 is what they ask for


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def by_hand(temperature: float, normalise: bool, masked: bool, weights: Sequence[float]) -> list[float]:
    def length(a: Sequence[float]) -> float:
        return math.sqrt(dot(a, a)) if normalise else 1.0

    def like(a: Sequence[float], b: Sequence[float]) -> float:
        return math.exp(dot(a, b) / length(a) / length(b) / temperature)

    losses = []
    for i, query in enumerate(QUERIES):
        own, total = like(query, POSITIVES[i]), 0.0
        for j in range(3):
            if j == i or not masked or OWNERS[j] != OWNERS[i]:
                total += like(query, POSITIVES[j])
            if not masked or NEGATIVE_OWNERS[j] != OWNERS[i]:
                total += like(query, NEGATIVES[j]) * (weights[i] if i == j else 1)
        losses.append(-math.log(own / total))
    return losses


def contrasted(order: Sequence[int] = (0, 1, 2), **options: Any) -> Tensor:
    queries, positives, negatives = (torch.tensor(some)[list(order)] for some in (QUERIES, POSITIVES, NEGATIVES))
    owners, others = (torch.tensor(some)[list(order)] for some in (OWNERS, NEGATIVE_OWNERS))
    if "weights" in options:
        options["weights"] = torch.tensor(options["weights"])[list(order)]
    return prefix_contrastive(queries, positives, negatives, owners, others, **options)


def test_as_published_pcl_is_the_formula_of_the_spec() -> None:
    """L = -log [ exp(q.p / .05) / (sum_j exp(q.p_j / .05) + sum_j exp(q.n_j / .05)) ], whoever owns what."""
    assert contrasted().tolist() == pytest.approx(by_hand(0.05, False, False, [1, 1, 1]), abs=1e-5)
    first = [math.exp(20 * dot(QUERIES[0], other)) for other in (*POSITIVES, *NEGATIVES)]
    assert float(contrasted()[0]) == pytest.approx(-math.log(first[0] / sum(first)), abs=1e-5)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("weights", [None, [1.0, 1.5, 3.0]])
def test_pcl_by_hand(temperature: float, normalise: bool, masked: bool, weights: list[float] | None) -> None:
    options = {"temperature": temperature, "normalise": normalise, "masked": masked}
    given = {} if weights is None else {"weights": weights}
    wanted = by_hand(temperature, normalise, masked, weights or [1, 1, 1])
    losses = contrasted(**options, **given)
    assert losses.tolist() == pytest.approx(wanted, abs=1e-5)
    for order in ([2, 0, 1], [1, 0, 2]):
        assert contrasted(order, **options, **given).tolist() == pytest.approx([wanted[i] for i in order], abs=1e-5)


def test_the_same_id_twice_is_no_negative_once_masked() -> None:
    """Queries 0 and 2 want the same passage; as published each is the other's negative."""
    same, owners = torch.tensor([[1.0, 0.0]] * 2), torch.tensor([4, 4])
    far = torch.tensor([[-1.0, 0.0]] * 2)
    published = prefix_contrastive(same, same, far, owners, torch.tensor([5, 6]))
    masked = prefix_contrastive(same, same, far, owners, torch.tensor([5, 6]), masked=True)
    assert published.tolist() == pytest.approx([math.log(2)] * 2, abs=1e-5)
    assert masked.tolist() == pytest.approx([0, 0], abs=1e-5)


def test_a_passage_whose_only_negatives_are_itself_has_no_loss() -> None:
    one = torch.tensor([[1.0, 0.0]], requires_grad=True)
    loss = prefix_contrastive(
        one, one, one, torch.tensor([4]), torch.tensor([4]), masked=True, weights=torch.tensor([2.0])
    )
    assert loss.tolist() == [0]
    loss.sum().backward()
    assert one.grad is not None and one.grad.isfinite().all()


def test_its_gradient_brings_the_positive_near() -> None:
    queries = torch.tensor(QUERIES, requires_grad=True)
    positives, negatives = torch.tensor(POSITIVES), torch.tensor(NEGATIVES)
    owners, others = torch.tensor(OWNERS), torch.tensor(NEGATIVE_OWNERS)

    def loss(x: Tensor) -> Tensor:
        return prefix_contrastive(x, positives, negatives, owners, others, normalise=True, masked=True).mean()

    (slope,) = torch.autograd.grad(loss(queries), queries)
    assert loss(queries - 0.01 * slope) < loss(queries) - 1e-3
