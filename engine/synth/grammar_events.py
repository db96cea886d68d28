"""Templates for questions about events: EVENTS for what has been, AHEAD for what is to come. See grammar.py."""

EVENTS = """
when | ~When did I {vp}{with}{at}?
when | ~When was it that I got to {vp}{with}{at}?
when | ~When (exactly|) {was} {np}{with}?
when | ~What day {was} {np}?
when | ~(On what|What) date did I {vp}{with}{at}?
when | ~(Which|What) month did I {vp}{with} in?
when | .How long ago did I {vp}{with}{at}?
when | What time did {ev} start{time}?
when | ~When did {whom} and I {vp}?
when | ~Remind me when I had to {vp}{with}{at}?
when | ~When did I arrange to {vp}{with}{at}?
when | ~When did I (plan|mean) to {vp}{with}{at}?
when | ~When was I (supposed|due) to {vp}{with}{at}?
when | ~When had I planned to {vp}{with}{at}?
when | ~When was I meant to {vp}{with}{at}?
when | ~When did {whom} come along for {ev}?
when | ~When was {whom} there for {ev}?
when | <When did I last {vp}{with}{at}?
when | <When was the last time I got to {vp}{with}{at}?
when | <When was the last time {whom} came along to {ev}?
when | <How long is it since I last had to {vp}{with}{at}?
when | <When did {whom} and I last {vp}?
when | <Last time I had to {vp}{with}, when was that?
who | Who did I {vp} with?
who | Who did I {vp} with{at}?
who | Who (came with me|went with me|came along|tagged along) to {ev}?
who | Who was (with me|there|around|by my side) (at|for) {ev}?
who | Who joined me for {ev}?
who | Who was I supposed to {vp} with?
who | Who was I (meant|going) to {vp} with?
who | Who did I (plan|arrange|agree|want) to {vp} with?
who | Who did I have down for {np}?
who | Who else was (there|involved|coming) for {ev}?
who | (With whom|Who) did I share {ev}?
who | Who kept me company at {ev}?
who | Who was the person I met (at|for) {ev}?
who | Who was at {ev}?
who | What was the name of the person (I was with|who joined me|who came) for {ev}?
who | What's the name of (whoever|the one who|the person who) came to {ev}?
who | Whose name did I write down for {np}?
who | <Who did I last {vp} with?
who | <Who came along the last time I got to {vp}?
where | Where did I {vp}{with}?
where | Where did I have to go to {vp}{with}?
where | Where {was} {np}{with}?
where | Where did {whom} and I {vp}?
where | Where was I (supposed|meant) to {vp}{with}?
where | Where did I (plan|arrange) to {vp}{with}?
where | Where did {ev} take place?
where | Where did I meet {whom} for {ev}?
where | Where did {whom} and I go for {ev}?
where | (What was|What's) the name of the place where I went to {vp}?
where | What was the (place|venue) called where I had to {vp}{with}?
where | What was the name of the place for {ev}?
where | Which place did I go to{time} to {vp}{with}?
where | (Whereabouts|Where) {was} {ev} held?
where | (Which|What) address did I note down for {ev}?
where | In which place did I get to {vp}{with}?
where | !Where did I (go|meet up) with {whom}?
where | !Where was I with {whom}?
where | !Where did {whom} and I meet?
where | !What was the name of the place I went to with {whom}?
where | <Where did I last {vp}{with}?
where | <Where was I the last time I had to {vp}?
what | !What was the event I (attended|went to) with {whom}?
what | !What was the name of the event I (attended|went to|had) with {whom}?
what | !What event did I (attend|go to|plan|have|put in my calendar) with {whom}?
what | !What did I (do|have planned|have on|get up to|plan) with {whom}?
what | !What was I doing with {whom}{at}?
what | !What did {whom} and I do?
what | !What (plans|appointment) did I have with {whom}?
what | !What was on my calendar with {whom}?
what | !What was the thing I (did|had|went to) with {whom}?
what | !What activity did I do with {whom}?
what | !What had I planned with {whom}{at}?
what | What did I (write down|note|jot down|put down) (for|about) {np}{with}?
what | What did I have to (remember|think of) for {np}?
what | What was I supposed to keep in mind for {np}?
what | What was the plan for {np}{with}?
what | What did my calendar say about {np}?
what | What were the details of {np}{with}?
what | What was {whom} up to at {np}?
what | What was the event called where I had to {vp}{with}{at}?
what | What did I call it in my calendar when I had to {vp}?
yes-no | Did I {vp}{with}{at}?
yes-no | Did {whom} and I {vp}?
yes-no | Did I (plan|schedule|arrange) to {vp}{with}{at}?
yes-no | Was I (supposed|meant|scheduled|due) to {vp}{with}{at}?
yes-no | Did I have {np} in my calendar?
yes-no | Did I put {np}{with} in my calendar?
yes-no | Did I (schedule|book|plan|arrange|organise) {ev}{with}?
yes-no | Did {whom} come (along|with me) to {ev}?
yes-no | Was {whom} (there|with me|around) for {ev}?
yes-no | Was {whom} (supposed|meant) to come to {ev}?
yes-no | Was there (anything|something) planned with {whom} about {np}?
yes-no | Did I (join|meet|see) {whom} for {ev}?
yes-no | .Did I ever {vp} with {whom}?
yes-no | Did I really {vp}{with}{time}, or did I make that up?
yes-no | Did I meet up with {whom} to {vp}?
yes-no | Was I going to {vp}{with}{at}?
yes-no | Was it with {whom} that I had to {vp}?
yes-no | Did I make plans to {vp}{with}{at}?
yes-no | !Did I (have|plan|arrange|schedule) (anything|something) with {whom}?
yes-no | !Was there something on with {whom}{at}?
yes-no | !Was I (supposed|meant) to (meet|see) {whom}?
yes-no | !Did I (meet|see|spend time with|go out with|catch up with) {whom}{at}?
when | <When did I last (go to|visit|drop by) {place}{with}?
when | <When was I last at {place}{with}?
when | <When was the last time I went to {place}{with}?
when | ~When did {whom} and I go to {place}?
when | ~When did I meet {whom} at {place}?
who | !Who did I (meet|see|go with) at {place}?
who | !Who was I with at {place}?
who | !Who came along to {place}?
who | <Who was with me the last time I went to {place}?
what | !What did I (do|have on|have planned) at {place}?
what | !What event did I (go to|attend) at {place}?
what | !What was on at {place}?
what | !What did {whom} and I do at {place}?
what | !What was the reason I went to {place}?
yes-no | !Was I at {place}{with}?
yes-no | !Did I go to {place}{with}?
yes-no | Did I go to {place} to {vp}?
yes-no | Did {whom} and I meet at {place}?
when | ~When was (the|that|my) {sort} with {whom}?
when | ~When did I have {a_sort} with {whom}?
when | <When was my last {sort} with {whom}?
who | !Who was at the {sort} I (went to|attended|had){at}?
who | Who was at the {sort} where I had to {vp}?
who | !Who did I have {a_sort} with?
who | !Who did I (meet|have {a_sort} with|go to the {sort} with){at}?
who | !Who was I with{at}?
where | !Where was the {sort} (with {whom}|I had with {whom}|I went to with {whom})?
where | !What was the place where I had {a_sort} with {whom}?
what | !What was the {sort} I (attended|went to|had|planned|joined) with {whom}?
what | !What was the {sort} I (attended|went to|had|joined){at}?
what | !What (is|was) the name of the {sort} I (attended|went to|had|put in my calendar) with {whom}?
what | !What {sort} did I (attend|go to|have|plan|join|add) with {whom}?
what | !What {sort} was I at with {whom}?
what | !What did I plan with {whom}{at}?
what | !What was the (name|title) of the {sort} with {whom}?
what | <What was the last {sort} I (went to|had|attended) with {whom}?
what | What is the name of the {sort} where I had to {vp}{with}?
what | What was the {sort} I added about {np}?
yes-no | !Did I (go to|attend|have|plan|add|join|miss) {a_sort} with {whom}?
yes-no | !Was there {a_sort} with {whom}{at}?
yes-no | Was there {a_sort} where I had to {vp}{with}?
yes-no | Did I (plan|add) {a_sort} to {vp}{with}?
yes-no | !Did I (plan|add) something with {whom}?
yes-no | Did I plan {np} with {whom}?
yes-no | Did {whom} (join|meet|accompany) me for {np}?
yes-no | !Did {whom} and I have {a_sort}{at}?
yes-no | !Did {whom} (meet|join) me{at}?
"""

AHEAD = """
when | ~When am I (going to|supposed to|meant to|due to) {vp}{with}{at}?
when | ~When do I {vp}{with}{at}?
when | ~When do I have to {vp}{with}{at}?
when | ~When {is} {np}{with}?
when | ~What (day|date) {is} {np}?
when | What time {is} {ev}{time}?
when | What time am I supposed to {vp}{with}{time}?
when | ~When am I meeting {whom} for {ev}?
when | ~When did I (plan|arrange|agree) to {vp}{with}{at}?
when | ~When did I say I would {vp}{with}{at}?
when | ~When will I {vp}{with}{at}?
when | ~When will {whom} and I {vp}?
when | ~Remind me when I (have to|am going to|need to) {vp}{with}{at}?
when | .How soon do I have to {vp}?
when | >When am I next going to {vp}{with}{at}?
when | >When do I next {vp}{with}{at}?
when | >When's the next time I {vp}{with}{at}?
when | >When is the next time {whom} and I {vp}?
who | Who am I (going to|supposed to|meant to|planning to) {vp} with?
who | Who is (coming|going|coming along) to {ev}?
who | Who is joining me for {ev}?
who | Who did I (plan|arrange|agree) to {vp} with?
who | Who am I meeting for {np}?
who | Who will be (there|with me) for {np}?
who | Who will I {vp} with?
who | Who else is (coming|involved|on the list) for {ev}?
who | Who do I {vp} with?
who | Who have I got down for {np}?
who | What's the name of the person I'm meeting for {np}?
who | >Who am I next going to {vp} with?
where | Where am I (going to|supposed to|meant to) {vp}{with}?
where | Where {is} {np}{with}?
where | Where do I (have|need) to go to {vp}{with}?
where | Where are {whom} and I going to {vp}?
where | Where am I meeting {whom} for {ev}?
where | Where do I have to be for {ev}?
where | Where will {ev} take place?
where | Where did I (plan|arrange) to {vp}{with}?
where | What's the name of the place where I'm going to {vp}?
where | .What (address|place) did I put down for {np}?
where | Which place do I have to go to{time} to {vp}{with}?
where | !Where am I (meeting|seeing) {whom}?
where | !Where are {whom} and I going?
where | >Where do I {vp} next time?
what | !What event am I (attending|going to|having) with {whom}?
what | !What am I doing with {whom}?
what | !What am I doing{time} with {whom}{at}?
what | !What (have I got|do I have) (planned|on|coming up) with {whom}?
what | !What do {whom} and I have planned?
what | !What plans do I have with {whom}?
what | !What event did I plan with {whom}?
what | !What's on my calendar with {whom}?
what | !What is the event {whom} is joining me for?
what | !What is {whom} coming to with me?
what | !What am I supposed to do with {whom}?
what | What do I (need|have) to (remember|keep in mind|think of) for {np}?
what | .What did I note down for {np}{with}?
what | What's the plan for {np}{with}?
what | .What did I write about {np}?
yes-no | Am I (going to|supposed to|meant to|scheduled to|due to) {vp}{with}{at}?
yes-no | Do I have to {vp}{with}{at}?
yes-no | Do I have {np} in my calendar?
yes-no | Have I (scheduled|arranged|planned|set up) {ev}{with}?
yes-no | Did I (schedule|book|plan|arrange) {ev}{with}?
yes-no | Did I (plan|arrange|promise|agree) to {vp}{with}{at}?
yes-no | Is {whom} (coming to|joining me for|coming along to) {ev}?
yes-no | Is {whom} supposed to come to {ev}?
yes-no | Am I (meeting|seeing) {whom} for {np}?
yes-no | Are {whom} and I going to {vp}?
yes-no | Will {whom} be there for {ev}?
yes-no | Do I have plans to {vp}{with}{at}?
yes-no | Was I going to {vp}{with}{at}?
yes-no | .Did I say yes to {ev}?
yes-no | !Am I (meeting|seeing|supposed to meet|supposed to see|joining) {whom}{at}?
yes-no | !Do I have (anything|something|plans) with {whom}?
yes-no | !Is there (anything|something) planned with {whom}?
when | >When am I next (going to|at) {place}{with}?
when | ~When am I going to {place} with {whom}?
who | !Who am I (meeting|seeing) at {place}?
what | !What am I doing at {place}{with}?
what | !What do I have on at {place}?
yes-no | !Am I going to {place}{with}?
yes-no | !Do I have to be at {place}{with}?
when | ~When is (the|my|that) {sort} with {whom}?
when | >When is my (next|upcoming) {sort} with {whom}?
who | !Who is (coming to|joining me for|going to be at) the {sort}?
who | !Who am I having {a_sort} with?
where | !Where is the {sort} with {whom}?
where | >Where is my (next|upcoming) {sort} with {whom}?
what | !What is the {sort} (I have|I planned|coming up|I am having) with {whom}?
what | !What is the name of the {sort} (I have|I planned) with {whom}?
what | !What {sort} (am I going to|am I having|do I have|did I plan) with {whom}?
what | >What is (my|the) (next|upcoming) {sort} with {whom}?
what | >What is the (next|upcoming) {sort} I have with {whom}?
what | >What is my (next|upcoming) {sort} at {place}?
what | !What did I plan with {whom}?
yes-no | !Am I (going to|having|attending|planning) {a_sort} with {whom}?
yes-no | !Did I (plan|add|schedule) {a_sort} with {whom}?
yes-no | !Is there {a_sort} with {whom}{at}?
yes-no | !Do I have {a_sort} with {whom}{at}?
yes-no | !Have I made plans with {whom}{at}?
"""
