"""Choices: a yes or no, or one of a list of choices, from a piece of text."""

from __future__ import annotations

import re
from typing import Final

from research.evidence.ranking import words
from research.models.keyless.cast import Cast, Setting
from research.models.keyless.questions import Question
from research.values.answers import availability, is_compared, is_negated, is_struck, opposite, yes_or_no
from research.values.doubts import Doubt
from research.values.neighbours import is_harmless
from research.values.values import places

_TOKEN: Final = re.compile(r"[^\W_]+")
_ADJACENT: Final = re.compile(r"[ -]([^\W\d_]+)")
_PARTICIPLE: Final = re.compile(r"(?:ed|ing|able|ly|site)$")
_UN: Final = ("un", "non", "in", "im")
_NEGATED: Final[frozenset[Doubt]] = frozenset(("negated",))
_QUALIFIED: Final[frozenset[Doubt]] = frozenset(("qualified",))
_PART: Final[frozenset[Doubt]] = frozenset(("part_of_sentence",))


def booleans(question: Question, text: str, setting: Setting) -> list[Cast]:
    """The yes or no that a text is, or that its words for the field imply."""
    whole = (0, len(text))
    if "=availability" in question.concepts and (stock := availability(text)):
        return [Cast(*stock, 1.0)]
    if answer := yes_or_no(text):
        return [Cast(answer[0], *whole, 0.8 if answer[1] else 1.0, answer[1])]
    tokens = list(_TOKEN.finditer(text.casefold()))
    spelled = {token[0] for token in tokens}
    if question.negative & set(words(text)) or any(f"{prefix}{name}" in spelled for name in question.surface for prefix in _UN):
        return [Cast(False, *whole, 0.9, _PART)]
    if question.surface and question.surface <= spelled:
        last = next(token for token in reversed(tokens) if token[0] in question.surface)
        if is_struck(text, last.start(), last.end()):
            return []
        negated = is_negated(text, last.start(), last.end())
        if _speaks_of_another(question, text, last.end()):
            return [Cast(not negated, *whole, 0.8, _PART | _QUALIFIED)]
        return [Cast(not negated, *whole, 0.8, _PART | _NEGATED if negated else _PART)]
    return []


def _speaks_of_another(question: Question, text: str, end: int) -> bool:
    """Whether the field's word only says of what kind another thing is: `Free trial`, for `free`."""
    following = _ADJACENT.match(text, end)
    if following is None or len(question.surface) > 1:
        return False
    word = following[1].casefold()
    return not (is_harmless(word) or _PARTICIPLE.search(word) or (question.about | question.name_words) & set(words(word)))


def choices(question: Question, text: str, setting: Setting) -> list[Cast]:
    """The choices that a text names, but those that it says are not so; where it only denies one, its opposite."""
    found: list[Cast] = []
    denied: list[str] = []
    options = [option for option in question.schema.get("enum", ()) if option is not None]
    stems = words(text)
    for option in options:
        if not isinstance(option, str):
            found.extend(Cast(option, *span, 0.9) for span in places(option, {}, text)[:1])
            continue
        spans = places(option, {}, text)
        spans = [span for span in spans if not is_struck(text, *span)]
        standing = [span for span in spans if not is_negated(text, *span)]
        if standing:
            # The option that covers most of the text, then the first, is meant.
            exact = [span for span in standing if text[span[0] : span[1]] == option]
            start, end = (exact or standing)[0]
            quality = (1.0 if exact else 0.85) - 0.1 * start / max(len(text), 1)
            doubts = _NEGATED if len(standing) < len(spans) else frozenset()
            found.append(Cast(option, start, end, quality, doubts | _QUALIFIED if is_compared(text, start) else doubts))
        elif spans:
            denied.append(option)
        elif len(option) > 3 and stems and _stems_in(words(option), stems) and not is_negated(text, len(text), len(text)):
            found.append(Cast(option, 0, len(text), 0.7, _PART))
    found = [
        c
        for c in found
        if not any(o is not c and o.start <= c.start and c.end <= o.end and o.end - o.start > c.end - c.start for o in found)
    ]
    if found or not denied:
        return found if not denied else [Cast(c.value, c.start, c.end, min(c.quality, 0.8), c.doubts | _NEGATED) for c in found]
    other = opposite(denied[0], [o for o in options if isinstance(o, str)]) if len(denied) == 1 else None
    return [Cast(other, 0, len(text), 0.7, _NEGATED)] if other else []


def _stems_in(option: list[str], stems: list[str]) -> bool:
    return any(stems[at : at + len(option)] == option for at in range(len(stems) - len(option) + 1))
