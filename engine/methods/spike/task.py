"""The teacher's task: which needs does a document serve, and how? (Paper, section on scenario generation.)

The wording is ours. What a reply must hold is the paper's JSON; a document without content is marked by its topic.
"""

from __future__ import annotations

from pydantic import BaseModel

from engine.llm.task import Message, Task
from engine.methods.spike.scenarios import NOISE, Analysis, Need, ScenarioAnswer
from engine.sentences import sentences

EXTRACTED = 5  # sentences that stand for scenarios where there is no model; the published mean is 4.6

INSTRUCTION = f"""\
You prepare the documents of a collection for people who will need them without knowing how they are worded.

Read the document and answer with one JSON object that has exactly these keys:
- "document_analysis": an object with "main_topic" (a phrase) and "key_points" (three to seven short statements of \
what the document establishes)
- "information_needs": three to six needs that different people could have and that this document serves. Begin each \
with "A user wants to". Vary the people, the occasions and the depth; include needs that share the document's \
principle, cause or method but none of its words.
- "explanation": a list with one object for each of those needs, in the same order, with "information_need" (the need \
again) and "explanation" (one or two sentences that say in general terms by which idea the document serves it)

Stay with what the document supports. If it has no content that could serve anybody (only digits, blanks, isolated \
words, navigation), give it the main topic "{NOISE}" and leave the three lists empty.
Answer with the JSON alone."""


class DocumentInputs(BaseModel):
    """One document as the model reads it; `domain` is what kind of collection it comes from."""

    domain: str = ""
    title: str = ""
    text: str


def messages(inputs: DocumentInputs) -> list[Message]:
    """The instruction first, since all documents share it and a server can keep it."""
    domain = f"Collection: {inputs.domain}\n" if inputs.domain else ""
    title = f"Title: {inputs.title}\n" if inputs.title else ""
    document = f"{domain}{title}Document:\n{inputs.text}"
    return [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": document}]


def check(inputs: DocumentInputs, answer: ScenarioAnswer) -> None:
    """ValueError for a document with content of which the model names no need."""
    if not answer.is_noise and not any(need.information_need for need in answer.explanation):
        raise ValueError("it names no need")


def extractive(inputs: DocumentInputs) -> ScenarioAnswer:
    """Without a model: the document's first and last sentence and its longest stand for the needs, word for word."""
    found = list(dict.fromkeys(inputs.text[a:b].strip() for a, b in sentences(inputs.text)))
    found = [sentence for sentence in found if sentence]
    edges = dict.fromkeys([found[0], found[-1]]) if found else {}
    chosen = list(dict.fromkeys([*edges, *sorted(found, key=lambda s: (-len(s), s))]))[:EXTRACTED]
    needs = [sentence for sentence in found if sentence in chosen]
    topic = (inputs.title or (found[0] if found else "")) if needs else NOISE
    return ScenarioAnswer(
        document_analysis=Analysis(main_topic=topic, key_points=needs),
        information_needs=needs,
        explanation=[Need(information_need=need) for need in needs],
    )


SCENARIOS = Task(
    name="spike-scenarios",
    version=1,
    inputs=DocumentInputs,
    answer=ScenarioAnswer,
    messages=messages,
    check=check,
    extractive=extractive,
)
