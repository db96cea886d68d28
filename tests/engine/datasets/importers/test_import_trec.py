from __future__ import annotations

from pathlib import Path

import pytest

from engine.datasets.importers import import_dataset
from engine.datasets.importers.sgml import elements, plain
from engine.datasets.reader import Dataset
from engine.errors import InputError

NEWS = """
<DOC>
<DOCNO> AP880212-0001 </DOCNO>
<FILEID>AP-NR-02-12-88</FILEID>
<HEAD>Peanut Supports</HEAD>
<HEAD>Go Higher</HEAD>
<TEXT>
   Price supports &amp; quotas rise by $7.80,
 if 3 < 4 that is.
</TEXT>
<TEXT>
Second part.
</TEXT>
</DOC>
<doc><docno>AP880212-0002</docno><text>on one line</text></doc> <DOC>
<DOCNO>AP880212-0003</DOCNO>
<DATELINE>ROME</DATELINE>
<P>No text element
<!-- a comment -->here.</P>
</DOC>
"""
TOPICS = """
<top>

<num> Number: 051
<title> Topic: Airbus Subsidies

<desc> Description:
Government assistance to Airbus.

<narr> Narrative:
A relevant document will cite
assistance.

</top>
<top><num>207</num><desc>Quebec's prospects</desc></top>
"""
QRELS = "51 0 AP880212-0001 1\n51 0 AP880212-0002 0\n207 0 AP880212-0003 2\n"


def test_a_collection_in_trecs_markup(put, tmp_path: Path) -> None:
    first, second = NEWS.split("<doc>")
    put("ap/docs/ap880212", first)
    put("ap/docs/deeper/ap880213.gz", "<doc>" + second)
    put("ap/docs/README", "not a document")
    put("ap/topics.51-207", TOPICS)
    put("ap/qrels.txt", QRELS)
    result = import_dataset("trec", tmp_path / "ap", tmp_path / "out")
    assert (result["documents"], result["queries"], result["judgements"]) == (3, 2, {"test": 3})
    dataset = Dataset(tmp_path / "out")
    assert [(d.id, d.title, d.text) for d in dataset.documents()] == [
        (
            "AP880212-0001",
            "Peanut Supports Go Higher",
            "Price supports & quotas rise by $7.80, if 3 < 4 that is. Second part.",
        ),
        ("AP880212-0002", "", "on one line"),
        ("AP880212-0003", "", "ROME No text element here."),
    ]
    airbus, quebec = dataset.requests("test")
    assert (airbus.id, airbus.text) == ("51", "Airbus Subsidies")  # as the qrels number it
    assert airbus.fields == {
        "description": "Government assistance to Airbus.",
        "narrative": "A relevant document will cite assistance.",
    }
    assert (quebec.id, quebec.text) == ("207", "Quebec's prospects")  # there is no title
    assert [r.text for r in dataset.requests(text_field="description")] == [
        "Government assistance to Airbus.",
        "Quebec's prospects",
    ]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_tables(put, tmp_path: Path, suffix: str) -> None:
    put(f"src/collection.tsv{suffix}", "0\tfirst\twith a tab\n1\tsecond\n")
    put(f"src/queries.tsv{suffix}", "007\twho?\n")
    put(f"src/qrels.dev.tsv{suffix}", "007\t0\t1\t1\n")
    put(f"src/qrels.train.tsv{suffix}", "007 0 0 1\n")
    result = import_dataset("trec", tmp_path / "src", tmp_path / "out")
    assert result["judgements"] == {"dev": 1, "train": 1}
    dataset = Dataset(tmp_path / "out")
    assert [d.text for d in dataset.documents()] == ["first\twith a tab", "second"]
    assert [r.id for r in dataset.requests("dev")] == ["007"]  # ids of tables are no numbers


def test_jsonl_with_anserinis_names(put, tmp_path: Path) -> None:
    put("src/corpus/00.jsonl", [{"id": 1, "contents": "a", "title": "T", "year": 1999}])
    put("src/corpus/01.jsonl.gz", [{"docid": "x", "text": "b"}])
    put("src/the_questions.jsonl", [{"qid": "q", "query": "?"}])
    put("src/judged/part1", "q 0 1 1\n")
    put("src/judged/part2", "q 0 x 0\n")
    options = {"topics": "the_questions.jsonl", "qrels": "judged"}
    import_dataset("trec", tmp_path / "src", tmp_path / "out", **options)
    dataset = Dataset(tmp_path / "out")
    assert [(d.id, d.title, d.text, dict(d.fields)) for d in dataset.documents()] == [
        ("1", "T", "a", {"year": 1999}),
        ("x", "", "b", {}),
    ]
    assert len(dataset.judgements("test")) == 2


def test_other_encodings(put, tmp_path: Path) -> None:
    put("src/docs.sgml", "<DOC>\n<DOCNO>1</DOCNO>\n<TEXT>caf\xe9</TEXT></DOC>".encode("latin-1"))
    put("src/topics.tsv", "1\tx\n")
    put("src/qrels", "1 0 1 1\n")
    with pytest.raises(
        InputError, match=r"^docs.sgml:3: not UTF-8 .*Give another encoding, such as --option encoding=latin-1"
    ):
        import_dataset("trec", tmp_path / "src", tmp_path / "out")
    with pytest.raises(InputError, match="no encoding 'latin-one'"):
        import_dataset("trec", tmp_path / "src", tmp_path / "out", encoding="latin-one")
    import_dataset("trec", tmp_path / "src", tmp_path / "out", encoding="latin-1")
    assert next(Dataset(tmp_path / "out").documents()).text == "caf\xe9"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("docs", "<DOC>\n<DOCNO>1</DOCNO>\n<TEXT>x", r"^docs:1: <DOC> is never closed"),
        ("docs", "<DOC>\n<TEXT>x</TEXT></DOC>", r"^docs:1: <DOC> has no <DOCNO>"),
        ("docs", "one\ttwo\nthree", r"^docs:2: no tab between id and text"),
        ("docs", '{"id": "a"}', r"^docs:1: no 'contents' or 'text'"),
        ("docs", "<DOC>" + f"{'x' * 1000}\n" * 4200, r"^docs:1: <DOC> is over 4 MiB"),
        ("topics", "<top>\n<title>x</top>", r"^topics:1: <top> has no <num>"),
        ("topics", "<topics></topics>", r"^topics: there is no <top> in it"),
        ("qrels", "1 0 d1 yes\n", r"^qrels:1: the gain 'yes' is not a whole number"),
        ("qrels", "1 0 d7 1\n", r"'d7' is not in the corpus"),
    ],
)
def test_faults_are_told_with_their_place(put, tmp_path: Path, name: str, content: str, message: str) -> None:
    put("src/docs", "d1\ttext\n")
    put("src/topics", "1\tquery\n")
    put("src/qrels", "1 0 d1 1\n")
    put(f"src/{name}", content)
    with pytest.raises(InputError, match=message):
        import_dataset("trec", tmp_path / "src", tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["src"]


def test_each_part_must_be_there(put, tmp_path: Path) -> None:
    put("src/docs", "d1\ttext\n")
    with pytest.raises(InputError, match=r"no topics in it\. Name them with --option topics=FILE"):
        import_dataset("trec", tmp_path / "src", tmp_path / "out")


def test_elements_are_found_however_lines_break() -> None:
    lines = list(enumerate(["x<DOC>a</DOC><Doc id=1>b", "c</doc >", "<DOCS>no</DOCS><DOC></DOC>"], 1))
    assert list(elements(lines, "DOC", "f")) == [(1, "a"), (1, "b\nc"), (3, "")]
    assert plain("<P>a &lt;b&gt;<br/>  c\n&eacute;</P>") == "a <b> c \xe9"
