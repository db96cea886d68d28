"""Scenarios: what they are, how rows made elsewhere are read, and which of their parts become the text of a unit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Part = Literal["need", "document", "topic", "key_points", "explanation"]
# The paper's components I, O, M, K and E, in the order in which its index always joins them.
PARTS: tuple[Part, ...] = ("need", "document", "topic", "key_points", "explanation")
NOISE = "noise document"  # the topic that the task gives to a document that serves no need
_IS_NOISE = re.compile(rf"(this is )?(an? )?{NOISE}\W*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Scenario:
    """An information need that somebody may have, and how the document serves it."""

    information_need: str
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class DocumentScenarios:
    """What one document is about and the needs it serves; none for a noise document. `source` says who wrote them."""

    id: str
    main_topic: str = ""
    key_points: tuple[str, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    source: str = ""

    def record(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    @staticmethod
    def of_record(record: Mapping[str, Any]) -> DocumentScenarios:
        """The inverse of `record`."""
        scenarios = tuple(Scenario(**scenario) for scenario in record["scenarios"])
        return DocumentScenarios(**{**record, "key_points": tuple(record["key_points"]), "scenarios": scenarios})


class Need(BaseModel):
    """One element of the paper's `explanation` list."""

    model_config = ConfigDict(str_strip_whitespace=True)
    information_need: str
    explanation: str = ""


class Analysis(BaseModel):
    """The paper's `document_analysis`."""

    model_config = ConfigDict(str_strip_whitespace=True)
    main_topic: str
    key_points: list[str] = Field(default_factory=list)


class ScenarioAnswer(BaseModel):
    """What a model writes about one document: the paper's JSON. `information_needs` repeats those of `explanation`."""

    document_analysis: Analysis
    information_needs: list[str] = Field(default_factory=list)
    explanation: list[Need]

    @property
    def is_noise(self) -> bool:
        return is_noise(self.document_analysis.main_topic)


def is_noise(topic: str) -> bool:
    """Whether a main topic is the marker of a document that serves nobody."""
    return _IS_NOISE.fullmatch(topic.strip()) is not None


class _Row(BaseModel):
    """Our own form of a line to import."""

    main_topic: str = ""
    key_points: list[str] = Field(default_factory=list)
    scenarios: list[Need]


def of_answer(identity: str, answer: ScenarioAnswer, source: str) -> DocumentScenarios:
    """The scenarios of an answer."""
    analysis = answer.document_analysis
    return _document(identity, analysis.main_topic, analysis.key_points, answer.explanation, source)


def of_row(row: Mapping[str, Any], source: str = "") -> DocumentScenarios:
    """A line made elsewhere: `id`, `main_topic`, `scenarios`, or the published `doc_id` and a JSON of the paper's.

    Raises ValueError (pydantic's included) for anything else.
    """
    identity = row.get("id", row.get("doc_id", row.get("_id")))
    if isinstance(identity, int) and not isinstance(identity, bool):
        identity = str(identity)
    if not isinstance(identity, str) or not identity:
        raise ValueError("there is no id")
    published = row.get("scenario_json", row.get("scenario_list", row.get("scenario")))
    if published is not None:
        value = json.loads(published) if isinstance(published, str) else published
        return of_answer(identity, ScenarioAnswer.model_validate(value), source)
    if "document_analysis" in row:
        return of_answer(identity, ScenarioAnswer.model_validate(row), source)
    own = _Row.model_validate(row)
    return _document(identity, own.main_topic, own.key_points, own.scenarios, source)


def _document(
    identity: str, topic: str, key_points: Iterable[str], needs: Iterable[Need], source: str
) -> DocumentScenarios:
    """Blank needs are dropped, and those that a document has already, however they are spaced and capitalised.

    So are all of a noise document's, which would be one clump of vectors.
    """
    kept: dict[str, Scenario] = {}
    for need in () if is_noise(topic) else needs:
        if name := " ".join(need.information_need.split()).casefold():
            kept.setdefault(name, Scenario(need.information_need, need.explanation))
    points = tuple(point.strip() for point in key_points if point.strip())
    return DocumentScenarios(identity, topic.strip(), points, tuple(kept.values()), source)


def unit_text(parts: Sequence[Part], content: str, document: DocumentScenarios, scenario: Scenario) -> str:
    """The text of one scenario's vector: the chosen parts, joined by line breaks in the paper's order.

    `content` is the document's own title and text.
    """
    texts: dict[Part, str] = {
        "need": scenario.information_need,
        "document": content,
        "topic": document.main_topic,
        "key_points": " ".join(document.key_points),
        "explanation": scenario.explanation,
    }
    return "\n".join(texts[part] for part in PARTS if part in parts and texts[part])
