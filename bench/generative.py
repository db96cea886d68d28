"""What PEARL costs a visitor: a question in a store of 500 memories, an explanation, one more memory."""

from __future__ import annotations

import json
import time
from statistics import median, quantiles
from typing import Any

from bench.table import Row, Table, duration
from bench.world import World
from engine import experiment
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.methods.pearl.index import Ids, ids
from engine.records import Document, Request
from engine.synth.dataset import write

BEAMS = 20
BUDGET, ADDING = 0.060, 0.2  # seconds


def run(world: World) -> Table:
    """One row a thing that is done; the model is trained on few questions, which changes no time."""
    memories, asked = (500, 60) if world.sizes.documents > 1000 else (60, 8)
    workspace, folder = Workspace(world.scratch / "generative"), world.scratch / "invented"
    write(folder, 6, 1200, 0)
    people = Dataset(folder)
    chosen = ("build.questions=200", "build.tagger_build.tagger.epochs=1", "build.transposition=null")
    trainee = experiment.trainee("pearl", None, chosen)
    trainee.train(experiment.target(workspace, people), people, trainee.build, "quick")
    store = _one_store(people, world, memories)
    goal = experiment.target(workspace, store)
    contestant = experiment.contestant("pearl", None, (f"search.beams={BEAMS}",))
    searcher: Any = experiment.opened(contestant.method, contestant.build, goal)
    questions = [Request(r.id, r.text, user="one", time=r.time) for r in people.requests()][: asked + 1]
    searcher.search(questions[:1], 10, contestant.options)
    whole, reading, explaining = [], [], []
    for question in questions[1:]:
        started = time.perf_counter()
        found = searcher.search([question], 10, contestant.options)
        whole.append(time.perf_counter() - started)
        started = time.perf_counter()
        text = searcher.model.rendered(searcher.model.read([question.text])[0])
        searcher.model.model.encode(searcher.model.model.tokens([text]))
        reading.append(time.perf_counter() - started)
        started = time.perf_counter()
        searcher.explain(question, found.documents(0)[:5], contestant.options)
        explaining.append(time.perf_counter() - started)
    path = ids(goal, searcher.config, searcher.model)
    before = Ids(path, goal.collection)
    started = time.perf_counter()
    searcher.add([Document("new", "Lunch with Ann at the Old Mill", user="one", kind="event", time="2024-05-01T12:00")])
    adding = time.perf_counter() - started
    after = Ids(path, searcher.collection)
    kept = bool((after.nodes[:-1] == before.nodes).all() and (after.digits[:-1] == before.digits).all())
    middle = median(whole)
    rows = [
        Row(
            f"a question, {memories} memories, {BEAMS} beams, p50",
            duration(middle),
            duration(median(reading)),
            f"{middle / median(reading):.2f}",
            f"<= {duration(BUDGET)}",
            middle <= BUDGET,
        ),
        Row("the same, p95", duration(quantiles(whole, n=20)[-1])),
        Row("explaining five hits, p50", duration(median(explaining))),
        Row("one more memory, published", duration(adding), "", "", f"<= {duration(ADDING)}", adding <= ADDING),
        Row("all other ids as they were", "yes" if kept else "no", "", "", "yes", kept),
    ]
    note = "Tagger, encoder and beam search, one question at a time; the direct way tags and encodes it only."
    return Table("generative", note, rows)


def _one_store(people: Dataset, world: World, memories: int) -> Dataset:
    """So many memories as one person's."""
    folder = world.scratch / "one-store"
    folder.mkdir()
    documents = [d for d, _ in zip(people.documents(), range(memories), strict=False)]
    rows = [
        {"_id": d.id, "text": d.text, "user": "one", "kind": d.kind, "time": d.time, "fields": dict(d.fields)}
        for d in documents
    ]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    question = {"_id": "q", "text": "where was I?", "user": "one"}
    (folder / "queries.jsonl").write_text(json.dumps(question) + "\n", "utf-8")
    return Dataset(folder)
