"""Invented people beside others: the figures of each collection, and whether a classifier can tell two of them apart.

    python -m bench.people --collections DIR [--synth DIR] [--sample 2000] [--features 15]

`--synth` is a dataset folder that `data synth personal` made; it is set beside pair_dev of `--collections` and
data/lives, which without it are set beside each other. Two classifiers (n-grams; MiniLM vectors) are judged on people
they were not fitted on, with texts as they are and with names masked and all letters small. At an AUC of .5 nothing
tells them apart; two collections that two authors wrote come near 1. The features that tell most say what to vary.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.datasets.reader import Dataset
from engine.people import names_in
from engine.records import Document, Request
from engine.synth.statistics import Statistics, describe, near_duplicates, percent, table

FOLDS, RESAMPLES, FEWEST = 5, 500, 20
ENCODED = 1000  # texts of each that are encoded: a text takes 5 ms, and 384 numbers need no more to be fitted
NAME, MAIL = "xname", "xmail"  # what masks leave
_MAIL = re.compile(r"\S+@\S+")
_TOKEN = r"(?u)\w+(?:['’]\w+)*|[^\w\s]"
_KEEP = frozenset(
    "I I'm I'd I've I'll I’m I’d I’ve I’ll Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February "  # noqa: SIM905
    "March April May June July August September October November December".split()
)


@dataclass(frozen=True, slots=True)
class Text:
    """A text and whose it is; `masked` is the same without names."""

    text: str
    masked: str
    person: str


@dataclass(frozen=True, slots=True)
class Feature:
    """An n-gram, how much it weighs towards the first collection, and in which share of either's texts it is."""

    gram: str
    weight: float
    first: float
    second: float


@dataclass(frozen=True, slots=True)
class Told:
    """How well two collections are told apart, on people not fitted on; intervals are 95 %, resampled by person."""

    texts: int  # of each
    accuracy: float
    auc: float
    interval: tuple[float, float]  # of the AUC
    features: tuple[Feature, ...] = ()  # the most telling: first those of the first collection


def question_texts(requests: Sequence[Request]) -> list[Text]:
    """Questions with their masks."""
    return [Text(r.text, mask(r.text), r.user or "") for r in requests]


def memory_texts(documents: Sequence[Document]) -> list[Text]:
    """Memories with their masks: the names their fields hold, places and addresses too."""
    return [Text(d.content, _masked_memory(d), d.user or "") for d in documents]


def mask(text: str) -> str:
    """`text` in small letters, with mail addresses and capitalised words inside a sentence as one token each.

    The case that sentences begin with is a figure of its own, and would hide everything else.
    """
    out: list[str] = []
    inside = False
    for token in re.findall(r"\s+|[\w'’-]+|[^\w\s]", _MAIL.sub(MAIL, text)):
        word = token[0].isalnum()
        named = word and inside and token[0].isupper() and token.replace("’s", "").removesuffix("'s") not in _KEEP
        if named and token.endswith(("'s", "’s")):
            out.append(NAME + token[-2:])
        else:
            out.append(NAME if named else token)
        if word:
            inside = True
        elif token in ".!?|":
            inside = False
    return re.sub(rf"{NAME}(?: {NAME})+", NAME, "".join(out)).lower()


def _masked_memory(document: Document) -> str:
    text = _MAIL.sub(MAIL, document.content)
    location = document.fields.get("location")
    held = [*names_in(document), *([location.strip()] if isinstance(location, str) else [])]
    for name in sorted({name for name in held if name}, key=lambda n: (-len(n), n)):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", NAME, text)
    return mask(text)


def tell_apart(
    a: Sequence[Text], b: Sequence[Text], seed: int = 0, *, masked: bool, sample: int = 2000, features: int = 15
) -> dict[str, Told | None]:
    """Both classifiers on equally many texts of `a` (1) and `b` (0); None where either has too few texts or people.

    Folds keep people whole; MiniLM is given at most `ENCODED` texts of each. The most telling features are those of
    n-gram models fitted on everything.
    """
    count = min(len(a), len(b), sample)
    folds = min(FOLDS, len({t.person for t in a}), len({t.person for t in b}))
    if count < FEWEST or folds < 2:
        return {"n-grams": None, "MiniLM": None}
    rng = random.Random(seed)
    chosen = [*rng.sample(list(a), count), *rng.sample(list(b), count)]
    texts = [t.masked if masked else t.text for t in chosen]
    labels = np.repeat([1, 0], count)  # (2 count,)
    people = np.array([f"{side}/{t.person}" for side, t in zip(labels, chosen, strict=True)])
    ngrams = _judged(_grams(), np.array(texts, dtype=object), labels, people, folds, seed)
    told = _telling(texts, labels, features)
    rows = np.flatnonzero(np.arange(2 * count) % count < ENCODED)  # of either
    vectors = _judged(_linear(1.0), _vectors([texts[i] for i in rows]), labels[rows], people[rows], folds, seed)
    return {"n-grams": replace(ngrams, features=told), "MiniLM": vectors}


def _judged(model: Any, inputs: np.ndarray, labels: np.ndarray, people: np.ndarray, folds: int, seed: int) -> Told:
    """Scores of texts by models that saw neither them nor their people, then accuracy and AUC over all of them."""
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedGroupKFold

    scores = np.zeros(len(labels))  # log-odds
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for fitted, judged in split.split(np.zeros(len(labels)), labels, people):
        scores[judged] = clone(model).fit(inputs[fitted], labels[fitted]).decision_function(inputs[judged])
    accuracy = float(((scores > 0) == labels).mean())
    return Told(len(labels) // 2, accuracy, auc(scores, labels), _interval(scores, labels, people, seed))


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """The chance that a text of the first collection scores above one of the second; ties count half."""
    from scipy.stats import rankdata

    ones = int(labels.sum())
    ranks = rankdata(scores)
    return float((ranks[labels == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(labels) - ones)))


def _interval(scores: np.ndarray, labels: np.ndarray, people: np.ndarray, seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    sides = [[np.flatnonzero(people == p) for p in np.unique(people[labels == side])] for side in (1, 0)]
    found = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([own[i] for own in sides for i in rng.integers(len(own), size=len(own))])
        found.append(auc(scores[rows], labels[rows]))
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def _linear(c: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=c, solver="liblinear", random_state=0)


def _grams() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union

    word = TfidfVectorizer(token_pattern=_TOKEN, ngram_range=(1, 3), min_df=3, sublinear_tf=True, lowercase=False)
    character = TfidfVectorizer(analyzer="char", ngram_range=(2, 4), min_df=5, sublinear_tf=True, lowercase=False)
    return make_pipeline(make_union(word, character), _linear(10.0))


def _telling(texts: Sequence[str], labels: np.ndarray, count: int) -> tuple[Feature, ...]:
    """The word n-grams with the largest effect (weight times spread) each way; "^" begins a text and "$" ends it."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(
        tokenizer=lambda t: ["^", *re.findall(_TOKEN, t), "$"],
        token_pattern=None,
        ngram_range=(1, 3),
        min_df=max(3, len(texts) // 400),
        binary=True,
        lowercase=False,
    )
    there = counter.fit_transform(texts)  # (texts, grams), 0 or 1
    if not there.shape[1]:
        return ()
    weights = _linear(0.3).fit(there, labels).coef_[0]
    first, second = (np.asarray(there[labels == side].mean(axis=0)).ravel() for side in (1, 0))
    means = (first + second) / 2
    effects = weights * np.sqrt(np.clip(means * (1 - means), 0, None))
    grams = counter.get_feature_names_out()
    order = np.argsort(-effects, kind="stable")
    said = there.tocsc()
    rows = _distinct(order[(effects > 0)[order] & (first > second)[order]], grams, said, count)
    rows += _distinct(order[::-1][(effects < 0)[order[::-1]] & (first < second)[order[::-1]]], grams, said, count)
    return tuple(Feature(str(grams[i]), float(effects[i]), float(first[i]), float(second[i])) for i in rows)


def _distinct(order: np.ndarray, grams: np.ndarray, there: Any, count: int) -> list[int]:
    """The first `count` of `order`, without those that say what one before has said, a word more or less."""
    chosen: list[tuple[int, frozenset[int]]] = []
    for i in order[: 20 * count]:
        texts = frozenset(there.indices[there.indptr[i] : there.indptr[i + 1]].tolist())
        gram = f" {grams[i]} "
        if any(
            (gram in f" {grams[j]} " or f" {grams[j]} " in gram) and len(texts & held) >= 0.7 * len(texts | held)
            for j, held in chosen
        ):
            continue
        chosen.append((int(i), texts))
        if len(chosen) == count:
            break
    return [i for i, _ in chosen]


def _vectors(texts: Sequence[str]) -> np.ndarray:
    """(n, 384), each text encoded once in this process."""
    from engine.encoder import EncoderConfig, shared_encoder

    if due := sorted({text for text in texts if text not in _ENCODED}, key=lambda t: (len(t), t)):
        vectors = shared_encoder(EncoderConfig()).encode_documents(due)
        _ENCODED.update(zip(due, vectors, strict=True))
    return np.stack([_ENCODED[text] for text in texts])


_ENCODED: dict[str, np.ndarray] = {}


def main(arguments: Sequence[str]) -> None:
    """Print both tables and the telling features."""
    parser = argparse.ArgumentParser(prog="python -m bench.people", description=__doc__)
    parser.add_argument("--collections", type=Path, required=True, help="folder of the collections, with pair_dev")
    parser.add_argument("--synth", type=Path, help="a folder of invented people")
    parser.add_argument("--lives", type=Path, default=Path("data/lives"))
    parser.add_argument("--sample", type=int, default=2000, help="texts of each collection, at most")
    parser.add_argument("--features", type=int, default=15, help="how many are shown each way")
    options = parser.parse_args(arguments)
    os.environ["QUINTET_NO_PROGRESS"] = "1"
    folders = {
        **({"synth": options.synth} if options.synth else {}),
        "pair_dev": options.collections / "pair_dev",
        "lives": options.lives,
    }
    for line in report(folders, options.sample, options.features):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def report(folders: Mapping[str, Path], sample: int, features: int) -> Iterator[str]:
    """The whole report, a line at a time. A folder that is not there is said to be so."""
    found: dict[str, Statistics] = {}
    texts: dict[str, dict[str, list[Text]]] = {"questions": {}, "memories": {}}
    for name, folder in folders.items():
        if not folder.is_dir():
            yield f"{name}: not here ({folder})\n"
            continue
        dataset = Dataset(folder)
        documents, requests = list(dataset.documents()), dataset.requests()
        judgements = [j for split in dataset.splits for j in dataset.judgements(split)]
        near = _people_of(documents, min(sample, ENCODED))
        found[name] = replace(
            describe(documents, requests, judgements),
            near_duplicates=near_duplicates(_vectors([d.content for d in near]), [d.user for d in near]),
        )
        texts["questions"][name] = question_texts(requests)
        texts["memories"][name] = memory_texts(documents)
    yield f"## The collections\n\n{table(found)}\n"
    for what, by_name in texts.items():
        yield from _told(what, by_name, sample, features)


def _people_of(documents: Sequence[Document], count: int) -> list[Document]:
    """About `count` memories: whole people, in the order of the file."""
    chosen: list[Document] = []
    for _, own in itertools.groupby(documents, key=lambda d: d.user):
        chosen += own
        if len(chosen) >= count:
            break
    return chosen


def _told(what: str, by_name: Mapping[str, list[Text]], sample: int, features: int) -> Iterator[str]:
    yield f"## Telling {what} apart\n"
    yield "| pair | texts | of each | n-grams: accuracy | n-grams: AUC | MiniLM: accuracy | MiniLM: AUC |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    shown: list[tuple[str, str, Told]] = []
    for first, second in itertools.combinations(by_name, 2):
        for masked in (False, True):
            found = tell_apart(by_name[first], by_name[second], masked=masked, sample=sample, features=features)
            cells = [cell for told in found.values() for cell in _cells(told)]
            size = next((told.texts for told in found.values() if told), 0)
            yield (
                f"| {first}, {second} | {'masked, small' if masked else 'as they are'} | {size} | "
                + " | ".join(cells)
                + " |"
            )
            if masked and (told := found["n-grams"]):
                shown.append((first, second, told))
    for first, second, told in shown:
        for name, sign in ((first, 1), (second, -1)):
            part = [feature for feature in told.features if feature.weight * sign > 0]
            yield f"\n### {what}, names masked: more {name} ({first}, {second})\n"
            yield f"| n-gram | in {first} | in {second} |\n| --- | --- | --- |"
            for f in part:
                yield f"| `{f.gram.replace('|', '¦')}` | {percent(f.first)} | {percent(f.second)} |"
    yield ""


def _cells(told: Told | None) -> Iterator[str]:
    if told is None:
        yield from ("-", "-")
        return
    low, high = told.interval
    yield percent(told.accuracy)
    yield f"{told.auc:.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    main(sys.argv[1:])
