"""The quick look for a word that some rule needs misses nothing that a rule matches."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.timeparse import _plain
from engine.timeparse.phrases import _TRIGGER
from engine.timeparse.rules import RULES
from timeparse.phrases import NO_TIMES, ROWS

# What rules match that no question of the table matches, and names that share a rule.
MORE = """the last fortnight | a long time ago | the other month | on mon | two hours earlier | two minutes prior
the previous two hours | christmas eve | boxing day | xmas | nye | hogmanay | hallowe'en | thanksgiving | valentine's
good friday | easter | pancake day | mardi gras | whitsun | pentecost | st patrick's | april fool's | the fourth of july
independence day | bonfire night | guy fawkes | memorial day | father's day | midsummer | mothering sunday | the fifties
the sixties | the seventies | the eighties | the nineties"""


def test_the_quick_check_lets_through_what_any_rule_matches() -> None:
    texts = [_plain(text) for text in [*(row[1] for row in ROWS), *NO_TIMES, *re.split(" [|] |\n", MORE)]]
    unseen = []
    for pattern, _ in RULES:
        matched = [match[0] for text in texts for match in pattern.finditer(text)]
        if not matched:
            unseen.append(pattern.pattern)
        for words in matched:
            assert _TRIGGER.search(words), f"{words!r} does not pass, and {pattern.pattern} matches it"
    assert not unseen, "write an example of each into MORE"


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([p for p, _ in RULES]).flatmap(lambda p: st.from_regex(p, alphabet=st.characters(codec="ascii")))
)
def test_the_quick_check_lets_through_what_is_written_from_any_rule(text: str) -> None:
    for pattern, _ in RULES:
        for match in pattern.finditer(text):
            assert _TRIGGER.search(match[0]), f"{match[0]!r} does not pass, and {pattern.pattern} matches it"
