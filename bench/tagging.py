"""The entity tagger: F1 of each type on each collection, and how long a question and a store of memories take.

    python -m bench.tagging --collections DIR --synth DIR [--model FOLDER] [--texts 6000]

`--synth` is a dataset folder of invented people with entities (splits train and dev); without `--model` two taggers are
trained on its train people, one with WNUT-17's train part beside them and one without. What is judged: the dev people,
data/lives' hand labels, which no tagger has ever been trained or chosen on, and WNUT-17's test part (persons and
locations only). This is a command, not a test: it says what is so and fails on nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.table import Row, Table, duration
from engine.artifacts import hardware
from engine.datasets.reader import Dataset
from engine.methods.pearl import tagging
from engine.methods.pearl.tagging import Sentence, Tagger

LIVES = Path(__file__).parent.parent / "data" / "lives"
WNUT = "ner_wnut17"
TEXTS = 6000  # of the invented people, in training
MEMORIES = 1000


@dataclass(frozen=True)
class Score:
    """How well one tagger finds one type in one collection."""

    tagger: str
    collection: str
    type: str
    precision: float
    recall: float
    f1: float
    support: int

    @property
    def cells(self) -> tuple[str, ...]:
        figures = (f"{value:.3f}" for value in (self.precision, self.recall, self.f1))
        return self.tagger, self.collection, self.type, *figures, str(self.support)


HEADER = ("tagger", "collection", "type", "precision", "recall", "F1", "entities")


def measure(collections: Path, synth: Path, model_folder: Path) -> list[Score]:
    """A row for each collection and type that the tagger in `model_folder` is judged on."""
    return scores({model_folder.name: Tagger(model_folder)}, collections, synth)


def trained(collections: Path, synth: Path, texts: int = TEXTS) -> Mapping[str, Tagger]:
    """Two taggers of the default configuration, with and without WNUT-17's train part where that is here."""
    people = Dataset(synth)
    config = tagging.TaggerConfig()
    lessons = {"invented people": tagging.sample(tagging.of_dataset(people, "train"), texts, config.seed)}
    if (collections / WNUT).is_dir():
        lessons["and WNUT-17"] = lessons["invented people"] + tagging.read_conll(collections / WNUT / "train.conll")
    dev = tagging.sample(tagging.of_dataset(people, "dev"), texts // 6, config.seed)
    taggers = {}
    for name, sentences in lessons.items():
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            outcome = tagging.train_tagger(sentences, Path(folder) / "out", config, Path(folder) / "state", dev)
            seconds = time.perf_counter() - started
            sys.stderr.write(f"{name}: {seconds:.0f} s, {outcome}\n")
            taggers[name] = Tagger(Path(folder) / "out")
    return taggers


def judged(collections: Path, synth: Path) -> dict[str, list[Sentence]]:
    """The labelled texts that taggers are judged on, by the name of their collection."""
    people = [s for s in tagging.of_dataset(Dataset(synth), "dev") if s.entities is not None]
    lives = Dataset(LIVES)
    labelled, questions = tagging.of_dataset(lives), len(lives.requests())  # these come first
    found = {
        "invented people, dev": people,
        "lives, questions": labelled[:questions],
        "lives, memories": labelled[questions:],
    }
    if (collections / WNUT).is_dir():
        found["WNUT-17, test"] = tagging.read_conll(collections / WNUT / "test.conll")
    return found


def scores(taggers: Mapping[str, Tagger], collections: Path, synth: Path) -> list[Score]:
    """Strict F1 of `taggers`."""
    rows = []
    for collection, sentences in judged(collections, synth).items():
        for name, tagger in taggers.items():
            found = tagging.f1(sentences, tagger.tag([s.text for s in sentences]))
            for kind, row in found.items():
                if row["support"]:
                    figures = row["precision"], row["recall"], row["f1"]
                    rows.append(Score(name, collection, kind, *figures, int(row["support"])))
    return rows


def speed(tagger: Tagger) -> list[Row]:
    """One question at a time, and many memories at once."""
    lives = Dataset(LIVES)
    questions = [request.text for request in lives.requests()][:200]
    memories = [document.text for document in lives.documents()]
    many = (memories * (MEMORIES // len(memories) + 1))[:MEMORIES]
    tagger.tag(questions[:5])
    each = [_seconds(tagger, [question]) for question in questions]
    all_at_once = _seconds(tagger, many)
    one = median(each)
    return [
        Row("one question, p50", duration(one), budget="<= 15 ms", met=one <= 0.015),
        Row(f"{MEMORIES:,} memories", duration(all_at_once), budget="<= 15 s", met=all_at_once <= 15),
    ]


def _seconds(tagger: Tagger, texts: Sequence[str]) -> float:
    started = time.perf_counter()
    tagger.tag(texts)
    return time.perf_counter() - started


def table(rows: Sequence[Score]) -> Iterator[str]:
    """A Markdown table with aligned columns."""
    lines = [HEADER, *(row.cells for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    for line in (lines[0], tuple("-" * width for width in widths), *lines[1:]):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"


def main(arguments: Sequence[str]) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.tagging", description=__doc__)
    parser.add_argument("--collections", type=Path, required=True, help="folder of the collections")
    parser.add_argument("--synth", type=Path, required=True, help="dataset folder of invented people")
    parser.add_argument("--model", type=Path, help="a tagger's folder; else two are trained")
    parser.add_argument("--texts", type=int, default=TEXTS, help="texts of the invented people in training")
    options = parser.parse_args(arguments)
    if options.model:
        taggers: Mapping[str, Tagger] = {options.model.name: Tagger(options.model)}
    else:
        taggers = trained(options.collections, options.synth, options.texts)
    sys.stdout.write(f"On {hardware()}; an entity counts if both ends and its type are right.\n\n")
    sys.stdout.write("\n".join(table(scores(taggers, options.collections, options.synth))) + "\n\n")
    sys.stdout.write(str(Table("Speed", "texts of data/lives", speed(next(iter(taggers.values()))))) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
