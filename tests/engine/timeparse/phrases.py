"""What English speakers mean by phrases of time, a line a question; questions without a time; texts of such words."""

from __future__ import annotations

from hypothesis import strategies as st

# The moments of the table. Each is local and naive.
NOW = {
    "W": "2023-06-14T10:00:00",  # Wednesday
    "S": "2023-06-18T10:00:00",  # Sunday, the last day of its week
    "J": "2023-01-09T10:00:00",  # Monday in January: winter across the year's end
    "M": "2023-05-10T10:00:00",  # Wednesday in May: June is ahead
    "H": "2023-07-15T10:00:00",  # Saturday in the height of summer
    "N": "2023-11-10T10:00:00",  # Friday in autumn
    "L": "2024-02-29T10:00:00",  # Thursday, a leap day
    "Y": "2022-12-31T10:00:00",  # Saturday, the last day of the year
    "R": "2024-03-06T14:30:00",  # Wednesday afternoon of a leap year
}
# moment | question | days inside, the first in the surest reading | days in no reading. Days are at noon.
TABLE = """
W | what's on today? | 2023-06-14 | 2023-06-13 2023-06-15
W | what am I doing tonight? | 2023-06-14T21 | 2023-06-14T09 2023-06-13T21
W | who rang me this morning? | 2023-06-14T09 | 2023-06-13T09 2023-06-14T20
W | where are we going this afternoon? | 2023-06-14T15 | 2023-06-14T08
W | where are we going this evening? | 2023-06-14T20 | 2023-06-14T08
W | what did I say earlier today? | 2023-06-14T08 | 2023-06-13
W | what did she say just now? | 2023-06-14T09 | 2023-06-12
W | what did I eat yesterday? | 2023-06-13 | 2023-06-12 2023-06-14
W | what did I eat yesterday evening? | 2023-06-13T20 | 2023-06-13T09 2023-06-14T20
W | who called last night? | 2023-06-13T22 | 2023-06-14T12 2023-06-12T22
W | who called the night before last? | 2023-06-12T22 | 2023-06-13T22
W | what's happening tomorrow? | 2023-06-15 | 2023-06-14 2023-06-16
W | who am I meeting tomorrow morning? | 2023-06-15T09 | 2023-06-15T20 2023-06-14T09
W | what did we do the day before yesterday? | 2023-06-12 | 2023-06-13 2023-06-11
W | what is on the day after tomorrow? | 2023-06-16 | 2023-06-15 2023-06-17
W | who did I see the other day? | 2023-06-10 | 2023-04-01 2023-06-15
W | who did I see the other week? | 2023-06-02 | 2023-03-01 2023-06-15
W | what have I been reading recently? | 2023-06-10 2023-05-20 | 2022-06-10 2023-06-20
W | have I been swimming lately? | 2023-06-10 2023-05-20 | 2022-06-10 2023-06-20
W | when did I last see Tom? | 2023-06-01 2023-02-01 | 2023-06-20 2021-01-01
W | who came last time? | 2023-06-01 2023-02-01 | 2023-06-20
W | who is coming to the upcoming party? | 2023-06-20 2023-07-10 | 2023-06-01
W | what do I have coming up? | 2023-06-20 2023-07-10 | 2023-06-01
W | am I seeing Ann soon? | 2023-06-20 | 2023-06-01
W | who did I meet on Monday? | 2023-06-12 | 2023-06-10
W | who am I meeting on Monday? | 2023-06-19 | 2023-06-17
W | what did I buy on Friday? | 2023-06-09 | 2023-06-08
W | what did I buy last Friday? | 2023-06-09 | 2023-06-10 2023-06-16
W | what did I buy last Tuesday? | 2023-06-13 2023-06-06 | 2023-06-12
W | what did I buy last Wednesday? | 2023-06-07 | 2023-06-14
W | what am I doing next Saturday? | 2023-06-17 2023-06-24 | 2023-06-10
W | what am I doing next Monday? | 2023-06-19 | 2023-06-12
W | what am I doing this Thursday? | 2023-06-15 | 2023-06-14
W | where do we perform this Sunday? | 2023-06-18 | 2023-06-17
W | what did I do this Monday? | 2023-06-12 | 2023-06-13
W | what am I doing on Wednesday? | 2023-06-14 2023-06-21 | 2023-06-15
W | where am I going Saturday week? | 2023-06-24 | 2023-06-17
W | where am I going a week on Tuesday? | 2023-06-27 | 2023-06-20
W | where am I going a week on Saturday? | 2023-06-24 | 2023-06-17
W | where did I go on Friday night? | 2023-06-09T22 | 2023-06-09T10
W | where are we going Friday morning? | 2023-06-16T09 | 2023-06-16T20
W | what did I cook last Fri? | 2023-06-09 | 2023-06-16
W | what did I cook this week? | 2023-06-12 2023-06-14 | 2023-06-11 2023-06-19
W | what did I cook last week? | 2023-06-05 2023-06-11 | 2023-05-31 2023-06-14
W | what's on next week? | 2023-06-19 2023-06-25 | 2023-06-14 2023-06-30
W | what did I cook the week before last? | 2023-05-29 2023-06-04 | 2023-06-06 2023-05-20
W | what's on the week after next? | 2023-06-26 2023-07-02 | 2023-06-19 2023-07-08
W | what did we do last weekend? | 2023-06-10 2023-06-11 | 2023-06-09 2023-06-17
W | what are we doing this weekend? | 2023-06-17 2023-06-18 | 2023-06-16 2023-06-19
W | what are we doing next weekend? | 2023-06-17 2023-06-24 | 2023-06-16 2023-06-11
W | what did we do the weekend before last? | 2023-06-03 2023-06-04 | 2023-06-10 2023-06-17
W | what are we doing at the weekend? | 2023-06-17 | 2023-06-16
W | what did we do over the weekend? | 2023-06-11 | 2023-06-01
W | how much did I spend this month? | 2023-06-01 2023-06-14 | 2023-05-31
W | how much did I spend last month? | 2023-05-01 2023-05-31 | 2023-06-13 2023-04-10
W | what's planned for next month? | 2023-07-01 2023-07-31 | 2023-06-14 2023-08-30
W | what did we plan the month before last? | 2023-04-01 2023-04-30 | 2023-06-01 2023-02-20
W | what's planned for the month after next? | 2023-08-01 2023-08-31 | 2023-07-01
W | what were sales last quarter? | 2023-01-01 2023-03-31 | 2023-06-14
W | what were sales this quarter? | 2023-04-01 2023-06-14 | 2023-03-31
W | what did we do last year? | 2022-01-01 2022-12-31 | 2023-06-13 2021-06-01
W | what have we done this year? | 2023-01-01 2023-06-01 | 2022-12-31
W | what's planned for next year? | 2024-01-01 2024-12-31 | 2023-06-14
W | where did we go the year before last? | 2021-01-01 2021-12-31 | 2023-01-01
W | what did I do earlier this week? | 2023-06-12 | 2023-06-17 2023-06-11
W | what did I do earlier this month? | 2023-06-02 | 2023-06-20 2023-05-31
W | what am I doing later this month? | 2023-06-28 | 2023-06-02 2023-07-02
W | who did I see a week ago? | 2023-06-07 | 2023-06-20 2023-05-10
W | who did I see two weeks ago? | 2023-05-31 2023-05-28 2023-06-03 | 2023-06-13 2023-05-01
W | who did I see 2 weeks ago? | 2023-05-31 2023-05-28 2023-06-03 | 2023-06-13 2023-05-01
W | who did I see about 2 weeks ago? | 2023-05-31 2023-05-28 2023-06-03 | 2023-06-13 2023-05-01
W | who did I see a fortnight ago? | 2023-05-31 | 2023-07-01 2023-04-20
W | who did I see three days ago? | 2023-06-11 2023-06-10 | 2023-06-14 2023-06-08
W | who did I see a couple of days ago? | 2023-06-12 2023-06-11 | 2023-06-01 2023-06-15
W | who did I see a few days ago? | 2023-06-11 2023-06-09 | 2023-05-30 2023-06-15
W | who did I see several weeks ago? | 2023-05-15 2023-04-25 | 2023-06-14 2023-02-01
W | who did I see a couple of months ago? | 2023-04-01 2023-03-20 | 2023-06-13 2022-12-01
W | who did I see a couple months back? | 2023-04-01 2023-03-20 | 2023-06-13 2022-12-01
W | who did I see two or three months ago? | 2023-04-01 2023-03-20 | 2023-06-13 2022-12-01
W | who did I see 3-4 months ago? | 2023-03-01 2023-02-14 | 2023-06-01 2022-10-01
W | who did I see 3–4 months ago? | 2023-03-01 2023-02-14 | 2023-06-01 2022-10-01
W | who did I see 6 months ago? | 2022-12-14 2022-12-01 | 2023-04-01 2022-06-14
W | who did I see half a year ago? | 2022-12-14 2022-12-01 | 2023-04-01 2022-06-14
W | where did we go a year ago? | 2022-06-14 2022-08-01 | 2023-06-14 2020-12-01
W | where did we go 2 years ago? | 2021-06-14 2021-03-01 2021-10-01 | 2023-06-01 2019-06-01
W | where did we go a couple of years ago? | 2021-06-14 2020-10-01 | 2023-06-10 2018-01-01
W | where did we live ten years ago? | 2013-06-14 2012-10-01 | 2020-01-01 2008-01-01
W | what happened an hour ago? | 2023-06-14T09 | 2023-06-13T09
W | where are we going in two weeks? | 2023-06-28 2023-06-27 | 2023-06-14 2023-08-01
W | where are we going two weeks from now? | 2023-06-28 | 2023-06-14 2023-08-01
W | where are we going in three months' time? | 2023-09-14 | 2023-06-30 2024-01-10
W | where are we going in a few days? | 2023-06-18 | 2023-06-14T09 2023-07-14
W | what happened in the last three weeks? | 2023-06-01 2023-05-25 | 2023-04-20 2023-06-20
W | what happened over the past 2 months? | 2023-05-01 2023-04-20 | 2023-01-20 2023-06-20
W | what happened during the last couple of months? | 2023-05-01 | 2022-12-20 2023-06-20
W | what happened in the past few days? | 2023-06-12 | 2023-05-20 2023-06-16
W | what will happen over the next two weeks? | 2023-06-20 | 2023-06-10 2023-08-01
W | what did I read over the last year? | 2022-08-01 2023-06-01 | 2021-12-01
W | what did I read in the past month? | 2023-05-20 2023-06-10 | 2023-03-20
W | what did I do at the end of last month? | 2023-05-30 | 2023-05-03 2023-06-14
W | what did I do at the beginning of last month? | 2023-05-02 | 2023-05-28
W | what did I do in the middle of last month? | 2023-05-15 | 2023-05-30
W | what am I doing at the end of the month? | 2023-06-29 | 2023-06-05
W | what am I doing at the end of this month? | 2023-06-29 | 2023-06-05
W | what did I do at the start of the year? | 2023-01-10 | 2023-06-01
W | what did I do at the end of last year? | 2022-12-15 | 2022-02-01
W | who came in early March? | 2023-03-03 | 2023-03-28
W | who came in mid-March? | 2023-03-15 | 2023-03-30
W | who came in late March? | 2023-03-28 | 2023-03-03
W | who came late last September? | 2022-09-28 | 2022-09-03
W | what happened in the first week of May? | 2023-05-03 | 2023-05-20
W | what happened in the last week of May? | 2023-05-29 | 2023-05-10
W | what happened on the first Thursday in May? | 2023-05-04 | 2023-05-11
W | what happened on the last Friday of May? | 2023-05-26 | 2023-05-19
W | what happened one Sunday in March? | 2023-03-05 2023-03-12 2023-03-26 | 2023-03-06
W | what happened on the first weekend of May? | 2023-05-06 | 2023-05-13
W | did I see Jo in March? | 2023-03-15 | 2023-04-02 2023-02-27
W | did I see Jo in June? | 2023-06-10 | 2023-05-20
M | did I see Jo in June? | 2022-06-15 | 2023-05-10
M | am I seeing Jo in June? | 2023-06-15 | 2023-05-10
W | did I see Jo in June 2021? | 2021-06-15 | 2023-06-10 2022-06-10
W | did I see Jo back in March? | 2023-03-15 | 2023-05-15
W | did I see Jo this March? | 2023-03-15 | 2022-03-15
W | did I see Jo last March? | 2023-03-15 2022-03-15 | 2023-04-15
W | did I see Jo last November? | 2022-11-15 | 2023-03-01
J | did I see Jo last June? | 2022-06-15 | 2023-01-05
W | where will I be next February? | 2024-02-15 | 2023-02-15
W | where will I be next September? | 2023-09-15 2024-09-15 | 2022-09-15
W | did I see Jo in June last year? | 2022-06-15 | 2023-06-10 2022-08-01
W | did I see Jo in Sept? | 2022-09-15 | 2023-03-01
W | did I go out on 5 May? | 2023-05-05 | 2023-05-06
W | did I go out on May 5th? | 2023-05-05 | 2023-05-06
W | did I go out on the 21st of April? | 2023-04-21 | 2023-04-20
W | did I go out on 5 May 2021? | 2021-05-05 | 2023-05-05
W | did I go out on May 5, 2021? | 2021-05-05 | 2023-05-05
W | did I go out on 5/12/2022? | 2022-12-05 2022-05-12 | 2022-12-06
W | did I go out on 25/12/2022? | 2022-12-25 | 2022-12-24
W | did I go out on 12/25/2022? | 2022-12-25 | 2022-12-24
W | did I go out on 2023-05-12? | 2023-05-12 | 2023-12-05 2023-05-13
W | did I go out on the 3rd? | 2023-06-03 | 2023-06-04
W | am I going out on the 3rd? | 2023-07-03 | 2023-07-04
W | what's on the 5th of next month? | 2023-07-05 | 2023-06-05
W | where did we stay last spring? | 2023-04-15 2022-04-15 | 2023-01-15
N | where did we stay last summer? | 2023-07-15 2022-07-15 | 2023-04-15
H | where did we stay last summer? | 2022-07-15 | 2023-05-01
J | where did we stay last summer? | 2022-07-15 | 2022-12-15
N | where did we stay last winter? | 2023-01-15 2022-12-15 | 2023-06-15
J | where did we stay last winter? | 2022-01-15 | 2022-07-15
J | how cold has it been this winter? | 2022-12-15 2023-01-05 2023-02-15 | 2022-07-15
J | how cold was it in the winter? | 2022-12-15 2023-01-05 | 2022-07-15
N | what are we doing this winter? | 2023-12-15 2024-02-29 | 2023-07-15
W | where are we going this summer? | 2023-07-15 | 2023-04-15
N | where did we go this summer? | 2023-07-15 | 2023-04-15
W | where are we going next summer? | 2024-07-15 | 2022-07-15
M | where are we going next summer? | 2023-07-15 2024-07-15 | 2022-07-15
W | where are we going next fall? | 2023-10-15 2024-10-15 | 2022-10-15
W | where did we go in the autumn? | 2022-10-15 | 2023-05-15
W | where did we go last fall? | 2022-10-15 | 2023-05-15
N | where did we go the summer before last? | 2022-07-15 2021-07-15 | 2023-07-15
J | where did we go the summer before last? | 2021-07-15 | 2022-07-15
W | where did we go in the summer of 2021? | 2021-07-15 | 2022-07-15
W | where did we go in summer 2021? | 2021-07-15 | 2022-07-15
W | where did we go in the spring of last year? | 2022-04-15 | 2023-04-15
W | where did we go two summers ago? | 2021-07-15 | 2023-05-15
W | where did I live in 2021? | 2021-01-01 2021-12-31 | 2022-01-01
W | where did I live back in 2019? | 2019-06-15 | 2022-01-01
W | who came at Christmas? | 2022-12-25 | 2022-11-25
N | who is coming this Christmas? | 2023-12-25 | 2022-12-20
N | who came last Christmas? | 2022-12-25 | 2023-11-01
W | who came over Christmas? | 2022-12-25 2022-12-27 | 2022-11-25
W | who came the week before Christmas? | 2022-12-20 | 2022-12-25 2022-12-10
W | who came for Christmas two years ago? | 2021-12-25 | 2022-12-25
W | who came at Easter? | 2023-04-09 | 2023-05-09
W | what did I bake before Easter? | 2023-04-01 | 2023-04-10 2023-01-05
W | what did we sing the Thursday before Easter? | 2023-04-06 | 2023-04-09
W | where did I see the New Year's Eve fireworks? | 2022-12-31 | 2023-01-01
W | what did I wear on Halloween? | 2022-10-31 | 2022-11-01
W | who cooked on Thanksgiving? | 2022-11-24 | 2022-11-17
W | who wrote on Valentine's Day? | 2023-02-14 | 2023-02-15
W | what did I do on Boxing Day? | 2022-12-26 | 2022-12-25
W | what have I done since April? | 2023-05-01 2023-06-14 | 2023-03-20
W | what did I do after Easter? | 2023-04-15 | 2023-04-05 2023-06-14
W | what must I finish before Friday? | 2023-06-15 | 2023-06-20
W | what must I finish by Friday? | 2023-06-16 | 2023-06-20
W | am I busy until Saturday? | 2023-06-15 | 2023-06-20
W | am I free between today and next Monday? | 2023-06-16 | 2023-06-13
W | what did I do between March and May? | 2023-04-15 | 2023-01-15
W | what did we plan around this time last year? | 2022-06-14 2022-06-01 | 2023-06-01 2022-01-15
W | what did we do on Friday last week? | 2023-06-09 | 2023-06-08
W | what did we do last week on Friday? | 2023-06-09 | 2023-06-08
S | what did I cook this week? | 2023-06-12 2023-06-18 | 2023-06-11
S | what are we doing this weekend? | 2023-06-18 2023-06-17 | 2023-06-24
S | what did we do last weekend? | 2023-06-10 | 2023-06-03
S | what are we doing next weekend? | 2023-06-24 | 2023-06-18
S | what did I cook last week? | 2023-06-05 2023-06-11 | 2023-06-17
S | what's on next week? | 2023-06-19 2023-06-25 | 2023-06-17
S | what am I doing next Sunday? | 2023-06-25 | 2023-06-18
S | what's on this week? | 2023-06-16 2023-06-20 | 2023-06-28
S | what did I do last Sunday? | 2023-06-11 | 2023-06-18
J | what are we doing this weekend? | 2023-01-14 | 2023-01-08
J | what did we do this weekend? | 2023-01-08 | 2023-01-13
J | where are we going next winter? | 2023-12-15 | 2023-01-15
J | who came this Christmas? | 2022-12-25 | 2023-01-08
J | who did I see last December? | 2022-12-15 | 2022-06-15
J | who sang in the winter of 2021? | 2021-12-15 2021-01-15 | 2022-12-15
Y | what did I do this year? | 2022-12-30 2022-01-02 | 2023-01-01
Y | what am I doing next week? | 2023-01-02 2023-01-08 | 2022-12-30
Y | what am I doing tomorrow? | 2023-01-01 | 2022-12-31
Y | what's on next month? | 2023-01-15 | 2022-12-20
J | what did I do last month? | 2022-12-01 2022-12-31 | 2023-01-08
J | what did I do last week? | 2023-01-02 2023-01-08 | 2022-12-25
L | what did I do a year ago? | 2023-02-28 | 2024-02-29
L | what did I do a year ago today? | 2023-02-28 | 2023-04-01
L | where will I be a year from now? | 2025-02-28 | 2024-02-29
L | what did I do a month ago? | 2024-01-29 | 2024-02-29
L | what did I do on 29 February? | 2024-02-29 | 2024-02-28 2023-02-28
L | what's on tomorrow? | 2024-03-01 | 2024-02-29
H | did I ask Tom last week about the trip next month? | 2023-07-05 2023-08-15 | 2023-06-15
W | did Ann remind me about the dinner this evening? | 2023-06-14T20 2023-06-12 | 2023-05-01
W | what happened half a year ago? | 2022-12-14 | 2023-04-01 2022-05-01
W | what did we do on the weekend of 5 May? | 2023-05-06 | 2023-05-13
W | what happened in the week of 5 June? | 2023-06-05 2023-06-11 | 2023-06-14
W | what did I say a few Sundays ago? | 2023-05-28 2023-05-21 | 2023-06-11
W | what did I do in Q1? | 2023-01-01 2023-03-31 | 2023-04-01
W | what did I do in Q3 2022? | 2022-07-01 2022-09-30 | 2022-10-01
W | what happened in the 1990s? | 1990-01-01 1999-12-31 | 2000-01-01
W | what happened in the nineties? | 1990-01-01 1999-12-31 | 2000-01-01
W | what did I do in early 2022? | 2022-01-15 | 2022-10-01
W | what did I do in late summer? | 2022-08-20 | 2022-06-10
W | who rang on the evening of 5 May? | 2023-05-05T20 | 2023-05-05T09
W | who rang on the morning of the 3rd? | 2023-06-03T09 | 2023-06-03T20
W | what did I do from Monday to Wednesday last week? | 2023-06-05 2023-06-07 | 2023-06-08 2023-06-12
W | what happened around this time two years ago? | 2021-06-14 | 2022-06-14
W | what did I order in the last days of May? | 2023-05-30 | 2023-05-10
W | what did I order on the last day of last month? | 2023-05-31 | 2023-05-10
W | what is planned for the rest of the week? | 2023-06-16 | 2023-06-13
W | what did I get for Mother's Day? | 2023-05-14 2023-03-19 | 2023-06-11
W | what did I send the weekend before Christmas? | 2022-12-17 | 2022-12-24
W | did we see her between Christmas and New Year? | 2022-12-28 | 2022-12-10
W | what happened between last Wednesday and next Sunday? | 2023-06-10 | 2023-05-20
W | what did I do on the first Monday of last month? | 2023-05-01 | 2023-05-08
W | what did I do on the second Saturday in December last year? | 2022-12-10 | 2022-12-03
W | what did I say three Christmases ago? | 2020-12-25 | 2022-12-25
W | what am I doing in the new year? | 2024-01-10 | 2023-12-15
W | where was I years ago? | 2018-06-14 | 2023-06-01
W | where was I a while ago? | 2023-04-14 | 2023-06-14
W | what happened a year and a half ago? | 2021-12-14 | 2023-05-14
W | what did I do this past weekend? | 2023-06-10 | 2023-06-17
W | what am I doing this coming Friday? | 2023-06-16 | 2023-06-23
W | what did I do the Friday before last? | 2023-06-02 | 2023-06-09
W | where was I on 2/6/23? | 2023-06-02 2023-02-06 | 2023-06-03
W | where was I on 02.06.2023? | 2023-06-02 | 2023-02-06
W | did I plan a party for next spring? | 2024-04-15 | 2022-04-15
R | where did I live twenty years ago? | 2004-03-06 2003-12-01 | 2012-03-06 2000-01-01
R | where did I live fifteen years ago? | 2009-03-06 | 2019-03-06 2004-01-01
R | where did I live two and a half years ago? | 2021-09-06 2021-06-01 | 2023-09-06 2023-03-06
R | where did I live two years and a half ago? | 2021-09-06 2021-06-01 | 2023-09-06 2023-03-06
R | where did I live 1.5 years ago? | 2022-09-06 | 2019-03-06 2024-01-01
R | where did I live 2 1/2 years ago? | 2021-09-06 | 2023-09-06 2022-12-01
R | who rang 2.5 months ago? | 2023-12-21 | 2023-10-06 2024-02-06
R | who rang thirteen days ago? | 2024-02-22 2024-02-21 | 2024-03-03 2024-02-26
R | who rang twenty-five days ago? | 2024-02-10 | 2024-03-01 2024-02-15
R | who rang ten to fifteen days ago? | 2024-02-23 2024-02-20 2024-02-25 | 2024-03-01 2024-02-10
R | who rang a hundred days ago? | 2023-11-27 2023-11-22 | 2024-03-05 2023-10-01
R | who rang a hundred and twelve days ago? | 2023-11-15 | 2024-02-23 2023-10-25
R | who rang 1000 days ago? | 2021-06-10 2021-05-20 | 2024-03-05 2023-12-01
R | who rang eighteen months ago? | 2022-09-06 2022-08-20 | 2023-09-06 2022-01-01
R | who rang a dozen weeks ago? | 2023-12-13 | 2024-02-28 2023-11-01
R | who rang half a dozen weeks ago? | 2024-01-24 | 2024-02-28 2023-12-13
R | who rang twenty minutes ago? | 2024-03-06T14:10 | 2024-03-06T08 2024-03-06T14:29
R | who rang half an hour ago? | 2024-03-06T14:00 | 2024-03-06T12 2024-03-06T14:29
R | who rang in the last twenty days? | 2024-02-16 2024-03-06 | 2024-01-25 2024-03-08
R | what is due in ten days? | 2024-03-16 | 2024-03-06 2024-03-25
R | did we have a party two days ago? | 2024-03-04 | 2024-03-06
R | did I send the red one two weeks ago? | 2024-02-21 | 2024-03-05
R | what did I cook Saturday before last? | 2024-02-24 | 2024-03-02
R | what did I cook weekend before last? | 2024-02-24 2024-02-25 | 2024-03-02
R | what did I cook week before last? | 2024-02-19 2024-02-25 | 2024-02-27 2024-02-10
R | what did I cook, not last week but the week before? | 2024-02-19 2024-02-25 | 2024-02-27 2024-02-10
R | what did I cook, not last Friday but the one before? | 2024-02-23 | 2024-03-01
R | what's on, not next week but the week after? | 2024-03-18 2024-03-24 | 2024-03-13
R | what happened in the first half of 2023? | 2023-01-01 2023-05-31 2023-06-30 | 2023-07-01 2022-12-31
R | what happened in the second half of 2023? | 2023-07-01 2023-12-31 | 2023-06-30 2024-01-01
R | what happened in the first half of last month? | 2024-02-01 2024-02-14 | 2024-02-16 2024-01-31
R | what happened late last year? | 2023-12-15 2023-10-01 | 2023-02-01 2023-05-15
R | what did I do at the beginning of last month? | 2024-02-03 | 2024-01-31 2024-02-20
R | who rang late on Friday night? | 2024-03-01T21 2024-03-01T23 | 2024-03-01T10 2024-03-02T10
R | where did I live in 2019 or 2020? | 2019-06-15 2020-06-15 | 2018-12-31 2021-01-01
R | where did I live in 2018, 2019 or 2020? | 2018-06-15 2019-06-15 2020-06-15 | 2017-12-31 2021-01-01
R | where did I live from 2019 to 2022? | 2019-06-15 2020-06-15 2022-12-31 | 2018-12-31 2023-01-01
R | who came on the fifth of March? | 2024-03-05 | 2024-03-04 2024-03-15
R | who came on the first of May? | 2023-05-01 | 2023-05-02
R | who came on the twenty-first of June? | 2023-06-21 | 2023-06-20 2023-06-01
R | who came on May the fourth? | 2023-05-04 | 2023-05-05
R | what were sales in the last quarter of 2022? | 2022-10-01 2022-12-31 | 2022-09-30 2023-01-01
R | what were sales in the last quarter of last year? | 2023-10-01 2023-12-31 | 2023-09-30 2024-01-01
R | what were sales in the first quarter of 2022? | 2022-01-01 2022-03-31 | 2022-04-01
R | who came on 29 February 2023? | 2023-02-28 2023-03-01 | 2023-02-27 2023-03-02
R | who came on 29 February 2020? | 2020-02-29 | 2020-02-28 2020-03-01
R | what do I do every other weekend this month? | 2024-03-15 | 2024-02-24
R | what were the second quarter results? | 2023-04-01 2023-06-30 | 2023-07-01
R | second quarter results | 2023-04-01 2023-06-30 | 2023-07-01
R | what were sales in the second quarter? | 2023-04-01 2023-06-30 | 2023-07-01
R | where did we go in May '23? | 2023-05-01 2023-05-31 | 2023-06-01 2022-05-15
R | where did we go in summer '22? | 2022-06-01 2022-08-31 | 2023-07-01
R | where did we go in the summer of 69? | 1969-07-15 | 2023-07-15
R | did I see her in '22? | 2022-01-01 2022-12-31 | 2023-01-01
R | who came on Labour Day? | 2023-09-04 | 2023-09-03
R | who came on May Day? | 2023-05-01 | 2023-05-02
R | what did she cook midweek? | 2024-03-05 2024-03-06 2024-02-28 | 2024-03-02 2024-03-10
R | what's due in the coming days? | 2024-03-07 2024-03-10 | 2024-03-25 2024-03-04
R | what's due the coming days? | 2024-03-07 2024-03-10 | 2024-03-25 2024-03-04
R | what have I read in recent weeks? | 2024-02-20 2024-03-05 | 2023-12-20
R | where did I live twenty-odd years ago? | 2004-03-06 | 2018-03-06
R | where did I go a year or two ago? | 2023-03-06 2022-03-06 | 2024-03-06 2019-03-06
R | what is due in a day or two? | 2024-03-07 2024-03-08 | 2024-03-05 2024-03-14
R | what did I order in the last days of May? | 2023-05-29 | 2024-03-05 2023-05-10
R | what are we doing in the morning? | 2024-03-07T09 | 2024-03-06T15 2024-03-06T09
R | what are we doing in the evening? | 2024-03-06T20 | 2024-03-06T15 2024-03-07T20
W | what did we sing the Tuesday before the Thursday before Easter? | 2023-04-04 | 2023-04-06 2023-06-13
R | who rang twenty-two days before Christmas? | 2023-12-02 | 2023-12-23
"""
ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in TABLE.strip().splitlines()]
NO_TIMES = [
    "",
    "what is my mother's email?",
    "may I see the notes?",
    "who may be able to help?",
    "did we march for the climate?",
    "how long did it take, a second?",
    "did he fall down the stairs?",
    "who makes the best spring rolls?",
    "what is his last name?",
    "who was the last person to leave?",
    "where do I sit in the sun?",
    "who comes to the weekly meeting?",
    "is there a room 2023 here?",
    "did I write 2000 words?",
    "did I walk in 2000 steps?",
    "how did I sleep for three hours?",
    "did I practise for two weeks?",
    "did I paint it in two weeks?",
    "who lives next door?",
    "who goes swimming on Thursdays?",
    "do we meet every Friday?",
    "how long will the battery last?",
    "how long did the film last?",
    "what did I note at 5 pm?",
    "who is June?",
    "did I text April about it?",
    "what happened in the morning?",
    "who scored in the second half?",
    "what did I say 99999999999 years ago?",
    "did we win 31/31/2023?",
    "is 31 June fine?",
    "where is the cat that sat on the mat?",
    "which pill is it that may hurt?",
    "what did the doctor say after the fall?",
    "was it worth 2019 pounds?",
    "who is on the 3rd floor?",
    "does she march for hours?",
    "where did we live 1,5 years ago?",
    "who came a zillion dozen days ago?",
    "what was here ten million years ago?",
    "what was here hundreds of years ago?",
    "who wrote 1.234.567 days ago?",
    "what did she do the next day?",
    "what do we do on the first Monday of each month?",
    "where do we meet every Monday?",
    "where do we meet every last Friday?",
    "who sings on Monday mornings?",
    "who came on 31 June 2022?",
    "where were we in the summer of 45?",
    "who scored in the second quarter of the match?",
]
WORDS = sorted({word for row in ROWS for word in row[1].split()} | {"İ", "ſunday", "٣", "²", "99", "31st", "0", "9999"})
TEXTS = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
