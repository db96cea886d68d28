"""The names of metrics, and how trec_eval calls what they mean.

A `Metric` is a value whose str() is its key everywhere: on the command line, in files, in tables. What each measure can
do is data in `MEASURES`; nothing here computes one, that is `metrics.evaluate`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from engine.errors import InputError


@dataclass(frozen=True, slots=True)
class Measure:
    """What a measure can do: trec_eval's names for it over the `whole` list and `cut` at k, None where it has none.

    `reciprocal` marks a value that is 1 / rank of the first relevant document. The same measure of a list cut at k is
    then the value itself where it is at least 1 / k, else 0, which stands in for the cutoff that trec_eval lacks.
    """

    title: str
    whole: str | None = None
    cut: str | None = None
    reciprocal: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def cutoff_allowed(self) -> bool:
        return self.cut is not None or self.reciprocal


# As in trec_eval, ndcg's gain is the judgement itself and its discount log2(rank + 1) (Järvelin and Kekäläinen 2002).
MEASURES: dict[str, Measure] = {
    "ndcg": Measure("normalised discounted cumulative gain", whole="ndcg", cut="ndcg_cut"),
    "recall": Measure("share of the relevant documents among the first k", cut="recall", aliases=("r",)),
    "hit": Measure("is a relevant document among the first k", cut="success", aliases=("success", "hr", "hits")),
    "mrr": Measure("1 / rank of the first relevant document", whole="recip_rank", reciprocal=True, aliases=("rr",)),
    "map": Measure("average precision", whole="map", cut="map_cut", aliases=("ap",)),
    "p": Measure("share of relevant documents among the first k", cut="P", aliases=("precision", "prec")),
    "rprec": Measure("precision after as many documents as are relevant", whole="Rprec", aliases=("r-precision",)),
}

_NAMES = {alias: name for name, measure in MEASURES.items() for alias in (name, *measure.aliases)}
_CUTOFF = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure and its cutoff, None for the whole list. Make one with `Metric.parse("ndcg@10")`."""

    name: str
    cutoff: int | None = None

    def __str__(self) -> str:
        return self.name if self.cutoff is None else f"{self.name}@{self.cutoff}"

    @property
    def measure(self) -> Measure:
        return MEASURES[self.name]

    @property
    def trec_name(self) -> str:
        """trec_eval's name for what is to be computed; as its answers spell it, the "." is a "_"."""
        if self.cutoff is None or self.measure.cut is None:
            return self.measure.whole or ""
        return f"{self.measure.cut}.{self.cutoff}"

    @staticmethod
    def parse(text: str) -> Metric:
        """The metric called `text`, in any case and by any alias; InputError, naming the nearest, if there is none."""
        fault = _fault(text)
        if fault:
            raise InputError(fault, remedy="Name a metric that there is")
        name, _, cutoff = text.strip().lower().partition("@")
        return Metric(_NAMES[name], int(cutoff) if cutoff else None)


def parse_metrics(names: Iterable[str | Metric]) -> tuple[Metric, ...]:
    """The metrics called `names`, each once, in their order; InputError tells of all that are wrong at once."""
    texts = [str(name) for name in names]
    faults = list(dict.fromkeys(fault for text in texts if (fault := _fault(text))))
    if faults:
        raise InputError("; ".join(faults), remedy="Name a metric that there is")
    if not texts:
        raise InputError("no metric given", remedy=f"Known: {', '.join(_forms())}")
    return tuple(dict.fromkeys(Metric.parse(text) for text in texts))


def _fault(text: str) -> str | None:
    """What is wrong with the name of a metric, None if nothing is."""
    name, at, cutoff = text.strip().lower().partition("@")
    if name not in _NAMES:
        near = difflib.get_close_matches(name, _NAMES, n=1, cutoff=0.5)
        nearest = f"; the nearest is {_NAMES[near[0]]}{at}{cutoff}" if near else ""
        return f"no metric is called '{text}'{nearest}; known are {', '.join(_forms())}"
    measure = MEASURES[_NAMES[name]]
    if at and not _CUTOFF.fullmatch(cutoff):
        return f"'{text}' has no whole number from 1 after the @, such as {name}@10"
    if at and not measure.cutoff_allowed:
        return f"'{text}' can't be cut off, write {name}"
    if not at and measure.whole is None:
        return f"'{text}' needs a cutoff, such as {name}@10"
    return None


def _forms() -> list[str]:
    """How each metric is written: ndcg, ndcg@k, recall@k ..."""
    return [
        form
        for name, measure in MEASURES.items()
        for form, allowed in ((name, measure.whole), (f"{name}@k", measure.cutoff_allowed))
        if allowed
    ]
