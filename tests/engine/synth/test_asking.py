"""Questions: one answer each, no shared word, entities where they are, what is asked for not given away."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import datetime, timedelta

from engine.synth import grammar
from engine.synth.asking import Asker, Rules
from engine.synth.calendar import MONTHS
from engine.synth.dataset import Invented, invent
from engine.synth.filters import Claim, answers, content_words, shared_words, told_by
from engine.synth.memories import draw_memories
from engine.synth.mentions import Namer
from engine.synth.people import draw_life
from engine.synth.records import Place, Tie
from engine.synth.scenes import Scene, read_scenes
from engine.synth.voices import draw_voice


def brute(claim: Claim, notes: list) -> list[str]:
    """The same as `answers`, said otherwise: every memory, one condition after the other."""
    left = []
    for note in notes:
        memory = note.memory
        if memory.kind != claim.kind:
            continue
        if claim.scene is not None and (memory.scene != claim.scene):
            continue
        if claim.index is not None and note.index != claim.index:
            continue
        if claim.ties is not None and not any(name in claim.ties for name in memory.ties):
            continue
        if claim.place is not None and memory.fields.get("location") not in claim.place:
            continue
        if claim.window is not None and (memory.time < claim.window[0] or memory.time >= claim.window[1]):
            continue
        left.append(memory)
    if claim.order == "last":
        left = sorted((m for m in left if m.time < claim.now), key=lambda m: m.time)[-1:]
    if claim.order == "next":
        left = sorted((m for m in left if m.time > claim.now), key=lambda m: m.time)[:1]
    return [memory.id for memory in left]


def test_the_filter_agrees_with_brute_force(scenes: list[Scene]) -> None:
    rng = random.Random(1)
    life = draw_life(rng, "p", scenes)
    notes = draw_memories(rng, life, 200)
    names = [tie.name for tie in life.person.ties]
    sizes = set()
    for _ in range(3000):
        now = life.first_day + timedelta(days=rng.randrange(1500))
        claim = Claim(
            rng.choice(("event", "message", "contact")),
            now,
            scene=rng.choice((None, rng.choice(life.parts).scene.id)),
            index=rng.choice((None, None, rng.randrange(4))),
            ties=rng.choice((None, frozenset(rng.sample(names, 3)))),
            place=rng.choice((None, None, frozenset({rng.choice(life.person.places).name}))),
            window=rng.choice((None, (now - timedelta(days=90), now))),
            order=rng.choice((None, None, "last", "next")),
        )
        found = [note.memory.id for note in answers(claim, notes)]
        assert found == brute(claim, notes)
        sizes.add(min(len(found), 3))
    assert sizes == {0, 1, 2, 3}


def test_a_claim_is_told_by_what_it_needs(scenes: list[Scene]) -> None:
    rng = random.Random(1)
    life = draw_life(rng, "p", scenes)
    notes = draw_memories(rng, life, 200)
    note = next(n for n in notes if n.memory.kind == "event" and n.ties)
    day = (note.memory.time - timedelta(hours=1), note.memory.time + timedelta(hours=1))
    claim = Claim("event", note.memory.time, scene=note.memory.scene, window=day)
    assert answers(claim, notes) == [note] and told_by(claim, notes) == ("time",)


def test_every_question_has_one_answer_and_shares_no_word(thirty: list[Invented]) -> None:
    named = total = 0
    for invented in thirty:
        store = {memory.id: memory for memory in invented.memories}
        people, places = invented.life.person.ties, invented.life.person.places
        around: list[Tie | Place] = [*people, *places]
        called = {name for one in around for name in (one.name, *one.nicknames)}
        called = {name.lower() for name in called} | {tie.name.split()[0].lower() for tie in people}
        for question in invented.questions:
            memory = store[question.memory]
            # a name that the question says and marks; no role ("my sparring partner"), which has content words
            marked = [question.text[start:end] for start, end, _ in question.entities]
            names = [surface for surface in marked if surface.lower().replace("’", "'") in called]
            assert not shared_words(question.text, memory.text, names), (question.text, memory.text)
            named += bool(shared_words(question.text, memory.text))
            total += 1
    assert 0.03 < named / total < 0.25


def test_a_role_is_no_name(thirty: list[Invented]) -> None:
    rng, seen = random.Random(0), Counter[bool]()
    for invented in thirty[:8]:
        namer = Namer(invented.life, draw_voice(rng, invented.life.british))
        for tie in invented.life.person.ties * 4:
            mention = namer.person(rng, tie)
            if mention is None:
                continue
            seen[bool(mention.name)] += 1
            assert mention.name.lower() in mention.text.text.lower()
            assert mention.name in ("", tie.name, tie.name.split()[0], *tie.nicknames), mention
    assert min(seen[True], seen[False]) > 50


def test_a_word_may_be_shared_where_that_is_allowed(scenes: list[Scene]) -> None:
    strict = invent(scenes, 3, Rules(max_shared=0, name_share=0.0), 0, 40)
    store = {memory.id: memory for memory in strict.memories}
    assert not any(shared_words(q.text, store[q.memory].text) for q in strict.questions)


def test_plain_talk_shares_a_word_or_two_in_part_of_the_questions() -> None:
    real = read_scenes()
    counts: Counter[int] = Counter()
    for number in range(4):
        talking = invent(real, 3, Rules(shared=0.35, name_share=0.0), number, 120)
        store = {memory.id: memory.text for memory in talking.memories}
        counts.update(len(shared_words(q.text, store[q.memory])) for q in talking.questions)
    assert set(counts) == {0, 1, 2}
    assert 0.25 < (counts[1] + counts[2]) / counts.total() < 0.42


def test_content_words() -> None:
    assert content_words("Did I go to the dentists' with my honey?") == content_words("dentist honey")
    assert shared_words("Luz's dentist", "Luz | dentist") == content_words("luz dentist")
    assert shared_words("Luz's dentist", "Luz | dentist", ["Luz"]) == content_words("dentist")


def test_entities_are_what_they_say(thirty: list[Invented]) -> None:
    for invented in thirty:
        people = {tie.name for tie in invented.life.person.ties if not tie.organisation}
        first = {name.split()[0] for name in people}
        for text, entities in [
            *((m.text, m.entities) for m in invented.memories),
            *((q.text, q.entities) for q in invented.questions),
        ]:
            ends = [0, *(end for _, end, _ in entities)]
            assert all(start >= end for (start, _, _), end in zip(entities, ends, strict=False)), text
            for start, end, kind in entities:
                surface = text[start:end]
                assert surface and surface == surface.strip() and kind in ("PER", "LOC", "EVT", "TIM"), (text, surface)
        for memory in invented.memories:
            labelled = {memory.text[start:end] for start, end, kind in memory.entities if kind == "PER"}
            if memory.kind == "contact":
                assert str(memory.fields["name"]) in labelled
            assert all(name in labelled for name in memory.fields.get("attendees", ())), memory.text
            assert labelled & (people | first) or not memory.ties or labelled or memory.kind == "message"


def test_what_is_asked_for_is_not_in_the_question(thirty: list[Invented]) -> None:
    for invented in thirty:
        store = {memory.id: memory for memory in invented.memories}
        for question in invented.questions:
            memory, text = store[question.memory], question.text.lower()
            if question.ask == "who" and memory.kind != "contact":
                assert not any(name.lower() in text for name in memory.ties), question.text
            if question.ask == "where":
                assert str(memory.fields["location"]).lower() not in text, question.text


def test_how_questions_sound(thirty: list[Invented]) -> None:
    questions = [question for invented in thirty for question in invented.questions]
    lengths = [len(question.text.split()) for question in questions]
    assert 10.5 < sum(lengths) / len(lengths) < 14 and sorted(lengths)[int(0.95 * len(lengths))] <= 18
    months = sum(bool(re.search(rf"\b(?:{'|'.join(MONTHS)})\b", q.text)) for q in questions) / len(questions)
    relative = sum(bool(re.search(r"(?i)\b(?:last|this|next|upcoming)\b", q.text)) for q in questions) / len(questions)
    assert months < 0.1 < 0.4 < relative
    assert len({question.text.lower() for question in questions}) > 0.97 * len(questions)
    assert len({" ".join(q.text.lower().split()[:3]) for q in questions}) > 400
    timed = sum(any(kind == "TIM" for _, _, kind in q.entities) for q in questions) / len(questions)
    assert 0.6 < timed < 0.9
    for question in questions:
        assert not re.search(r"[{}\[\]|]|  |\s[?.,]", question.text), question.text
        assert question.time < datetime(2027, 1, 1)


def test_every_template_can_be_filled() -> None:
    slots = set("vp np ev about told who was is whom with at place time sort a_sort".split())  # noqa: SIM905
    rng = random.Random(0)
    for kind, future in (("event", False), ("event", True), ("message", False), ("contact", False)):
        found = grammar.templates(kind, future)
        assert sum(map(len, found.values())) >= 60
        for ask, templates in found.items():
            assert ask in ("who", "what", "when", "where", "yes-no")
            for template in templates:
                assert template.slots <= slots, template.text
                for _ in range(5):
                    text = template.drawn(rng)
                    assert text.endswith("?") and not set("()|") & set(text), text


def test_a_voice_is_its_own(scenes: list[Scene]) -> None:
    rng = random.Random(2)
    voices = [Asker(rng, draw_life(rng, "p", scenes), ()).voice for _ in range(5)]
    assert len({voice.mentions["nickname"] for voice in voices}) == 5
