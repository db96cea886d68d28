"""Where the files of a collection in the search layout lie: `corpus.jsonl[.gz]`, `queries.jsonl[.gz]`, `qrels/*.tsv`.

Looks at names only and opens nothing. The recommendation layout is recognised in order to be told apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from engine.datasets.faults import Fault, fault

_RECOMMENDATION = ("items.jsonl", "interactions.jsonl", "interactions.tsv")


@dataclass(frozen=True, slots=True)
class Files:
    """What was found; `qrels` is {split: path}, sorted; `faults` say what is missing or there twice."""

    corpus: Path | None = None
    queries: Path | None = None
    qrels: dict[str, Path] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def locate(folder: Path) -> Files:
    """The files of the collection in `folder`. Raises nothing: what is missing is None and a fault."""
    if not folder.is_dir():
        what = "it is not a folder" if folder.exists() else "there is no such folder"
        return Files(faults=(fault("missing-folder", str(folder), 0, what),))
    other = [p.name for stem in _RECOMMENDATION if (p := _either(folder, stem)[0])]
    faults: list[Fault] = []
    found: list[Path | None] = []
    for stem in ("corpus.jsonl", "queries.jsonl"):
        plain, *twin = _either(folder, stem)
        found.append(plain)
        if twin[0]:
            message = f"{stem} and {stem}.gz are both there, and only one of them can be meant"
            faults.append(fault("ambiguous-file", stem, 0, message))
        if plain is None and not (other and stem == "corpus.jsonl"):
            faults.append(fault("missing-file", stem, 0, f"there is no {stem} and no {stem}.gz in {folder}"))
    if found[0] is None and other:
        message = f"{folder} has the recommendation layout ({', '.join(other)}); search needs corpus.jsonl"
        faults = [fault("wrong-layout", "corpus.jsonl", 0, message)]
    try:
        tables = sorted(p for p in (folder / "qrels").glob("*.tsv") if p.is_file() and not p.name.startswith("."))
    except OSError as error:
        tables = []
        faults.append(fault("unreadable-file", "qrels", 0, f"the folder cannot be read ({error.strerror or error})"))
    return Files(found[0], found[1], {p.stem: p for p in tables}, tuple(faults))


def _either(folder: Path, name: str) -> tuple[Path | None, Path | None]:
    """(the file or its .gz, the .gz too if both are there)."""
    there = [path for path in (folder / name, folder / f"{name}.gz") if path.is_file()]
    return (there[0] if there else None, there[1] if len(there) > 1 else None)
