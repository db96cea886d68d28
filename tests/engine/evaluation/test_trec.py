"""TREC files: what is written reads back the same, what others wrote is judged as pytrec_eval judges it."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytrec_eval import RelevanceEvaluator, parse_qrel, parse_run

from engine.errors import InputError
from engine.evaluation.metrics import evaluate
from engine.evaluation.trec import read_qrels, read_run, write_run
from engine.records import Judgement, Run

# As other tools leave it: ties, also ones of float32 alone, ranks that lie, requests in pieces, unknown requests and
# documents, tabs, a missing request (r4), no newline at the end.
FOREIGN_RUN = """r2 Q0 d1 1 0.30000001 other
r1 Q0 d10 7 2.5 other
r1 Q0 d9 1 2.5 other
r1\tQ0\td2\t3\t2.4999999999\tother
r9 Q0 d1 1 4 other

  r2 Q0 d3 2 0.3 other
r1 Q0 d1 0 1e1 other
r3 Q0 unheard_of 1 -7 other
r2 Q0 é 9 0.30000000001 other"""
FOREIGN_QRELS = """r1 0 d9 2
r1 0 d2 1
r1 0 d7 1
r2 0 d3 1
r2\t0\té\t3
r3 0 d1 1
r4 0 d1 1
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="file.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_file


def test_a_foreign_run_is_judged_as_pytrec_eval_judges_it(write):
    theirs = {"ndcg_cut_10", "recall_2", "success_1", "recip_rank", "map", "P_5", "Rprec"}
    ours = ["ndcg@10", "recall@2", "hit@1", "mrr", "map", "p@5", "rprec"]
    lines = [line for line in FOREIGN_RUN.splitlines() if line.strip()]
    expected = RelevanceEvaluator(parse_qrel(FOREIGN_QRELS.splitlines()), theirs).evaluate(parse_run(lines))
    evaluation = evaluate(read_run(write(FOREIGN_RUN)), read_qrels(write(FOREIGN_QRELS, "qrels.txt")), ours)
    assert evaluation.per_request.requests == ("r1", "r2", "r3", "r4")
    assert (evaluation.requests, evaluation.missing, evaluation.unjudged) == (4, 1, 1)
    for name, key in zip(
        ours, ["ndcg_cut_10", "recall_2", "success_1", "recip_rank", "map", "P_5", "Rprec"], strict=True
    ):
        assert evaluation.column(name).tolist() == [*(expected[r][key] for r in ("r1", "r2", "r3")), 0.0]


def test_the_order_is_trec_evals(write):
    run = read_run(write(FOREIGN_RUN))
    assert run.requests == ("r2", "r1", "r9", "r3")
    assert run.documents(0) == ["é", "d3", "d1"]  # one float32 for all three, so by id, backwards
    assert run.documents(1) == ["d1", "d9", "d2", "d10"]
    assert run.scores.dtype == np.float32


WORD = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=4)
SCORE = st.floats(width=32, allow_nan=False) | st.sampled_from([0.0, 1.0, 1.0 + 2**-23])


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(WORD, st.dictionaries(WORD, SCORE, min_size=1, max_size=6), min_size=1, max_size=4))
def test_a_run_in_trec_order_survives_to_the_last_bit(tmp_path_factory, scores):
    run, path = Run.from_scores(scores), tmp_path_factory.mktemp("trec") / "run.trec.gz"
    write_run(run, path)
    again = read_run(path)
    assert [(r, d, s.tolist()) for r, d, s in again.lists()] == [(r, d, s.tolist()) for r, d, s in run.lists()]


def test_a_list_in_another_order_keeps_it(tmp_path):
    orders = {"rising": [0.1, 0.2, 0.3], "level": [1.0, 1.0, 1.0], "unknown": [np.nan, np.nan, np.nan]}
    run = Run.from_columns({name: (["a", "c", "b"], np.array(scores)) for name, scores in orders.items()})
    write_run(run, tmp_path / "run")
    again = read_run(tmp_path / "run")
    assert [again.documents(i) for i in range(3)] == [["a", "c", "b"]] * 3
    assert (tmp_path / "run").read_text().splitlines()[0] == "rising Q0 a 1 3 quintet"


def test_lists_without_a_line_are_not_there_afterwards(tmp_path):
    write_run(Run.from_lists({"a": ["x"], "b": []}), tmp_path / "new" / "run")
    assert read_run(tmp_path / "new" / "run").requests == ("a",)


def test_gzip_is_known_by_its_content_and_the_same_run_gives_the_same_bytes(tmp_path, write):
    run = Run.from_lists({"a": ["x", "y"]})
    for name in ("one.gz", "two.gz"):
        write_run(run, tmp_path / name)
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    plain_name = write(gzip.compress(b"a Q0 x 1 2 t\n"), "run.txt")
    assert read_run(plain_name).documents(0) == ["x"]


@pytest.mark.parametrize(
    ("run", "tag", "said"),
    [
        (Run.from_lists({"a": ["two words"]}), "t", "document id 'two words' is empty or has white space"),
        (Run.from_lists({"a": ["x", ""]}), "t", "document id '' is empty"),
        (Run.from_lists({"a\n": ["x"]}), "t", "request id"),
        (Run.from_lists({"a": ["x\u00a0y"]}), "t", "white space"),
        (Run.from_lists({"a": ["\ud800"]}), "t", "not valid Unicode"),
        (Run.from_lists({"a": ["x"]}), "my run", "tag 'my run'"),
    ],
)
def test_what_a_line_cannot_hold_is_refused_and_the_old_file_stays(tmp_path, run, tag, said):
    path = tmp_path / "run"
    path.write_text("old")
    with pytest.raises(InputError, match=said):
        write_run(run, path, tag)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a Q0 x 1 2 t\n\nb Q0 x 1 2\n", r"run:3: 5 columns, not the 6"),
        ("a Q0 x 1 2 my tag\n", r"run:1: 7 columns"),
        ("a Q0 x 1 high t\n", r"run:1: the score 'high' is not a number"),
        ("a Q0 x 1 nan t\n", r"run:1: the score 'nan' is not a number"),
        (b"a Q0 \xff 1 2 t\n", "not UTF-8"),
        (b"\xff\xfea\0\n\0", "run:1: 1 columns"),
        ("\n \n", "nothing is in it"),
        ("", "nothing is in it"),
        (gzip.compress(b"a Q0 x 1 2 t\n" * 99)[:-9], "can't be read"),
        (gzip.compress(b"a Q0 x 1 2 t\n")[:12] + b"\xff" * 20, "can't be read"),
    ],
)
def test_faults_of_a_run_are_told_with_file_and_line(write, text, said):
    with pytest.raises(InputError, match=said):
        read_run(write(text, "run"))


def test_files_that_cannot_be_opened(tmp_path, write):
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputError, match="can't be read"):
            read_run(path)
    with pytest.raises(InputError, match="can't be written"):
        write_run(Run.from_lists({"a": ["x"]}), write("a file", "file") / "run")


def test_scores_beyond_float32_tie_as_they_do_in_trec_eval(write):
    run = read_run(write("\ufeffa Q0 x 1 1e39 t\na Q0 z 2 inf t\na Q0 y 3 1 t\n"))
    assert run.documents(0) == ["z", "x", "y"]


def test_qrels_of_trec_and_of_beir(write):
    wanted = [Judgement("q 1", "d1", 1), Judgement("q2", "d 2", -1)]
    assert read_qrels(write("query-id\tcorpus-id\tscore\nq 1\td1\t1\r\nq2\td 2\t-1\nq 1\td1\t1\n")) == wanted
    assert read_qrels(write("q1 0 d1 2\nq2\t0\td2\t0\n")) == [Judgement("q1", "d1", 2), Judgement("q2", "d2", 0)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("q 0 d 1\nq 0 e\n", r"qrels:2: 3 columns, not the 4"),
        ("query-id\tcorpus-id\tscore\nq d 1\n", r"qrels:2: 1 columns, not the 3"),
        ("q 0 d 0.5\n", r"qrels:1: the gain '0.5' is not a whole number"),
        ("q 0 d 1\nq 0 d 2\n", r"qrels:2: 'd' is judged 2 for 'q', and 1 further up"),
    ],
)
def test_faults_of_qrels_are_told_with_file_and_line(write, text, said):
    with pytest.raises(InputError, match=said):
        read_qrels(write(text, "qrels"))
