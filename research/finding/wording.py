"""Reads an objective in plain English without a language model: what is looked for, and what it has to meet.

    space probes that were launched before 1980 and weigh more than 500 kg
    kind: space probes · launched: a date until 1979-12-31 · mass_kg: a number above 500

Dates, numbers with a comparison, `operated by NASA` and `property: value` become values that are looked up, and compared by
code. What is left is a yes or no in the objective's own words. Nothing is guessed: a clause that is not understood stays a
condition.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from research.errors import Fault, InvalidTask
from research.finding.periods import bounds_of, period
from research.ports.conditions import MAX_CONDITIONS, MAX_TEXT, Condition, FindPlan, field_name
from research.records import read_table
from research.values.numerals import Number
from research.values.quantities import amounts_in
from research.values.units import Measured, measured

_TABLE: Final = read_table("research.finding", "wording.toml")
_LEAD: Final = frozenset(_TABLE["lead"])
_FILLERS: Final = frozenset(_TABLE["fillers"])


def _any_of(phrases: Iterable[str]) -> str:
    spelled = (r"\s+".join(map(re.escape, phrase.split())) for phrase in sorted(phrases, key=len, reverse=True))
    return "|".join(spelled)


_SPLIT: Final = re.compile(
    rf"\s*[,;]\s*(?:(?:{_any_of(_TABLE['splitters'])})\b\s*)*|\s*\b(?:{_any_of(_TABLE['splitters'])})\b\s*", re.I
)
_PARTICIPLE: Final = re.compile(rf"\b((?:\w+ed|{_any_of(_TABLE['participles'])})(?:\s+(?:off|up|out|down|over))?)$", re.I)
_OPERATORS: Final = {phrase: name for name, phrases in _TABLE["dates"].items() for phrase in phrases}
_DATE: Final = re.compile(
    rf"\b(?:(?P<between>between|from)\s+(?P<first>.{{4,24}}?)\s+(?:and|to|until|through)\s+(?=\D{{0,12}}\d)|(?P<op>{_any_of(_OPERATORS)})\s+)"
    r"(?:the\s+)?(?:(?:start|beginning)\s+of\s+|end\s+of\s+)?(?:the\s+)?(?:years?\s+)?",
    re.I,
)
_COMPARISONS: Final = {phrase: name for name, phrases in _TABLE["numbers"].items() for phrase in phrases}
_NUMBER: Final = re.compile(
    rf"\b(?:(?:between|from)\s+(?P<first>\D{{0,3}}\d.{{0,24}}?)\s+(?:and|to)|(?P<op>{_any_of(_COMPARISONS)}))\s+(?=\D{{0,3}}\d|[a-z])",
    re.I,
)
_SIGNS: Final = {">=": "at least", "≥": "at least", "<=": "at most", "≤": "at most", ">": "more than", "<": "less than"}
_COUNTED: Final = frozenset(_TABLE["counted"])
_MAY_COUNT: Final = frozenset(("", "up to", "until", "by", "from"))
"""What stands before a year as well as before a number; "": `between`."""
_PLACE: Final = re.compile(r"(\b(?:in|at|near) (?:[A-Z][\w'’.-]* ?){1,3}), (?=[A-Z])")
"""`in Ghent, Belgium`: a comma that ends no clause."""
_COMMA: Final = "\x01"
_PROPERTIES: Final = {phrase: name for name, phrases in _TABLE["properties"].items() for phrase in phrases}
_LOOKED_UP: Final = {phrase: name for name, phrases in _TABLE["looked_up"].items() for phrase in phrases}
_GROUPS: Final = {phrase: tuple(group["members"]) for group in _TABLE["groups"] for phrase in group["names"]}
_BY: Final = re.compile(rf"\b(?P<how>\w+ed|{_any_of(_TABLE['participles'])})\s+by\s+(?:the\s+)?(?P<who>\S.*)$", re.I)
_AT: Final = re.compile(
    rf"^(?P<how>(?:\w+ed|bound|{_any_of(_TABLE['participles'])})\s+(?:in|for|at|from|to|into|near|on|aboard|atop)|in(?=\s+(?-i:[A-Z])))\s+"
    r"(?P<what>\S.*)$",
    re.I,
)
"""`based in Berlin`, `bound for Jupiter`: what pages have as a property with a value."""
_NAMED: Final = re.compile(r"^(?P<what>[a-z]\w*(?: [a-z]\w*){0,2}) (?P<value>[A-Z]\S*(?: \S+){0,4})$")
"""`operator ESA`"""
_AS: Final = re.compile(
    r"^(?:(?:had|has|have|used|uses|use)\s+)?(?P<value>(?:(?:an?|the)\s+)?[A-Z0-9].*?)\s+as\s+"
    r"(?:(?:an?|the|its|their)\s+)?(?P<what>[a-z][\w -]{1,38})$"
)
"""`had Saturn V as their launch vehicle`"""
_IS: Final = re.compile(r"^(?P<what>[\w ()/-]{2,40}?)\s*(?:\b(?:is|was|are|were)\b|[:=])\s*(?P<value>\S.*)$", re.I)
_PROPERTY: Final = re.compile(r"^(?P<what>[\w ()/-]{2,40}?)\s*[:=]\s*(?P<value>\S.*)$")
_DATED: Final = re.compile(r"\b(?:date|day|month|year|time)s?$", re.I)
_TAIL: Final = re.compile(r"^\s+(?P<where>at\s+\w+)\b", re.I)
_STOPS: Final = _any_of(
    (*_TABLE["splitters"], *_TABLE["fillers"], *_TABLE["participles"], "by", "from", "in", "on", "to", "for", "since")
)
_NOUN: Final = re.compile(
    rf"\s+(?P<noun>(?:(?!(?:{_STOPS})\b|\w+ing\b|\w+ed\s+(?:in|by|on|at|to)\b)[a-z]+\s?){{1,3}})(?![^\s,;\0])"
)
"""What a number counts, behind it: `more than 100 employees`."""


@dataclass(slots=True)
class _Reader:
    """Reads one objective."""

    conditions: list[Condition] = field(default_factory=list)

    def add(self, label: str, **parts: Any) -> None:
        name = field_name(label, (each.name for each in self.conditions))
        self.conditions.append(Condition(name=name, **parts))

    def add_read(self, condition: Condition) -> None:
        name = field_name(condition.name, (each.name for each in self.conditions))
        self.conditions.append(condition.changed(name=name))


def read_condition(stated: str, name: str = "") -> Condition:
    """A condition in words. One that is not wholly understood is a yes or no in these words.

    Args:
        name: of its field; "": its words make one.

    Raises:
        InvalidTask: it is empty.
    """
    text, reader = _plain(stated), _Reader()
    if (named := _PROPERTY.match(text)) is not None and (_NUMBER.match(named["value"]) or _DATE.match(named["value"])):
        text = f"{named['what']} {named['value']}"  # `employees: more than 100`
    if not text:
        raise InvalidTask("a condition must not be empty")
    _read_clauses(reader, text, is_objective=False)
    if len(reader.conditions) == 1 and reader.conditions[0].kind != "yes":
        found = reader.conditions[0].changed(description=text[:MAX_TEXT])
    else:
        found = Condition(name=field_name(text), description=text[:MAX_TEXT])
    return found.changed(name=field_name(name)) if name else found


def read_objective(objective: str, conditions: Sequence[str] = ()) -> FindPlan:
    """What an objective asks for.

    Args:
        objective: in words.
        conditions: stated by the caller, in words; then the objective only says what is looked for, and adds none.

    Raises:
        InvalidTask: there is nothing in it to look for; says which text.
    """
    text = _plain(objective)
    if not text:
        raise InvalidTask("objective: must not be empty")
    reader = _Reader()
    kind = _read_clauses(reader, text, is_objective=True)
    if conditions:
        reader = _Reader()
        for place, stated in enumerate(conditions):
            if not _plain(stated):
                raise InvalidTask("The conditions cannot be used:", [Fault(f"/conditions/{place}", "must not be empty")])
            reader.add_read(read_condition(stated))
    if not reader.conditions:
        raise InvalidTask(
            f"objective: {objective[:200]!r} names no condition. Say what a row has to meet (`probes launched before 1980`), or "
            "give it with --condition."
        )
    if len(reader.conditions) > MAX_CONDITIONS:
        raise InvalidTask(f"objective: it makes {len(reader.conditions)} conditions; at most {MAX_CONDITIONS} can be checked")
    return FindPlan(kind=kind, conditions=tuple(reader.conditions))


def unstated(objective: str, plan: FindPlan) -> tuple[str, ...]:
    """The conditions that the words of an objective make, and a plan whose conditions were stated has not; each in words."""
    reader = _Reader()
    _read_clauses(reader, _plain(objective), is_objective=True)
    return tuple(
        each.description for each in reader.conditions if not any(_is_same_test(each, other) for other in plan.conditions)
    )


def _is_same_test(one: Condition, other: Condition) -> bool:
    in_words = {"name", "value"} | (set() if one.kind == "yes" else {"description"})
    return one.model_dump(exclude=in_words) == other.model_dump(exclude=in_words)


def _plain(text: str) -> str:
    said = re.sub("|".join(_SIGNS), lambda sign: f" {_SIGNS[sign[0]]} ", text)
    return re.sub(r"\s+", " ", said).strip().rstrip("?.!").strip()


def _read_clauses(reader: _Reader, text: str, *, is_objective: bool) -> str:
    """Read a text clause by clause. Returns what it looks for, which stands in an objective's first clause."""
    if not is_objective and (stated := _PROPERTY.match(text)) is not None:
        _add_text(reader, stated["what"], stated["value"], text)
        return ""
    text = _without_lead(text) if is_objective else text
    text = _take_dates(reader, text, is_objective=is_objective)
    text = _take_numbers(reader, text, is_objective=is_objective)
    text = _PLACE.sub(rf"\1{_COMMA}", text)
    clauses = [clause for part in text.split("\0") for clause in _SPLIT.split(part)]
    clauses = [trimmed for clause in clauses if (trimmed := _trimmed(clause))]
    kind = ""
    if is_objective and clauses:
        kind, rest = _kind_of(reader, clauses.pop(0))
        while not rest and clauses and _KINDS.fullmatch(clauses[0]) and f"{kind} and {clauses[0]}" in text:
            kind = f"{kind} and {clauses.pop(0)}"  # `probes and space flights`
        clauses = [rest, *clauses] if rest else clauses
    for clause in clauses:
        _add_clause(reader, clause)
    return kind


_KINDS: Final = re.compile(r"(?:[a-z]+ ){0,2}[a-z]+s")
"""More of what is looked for: a few plain words in the plural."""


def _without_lead(text: str) -> str:
    tokens = text.split(" ")
    while len(tokens) > 1 and tokens[0].casefold().strip(",:") in _LEAD:
        tokens.pop(0)
    return " ".join(tokens)


def _trimmed(clause: str) -> str:
    tokens = clause.strip(" ,;:").split()
    while tokens and tokens[0].casefold() in _FILLERS:
        tokens.pop(0)
    return " ".join(tokens)


def _kind_of(reader: _Reader, clause: str) -> tuple[str, str]:
    """What the first clause looks for, and what it says beside. Participles and names before the noun are conditions:
    `crewed Soviet flights`."""
    verb = re.search(
        rf"\s(?:had|has|have|uses?|used)\s+(?=.*\sas\s)|\s(?:\w+ed|{_any_of(_TABLE['participles'])})\s+(?:by|on|in|at|to|from|for|near|aboard|atop|an?|the)\b",
        clause,
        re.I,
    )
    kind, rest = (clause[: verb.start()], clause[verb.start() :].strip()) if verb else (clause, "")
    place = re.search(r"\s(?:by|of|from|in|on|to|at|near|around)\s", kind)
    if place is not None:
        kind, rest = kind[: place.start()], f"{kind[place.start() :].strip()} {rest}".strip()
    tokens = kind.split()
    if len(tokens) > 1 and tokens[-1].casefold() in ("launched", "built", "made", "sent", "flown"):
        tokens.pop()
    for token in tokens[:-1]:
        if _PARTICIPLE.fullmatch(token) or token[:1].isupper():
            reader.add(token, description=token)
    return kind, rest


def _add_clause(reader: _Reader, clause: str) -> None:
    by = _BY.search(clause)
    if by is not None and by.start() == 0:
        reader.add(
            f"{by['how']} by", description=clause[:MAX_TEXT], kind="text", value=f"who {by['how']} it", one_of=_choices(by["who"])
        )
    elif (at := _AT.match(clause)) is not None:
        how = " ".join(at["how"].casefold().split())
        verb, _, where = how.rpartition(" ")
        if (what := _LOOKED_UP.get(how)) is not None:
            _add_text(reader, what, at["what"], clause)
        elif where in ("in", "at", "near") and at["what"][:1].isupper():
            _add_text(reader, f"place {verb}", at["what"], clause)
        else:
            one_of = _choices(at["what"])
            reader.add(how, description=clause[:MAX_TEXT], kind="text", value=f"what it was {how}", one_of=one_of)
    elif (stated := _AS.match(clause) or _IS.match(clause) or _NAMED.match(clause)) is not None:
        _add_text(reader, stated["what"], stated["value"], clause)
    elif re.fullmatch(r"(?:\w+ed|" + _any_of(_TABLE["participles"]) + ")", clause, re.I) and any(
        each.name.startswith(clause.casefold()) for each in reader.conditions
    ):
        pass  # the verb of a date that was taken out
    else:
        reader.add(clause, description=clause[:MAX_TEXT])


def _add_text(reader: _Reader, what: str, value: str, clause: str) -> None:
    label = re.sub(r"\s+(?:in|at|near)$", "", _trimmed(what))  # `headquarters in Leipzig`
    said = clause.replace(_COMMA, ", ")[:MAX_TEXT]
    reader.add(label, description=said, kind="text", value=label, one_of=_choices(value))


def _choices(text: str) -> tuple[str, ...]:
    text = text.replace(_COMMA, " or " if " or " in text else ", ")
    parts = (re.sub(r"^(?:an?|the)\s+", "", part.strip(" \"'"), flags=re.I) for part in re.split(r"\s*\|\s*|\s+or\s+", text))
    chosen = [part for part in parts if part]
    return tuple(dict.fromkeys([*chosen, *(member for part in chosen for member in _GROUPS.get(part.casefold(), ()))]))


def _take_dates(reader: _Reader, text: str, *, is_objective: bool) -> str:
    """Take the dates out of a text, with what they are compared with. A mark stays in their place."""
    at = 0
    while (match := _DATE.search(text, at)) is not None:
        at = match.end()
        found = period(text[match.end() :])
        if found is None:
            continue
        first, last, length = found
        after: date | None
        before: date | None
        if match["between"]:
            begin = period(match["first"].strip())
            if begin is None:
                continue
            after, before = begin[0], last
        else:
            after, before = bounds_of(_OPERATORS[re.sub(r"\s+", " ", match["op"].casefold())], first, last)
        end = match.end() + length
        head, label = _label_before(text[: match.start()], is_objective=is_objective)
        if (match["op"] or "").casefold() in _MAY_COUNT and text[match.end() : end].isdigit():
            behind = _NOUN.match(text, end) is not None or measured(text, end - length, end).unit is not None
            is_dated = bool(_PARTICIPLE.fullmatch(label) or _DATED.search(label))
            if label.rpartition(" ")[2].casefold() in _COUNTED or (behind and not is_dated):
                continue  # `between 1000 and 2000 employees`
        if (
            label
            and not _PARTICIPLE.fullmatch(label)
            and (match["op"] or "").casefold() in _TABLE["dates"]["in"]
            and not _DATED.search(label)
        ):
            head, label = text[: match.start()], ""  # `people on board in 1965` is no date called so
        words = text[match.start() if len(head) > match.start() else len(head) : end].strip()
        reader.add(
            label or "date",
            description=words[:MAX_TEXT],
            kind="date",
            value=_when(label),
            after=None if after is None else after.isoformat(),
            before=None if before is None else before.isoformat(),
        )
        text = f"{head.rstrip()} \0 {text[end:].lstrip()}"
        at = len(head)
    return text


def _when(label: str) -> str:
    """What is looked up of a date: `when it was launched`, `when it lifted off`, `launch date`."""
    if not _PARTICIPLE.fullmatch(label):
        return label or "its date"
    return f"when it {label}" if " " in label else f"when it was {label}"


def _label_before(text: str, *, is_objective: bool) -> tuple[str, str]:
    """What stands before a comparison, split: the text before it, and what is compared (`launched`, `launch date`)."""
    clause_start = max(
        (match.end() for match in re.finditer(rf"{_SPLIT.pattern}|\0", text, re.I) if match.end() > match.start()), default=0
    )
    tail = text[clause_start:]
    participle = _PARTICIPLE.search(tail.rstrip())
    if participle is not None:
        return text[: clause_start + participle.start()], participle[1]
    if (by := _BY.search(tail)) is not None:
        return text, by["how"]  # `launched by NASA in 1977`: who did it stays where it is
    last = tail.split()[-1:] or [""]
    if last[0].casefold() in _PROPERTIES:
        return text.rstrip()[: -len(last[0])], last[0]
    if clause_start == 0 and is_objective:
        return text, ""  # `missions before 1970`: what stands there is what is looked for
    label = re.sub(r"\s+(?:is|was|of|are|were)$", "", _trimmed(tail))
    return text[:clause_start], label


def _take_numbers(reader: _Reader, text: str, *, is_objective: bool) -> str:
    at = 0
    while (match := _NUMBER.search(text, at)) is not None:
        at = match.end()
        rest = text[match.end() :]
        amount = next(iter(amounts_in(rest[:40])), None)
        if amount is None or amount[1].start > 0:
            continue
        number, found = amount
        phrase = re.sub(r"\s+", " ", (match["op"] or "").casefold())
        bounds = _between(match["first"], number, found) if match["first"] else {_COMPARISONS[phrase]: float(number.value)}
        if not bounds or not all(map(math.isfinite, bounds.values())):
            continue
        end = max(number.end, found.end)
        unit = (rest[found.start : number.start] + rest[number.end : found.end]).strip() if found.unit is not None else ""
        head, label = _label_before(text[: match.start()], is_objective=is_objective)
        label = _PROPERTIES.get(phrase) or _PROPERTIES.get(label.rpartition(" ")[2].casefold()) or label
        behind = None if unit and label else _NOUN.match(rest, end)
        if behind is not None:
            noun = behind["noun"].strip()
            label, end = label or _PROPERTIES.get(noun) or noun, behind.end()
        label = label or "amount"
        tail = _TAIL.match(rest[end:])
        words = text[len(head) : match.end() + end + (tail.end() if tail else 0)].strip()
        if tail is not None:
            label, end = f"{label} {tail['where']}", end + tail.end()
        named = f"{label} {unit}".strip() if unit.isascii() else label  # no `area_km` of km²
        reader.add(
            named,
            description=words[:MAX_TEXT],
            kind="number",
            value=f"{label} in {unit}" if unit else label,
            **bounds,
        )
        text = f"{head.rstrip()} \0 {rest[end:].lstrip()}"
        at = len(head)
    return text


def _between(text: str, last: Number, measured: Measured) -> dict[str, float]:
    """The bounds of `between 5 and 10 million`; {} where the two are in different units."""
    stated = amounts_in(text)
    if len(stated) != 1 or stated[0][1].unit not in (None, measured.unit):
        return {}
    first = stated[0][0]
    scale = last.scale if last.scaled and not first.scaled else 1
    return {"least": float(first.value * scale), "most": float(last.value)}
