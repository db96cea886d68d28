from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.datasets.times import read_time


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2023-05-08T13:56:00", "2023-05-08T13:56:00"),
        ("2023-05-08 13:56", "2023-05-08T13:56:00"),
        ("2023-05-08T13", "2023-05-08T13:00:00"),
        ("2023-05-08T13:56:00Z", "2023-05-08T13:56:00"),
        ("2023-05-08T23:56:00+09:30", "2023-05-08T23:56:00"),  # the wall clock is kept
        ("2023-05-08T13:56:00.250", "2023-05-08T13:56:00.250000"),
        ("2023-05-08", "2023-05-08"),  # a date stays a date
        ("20230508", "2023-05-08"),
        (" 2023-05-08\n", "2023-05-08"),
    ],
)
def test_iso(written: str, read: str) -> None:
    assert read_time(written) == (read, True)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1:56 pm on 8 May, 2023", "2023-05-08T13:56:00"),  # LoCoMo
        ("12:09 am on 13 September, 2023", "2023-09-13T00:09:00"),
        ("May 8 2023", "2023-05-08"),
        ("8 May 2023 1 pm", "2023-05-08T13:00:00"),
        ("Mon, 08 May 2023 13:56:00 +0200", "2023-05-08T13:56:00"),  # mail
        ("2023/05/08", "2023-05-08"),  # a year in front is read in one order only
        ("2023/05/08 13:56", "2023-05-08T13:56:00"),
        ("25/04/2023", "2023-04-25"),  # only one of the two can be the month
        ("04/04/2023", "2023-04-04"),  # both orders mean the same day
        ("2023 May 8 13:56 EST", "2023-05-08T13:56:00"),
        ("2023-05-08 1:56 pm", "2023-05-08T13:56:00"),
    ],
)
def test_other_forms_that_can_be_read_in_one_way(written: str, read: str) -> None:
    assert read_time(written) == (read, False)


@pytest.mark.parametrize(
    "written",
    [
        "03/04/2023",  # March or April
        "5-8-2023",
        "8 May 23",  # 2023, or the 23rd of May 2008
        "8 May",
        "May 2023",
        "Tuesday May 2023",
        "2023",
        "Monday",
        "1:56 pm",
        "yesterday",
        "1683554160",  # a Unix time, or 2016-83-55
        "1605041330",  # a Unix time, or 4 May 2016, 13:30
        "2023-02-30",
        "2023-13-05",  # a slip, and not the 13th of May
        "2023-05-08T24:00:00",
        "29 Feb 2023",
        "",
        "-",
        "8 May 2023 " * 20,
        "\ud800",
    ],
)
def test_what_cannot_be_read_in_one_way_is_none(written: str) -> None:
    assert read_time(written) == (None, False)


@given(st.text(alphabet="0123456789 :-/.,TZ+aAmMpPyjJunNovS", max_size=24) | st.text(max_size=12))
def test_any_text_is_a_time_or_none(text: str) -> None:
    time, iso = read_time(text)
    if time is not None:
        assert read_time(time) == (time, True)  # what is read reads back the same
    else:
        assert not iso


@given(st.datetimes())
def test_every_point_in_time_keeps_its_value(moment) -> None:
    assert read_time(moment.isoformat()) == (moment.isoformat(), True)
