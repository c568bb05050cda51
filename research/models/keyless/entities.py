"""Entities: what a task is about, and whether a page, a heading or a sentence is about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal

from research.evidence.ranking import KANA_AND_HAN, words
from research.models.keyless.shapes import FULL_NAME
from research.models.keyless.vocabulary import LEGAL_FORMS, NAMING, STOP, tells_a_property
from research.ports.sessions import EarlierTask
from research.task.task import Task
from research.values.names import VARIANTS, bare, legal_form, marks_of, parties, spellings_of, without_legal_form

TITLES_REMEMBERED: Final = 4_096
"""Judgements of titles: a row's are asked for again only while it is researched."""
_QUOTED: Final = re.compile(r"\"([^\"]{2,80})\"|[“„]([^“”]{2,80})[“”]|«([^«»]{2,80})»|(?<!\w)['‘]([^'’]{2,80})['’](?!\w)")
"""What is quoted; an apostrophe within a word (`O'Brien's`) begins and ends nothing."""
_PROPER: Final = re.compile(rf"(?<![.?!:]\s)(?<!^)(?<!\w){FULL_NAME.pattern}")
_COMMAND: Final = re.compile(
    r"(?:who|what|which|when|where|why|how|find|give|tell|list|name|facts?|get|is|are|was|does|did|show|research|describe)\b",
    re.I,
)
"""How a question or an order begins, which is no name."""
_YEAR: Final = re.compile(r"[12]\d{3}")
_PARENTHESES: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_UNSPACED: Final = re.compile(rf"[{KANA_AND_HAN}\uac00-\ud7af]+\d*")
_GLUED: Final = re.compile(r"(?<=[^\W\d_][a-zà-ÿ])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
"""Between two words of a cell whose lines were written as one: `Jasper, INMetropolitan Area`."""
_OWNED: Final = re.compile(r"\b(?:its|his|their)\b", re.I)
_STANDS_FOR: Final = re.compile(r"\b(?:it|he|she|they|him|them|that one|this one)\b", re.I)
"""Words that stand for a name; `her`, which may be either, is left alone."""
SEPARATOR: Final = re.compile(r"\s+[|–—·•:»>-]+\s+|\s*[|–—·•»]\s*|:\s+")


@dataclass(frozen=True, slots=True)
class Entity:
    """What a task is about. With no name (`name == ""`) only the objective's own words are known."""

    name: str
    words: frozenset[str]
    others: tuple[frozenset[str], ...]
    """Words of other spellings of the name: without what stands in parentheses, in one script of two, its lines apart, without a
    version or where a case is published, with another word between a case's parties."""
    objective: frozenset[str]
    """Telling words of the whole task: objective and row."""
    context: str
    """Other values of the row, for searching."""
    column: str = ""
    """The row's column that holds the name; "" if none does."""
    guessed: bool = False
    """The name was found in the objective by its spelling; there may be more to it."""
    marks: frozenset[str] = frozenset()
    """What tells it from others of nearly the same name: `VII`, `Pro`, `Jr`."""
    form: str = ""
    """A firm's legal form."""
    parties: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
    """Of a case: the words of the one party's name that are not the other's, and of the other's."""

    @property
    def named(self) -> bool:
        return bool(self.name)


def entity_of(task: Task) -> Entity:
    """Find what a task is about: a naming column of its row, else the first column that is text and not a web address, else the
    first that is a number and no year; else what the objective quotes or spells as a name."""
    cells = {
        key: str(value).strip()
        for key, value in task.input.items()
        if isinstance(value, (str, int, float)) and str(value).strip()
    }
    texts = {key: value for key, value in cells.items() if re.search(r"[^\W\d_]", value) and not re.match(r"https?://", value)}
    column = next((key for key in texts if key.casefold() in NAMING), "") or next(iter(texts), "")
    numbered = (key for key, value in cells.items() if re.fullmatch(r"[\d ./-]+", value) and not _YEAR.fullmatch(value))
    column = column or next(numbered, "")
    name, guessed = cells.get(column, ""), False
    if not name:
        quoted = _QUOTED.search(task.task)
        name, guessed = (quoted[quoted.lastindex or 0], False) if quoted else (_named(task.task.strip()), True)
    rest = " ".join(value for value in cells.values() if value != name and len(value) <= 80)
    objective = frozenset(words(f"{task.task} {rest}")) - STOP
    telling = _telling(name)
    spelled = (
        _PARENTHESES.sub(" ", name),
        _GLUED.sub(" ", name),
        _UNSPACED.sub(" ", name),
        " ".join(_UNSPACED.findall(name)),
        bare(name),
        *spellings_of(name),
    )
    others = tuple(dict.fromkeys(s for s in map(_telling, spelled) if s and s != telling))
    one, other = map(_telling, parties(name) or ("", ""))
    sides = one - other, other - one
    return Entity(name, telling, others, objective, rest, column, guessed, marks_of(name), legal_form(name), sides)


def _named(objective: str) -> str:
    """The name in an objective in plain words; "" if there is none."""
    if _is_name(objective):
        return objective
    return max(_PROPER.findall(objective), key=len, default="")


def _is_name(objective: str) -> bool:
    """Whether an objective is nothing but a name: a few words, capitalised but for the small ones (or a single word)."""
    tokens = objective.split()
    if not 1 <= len(tokens) <= 8 or re.search(r"[?!:;\n]", objective):
        return False
    if len(tokens) == 1:
        return bool(re.search(r"[^\W\d_]", objective))
    small = sum(token[0].islower() and bool(words(token)) and words(token)[0] not in STOP for token in tokens)
    return small == 0 and not _COMMAND.match(objective)


def _telling(name: str) -> frozenset[str]:
    named = frozenset(words(without_legal_form(name)))
    return named - STOP - LEGAL_FORMS or named - STOP or named


def aboutness(entity: Entity, titles: tuple[str, ...]) -> float:
    """From 0 to 1: how far one of a page's titles (or a part of one, between bars or dashes) names the entity."""
    if not entity.named:
        return _likeness(entity.objective, titles)
    if entity.form:  # `Acme GmbH` is not `Acme S.A.`
        titles = tuple(title for title in titles if _forms(title) <= {entity.form})
    if versus := parties(entity.name):
        titles = tuple(title for title in titles if not _is_another_case(versus, title))
    told = entity.words if bare(entity.name) != entity.name else None
    named = max(_aboutness(spelled, entity.marks, titles, told) for spelled in (entity.words, *entity.others))
    return max(named, _spelled_out(entity.objective, titles)) if entity.guessed else named


@lru_cache(maxsize=TITLES_REMEMBERED)
def _forms(title: str) -> frozenset[str]:
    """The legal forms in a title: that of each part of it."""
    return frozenset(filter(None, map(legal_form, (title, *SEPARATOR.split(title)))))


@lru_cache(maxsize=TITLES_REMEMBERED)
def _is_another_case(versus: tuple[str, str], title: str) -> bool:
    """Whether a title is a case's name, and not of one between these parties in this order."""
    cases = [case for part in (title, *SEPARATOR.split(title)) if (case := parties(part))]
    return bool(cases) and not any(all(map(_is_same_party, versus, case)) for case in cases)


def _is_same_party(one: str, other: str) -> bool:
    left, right = _telling(one), _telling(other)
    return 2 * len(left & right) > min(len(left), len(right))


def _likeness(objective: frozenset[str], titles: tuple[str, ...]) -> float:
    """How far the part of a title that says the least beside it stands in the objective."""
    parts = (frozenset(words(part)) - STOP for title in titles for part in {title, *SEPARATOR.split(title)})
    return max((0.9 * len(objective & found) / len(found) for found in parts if found), default=0.0)


@lru_cache(maxsize=TITLES_REMEMBERED)
def _spelled_out(objective: frozenset[str], titles: tuple[str, ...]) -> float:
    """How far a title of several words stands in the objective."""
    told = [found for title in titles if len(found := frozenset(words(title)) - STOP) > 2]
    best = max((len(found & objective) / len(found) for found in told), default=0.0)
    return 0.95 * best if best >= 0.8 else 0.0


@lru_cache(maxsize=TITLES_REMEMBERED)
def _aboutness(asked: frozenset[str], marks: frozenset[str], titles: tuple[str, ...], told: frozenset[str] | None) -> float:
    """`told`: the words of a name that says which version, work or case it is, so that a title may not say another one."""
    best = 0.0
    for title in titles:
        short = bare(title)
        is_same = told is None or frozenset(words(title)) - frozenset(words(short)) <= told
        for part in {title, *([short] if is_same else []), *SEPARATOR.split(title)}:
            best = max(best, _names(asked, marks, part))
        whole = frozenset(words(without_legal_form(title))) - STOP - LEGAL_FORMS
        told_apart = marks - marks_of(title) or all(word.isdigit() for word in asked - whole)
        if len(whole) > 1 and whole <= asked and (whole == asked or not told_apart):
            best = max(best, (len(whole) / len(asked)) ** 0.3)  # the name says more than the title: a site's name, a variant
    return best


def _names(asked: frozenset[str], marks: frozenset[str], part: str) -> float:
    """How far words name what is asked: all of it counts most; a number or a mark that differs makes it another thing, and so may
    a word within the name (`Oslo Half Marathon`)."""
    said = words(without_legal_form(part))
    found = frozenset(said) - STOP - (LEGAL_FORMS - asked)
    common = asked & found
    if not common:
        return 0.0
    recall, precision, own = len(common) / len(asked), len(common) / len(found), marks_of(part)
    lacks, adds = (any(word.isdigit() for word in more) for more in (asked - found, found - asked))
    is_other = bool(asked - found) and bool(found - asked)
    apart = 0.5 if own - marks or _is_parted(asked, said, part) else 0.6 if adds or is_other else 1.0
    return recall * (0.6 + 0.4 * precision) * (0.4 if lacks or marks - own else 1.0) * apart


def _is_parted(asked: frozenset[str], said: Sequence[str], part: str) -> bool:
    """Whether another word of a name stands between those asked, none of which is a code that tells the thing by itself."""
    if len(asked) < 2 or not asked <= {*said} or any(re.search(r"\d", word) for word in asked):
        return False
    first, last = min(map(said.index, asked)), max(map(said.index, asked))
    capitals = {stem for word in re.findall(r"[^\W_]{2,}", part) if word[0].isupper() for stem in words(word)}
    return last - first >= len(asked) and bool({*said[first:last]} & capitals - asked - STOP)


def names_another(entity: Entity, heading: str) -> Literal["", "other", "like"]:
    """Whether a heading is a name, and not the entity's: `like` it (`Castle Brunn`, for Castle Roth), or quite an `other` one."""
    told = frozenset(words(heading)) - STOP
    if len(told) < 2 or not entity.named or not FULL_NAME.fullmatch(heading) or any(map(tells_a_property, told - entity.words)):
        return ""
    if told <= entity.words or entity.words <= told or aboutness(entity, (heading,)) >= 0.5:
        return ""
    return "like" if told & entity.words else "other"


def mentions(entity: Entity, said: Sequence[str]) -> bool:
    """Whether a text's words name the entity, in any of its spellings."""
    return any(spelled and stands_in(entity, spelled, said) for spelled in (entity.words, *entity.others))


def stands_in(entity: Entity, spelled: frozenset[str], said: Sequence[str]) -> bool:
    """Whether the words of a name stand together, without one between that makes it another's (`AirFlow Mini 250`); those of a
    case's parties in their order."""
    at = together(spelled, said)
    if any(right - left == 2 and said[left + 1] in VARIANTS - entity.words for left, right in pairwise(at)):
        return False
    first, second = ([place for place in at if said[place] in party] for party in entity.parties)
    return bool(at) and (not first or not second or first[0] < second[-1])


def together(own: frozenset[str], said: Sequence[str]) -> list[int]:
    """Places of the words of a name where all of it stands together."""
    size = len(own) + 1
    return [i for i, word in enumerate(said) if word in own and own <= {*said[max(0, i - size) : i + size + 1]}]


def name_for(task: Task, earlier: Sequence[EarlierTask]) -> tuple[str, str | None]:
    """For a question that names nothing (`When was it first lit?`): the name of what the newest earlier task was about that names
    anything; "" where the question or a naming column of its row does, or none of them. With it, what people should know."""
    entity = entity_of(task)
    if not earlier or (entity.named and (not entity.column or entity.column.casefold() in NAMING)):
        return "", None
    names = (entity_of(Task(task=each.task)).name for each in reversed(earlier))
    if name := next(filter(None, names), ""):
        return name, f"session: the question names nothing, so it was taken to be about {name}, which an earlier one names"
    return "", "session: neither the question nor an earlier one names anything, so it was answered as it stands"


def with_name(task: Task, name: str) -> Task:
    """The task, with its question about `name`; the same task where that is empty."""
    if not name:
        return task
    return task.changed(task=_about(task.task, name), input={"name": name, **task.input} if task.input else {})


def _about(question: str, name: str) -> str:
    for pattern, said in ((_STANDS_FOR, name), (_OWNED, f"{name}'s")):
        if found := pattern.search(question):
            return question[: found.start()] + said + question[found.end() :]
    return f"{question} ({name})"
