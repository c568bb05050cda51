"""Other dialects of JSON Schema, read as draft 2020-12: the older drafts, OpenAPI's `nullable`, and what is commonly written
without saying a draft. Only what has one meaning is read; `docs/output-schemas.md` lists it.

A document that says 2020-12 keeps its own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote

from jsonpointer import JsonPointer, JsonPointerException

from research.errors import Fault
from research.faults import pointer
from research.output_schema.json_schema import ANNOTATIONS, DRAFT, LIST_OF_SCHEMAS, MAP_OF_SCHEMAS, ONE_SCHEMA, TYPES

NEWEST: Final = 2020
_DIALECT: Final = re.compile(
    r"https?://(?:www\.)?json-schema\.org/"
    r"(?:draft-0(?P<old>[34567])/(?:hyper-)?schema|draft/(?P<year>2019-09|2020-12|next)/(?:hyper-)?schema|schema|v1(?:/\d+)?)[#/]*",
    re.IGNORECASE,
)
_OPENAPI: Final = re.compile(r"https?://spec\.openapis\.org/oas/3\.1/(?:dialect|schema)/[^#]*#?", re.IGNORECASE)
_ANCHOR: Final = re.compile(r"#([A-Za-z_][-A-Za-z0-9._]*)")
_ADDRESS: Final = re.compile(r"[^\s#<>\"{}|\\^`]+#?")
_FORMATS_OF_DRAFT_3: Final = {"ip-address": "ipv4", "host-name": "hostname", "time": None}
_KNOWN: Final = ONE_SCHEMA | LIST_OF_SCHEMAS | MAP_OF_SCHEMAS | ANNOTATIONS | {"const", "dependencies", "enum", "extends"}

# What says something about a schema and nothing about its values: where its form is another draft's, it is left out.
_TEXTS: Final = frozenset(("$comment", "description", "title"))
_FORMS: Final[dict[str, type]] = {"deprecated": bool, "readOnly": bool, "writeOnly": bool, "examples": list}


@dataclass(frozen=True, slots=True)
class Translated:
    """A document in the words of draft 2020-12."""

    schema: Any
    faults: tuple[Fault, ...] = ()
    """What has no such words, by its pointer into the document as it was written."""
    moved: dict[str, str] = field(default_factory=dict)
    """Pointers of parts that stood elsewhere, and where."""

    def written_at(self, place: str) -> str:
        """The pointer, in the document as it was written, of a place in this one."""
        return _replaced(place, self.moved)


def translated(schema: Any) -> Translated:
    """Read a document of any known dialect."""
    if not isinstance(schema, dict):
        return Translated(schema)
    stated = schema.get("$schema")
    draft = _draft(stated)
    if isinstance(stated, str) and draft is None:
        return Translated(schema, (Fault("/$schema", f"{stated} is not supported: write the schema in {DRAFT}"),))
    translation = _Translation(schema, draft)
    return translation.run()


def _draft(stated: Any) -> int | None:
    """3 to 7, 2019 or 2020. None: none is stated, or one that is not known."""
    if not isinstance(stated, str):
        return None
    if _OPENAPI.fullmatch(stated.strip()):
        return NEWEST
    found = _DIALECT.fullmatch(stated.strip())
    if found is None:
        return None
    if found["old"]:
        return int(found["old"])
    return 2019 if found["year"] == "2019-09" else NEWEST


def _replaced(place: str, by: dict[str, str]) -> str:
    """A pointer with its longest known beginning replaced."""
    head = place
    while head and head not in by:
        head = head.rpartition("/")[0]
    return by[head] + place[len(head) :] if head in by else place


class _Translation:
    def __init__(self, document: dict[str, Any], draft: int | None) -> None:
        self.document = document
        self.draft = draft
        self.is_old = draft != NEWEST
        self.faults: list[Fault] = []
        self.seen: set[str] = set()
        """Where schemas stand in the document as it was written."""
        self.moves: dict[str, str] = {}
        """Where they stand now, if that is another place."""
        self.references: list[dict[str, Any]] = []

    def run(self) -> Translated:
        schema = self.visit(self.document, "", "")
        self._collect_outliers(schema)
        own = str(schema.get("$id", "")).rstrip("#")
        for part in self.references:
            head, mark, place = part["$ref"].partition("#")
            if mark and head in ("", own) and (moved := _replaced(unquote(place), self.moves)) != unquote(place):
                part["$ref"] = f"{head}#{quote(moved, safe='/~$')}"
        return Translated(schema, tuple(self.faults), {new: old for old, new in self.moves.items()})

    def _collect_outliers(self, schema: dict[str, Any]) -> None:
        """Schemas that a `$ref` finds under a name that is no keyword (`#/components/schemas/…`) join the root's `$defs`."""
        looked = 0
        while looked < len(self.references):
            place = unquote(self.references[looked]["$ref"].removeprefix("#"))
            looked += 1
            if not place.startswith("/") or place in self.seen or self._is_in_a_keyword(place):
                continue
            try:
                target = JsonPointer(place).resolve(self.document)
            except (JsonPointerException, TypeError, ValueError):
                continue  # it leads nowhere, which is said where references are followed
            definitions = schema.setdefault("$defs", {})
            if not isinstance(target, dict) or not isinstance(definitions, dict):
                continue
            name = place.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
            while name in definitions:
                name += "_"
            now = "/$defs" + pointer([name])
            self.moves[place] = now
            definitions[name] = self.visit(target, place, now)

    def _is_in_a_keyword(self, place: str) -> bool:
        """Whether a place lies in what a keyword of a schema says, and not in what stands under another name."""
        above, inside = place, ""
        while above not in self.seen:
            above, _, inside = above.rpartition("/")
        return inside in _KNOWN

    def visit(self, part: Any, at: str, now: str) -> Any:
        """A schema in today's words. `at` and `now` are where it stood and where it stands."""
        if not isinstance(part, dict):
            return part
        self.seen.add(at)
        if at != now:
            self.moves[at] = now
        read: dict[str, Any] = {}
        for word, value in part.items():
            if self._is_ignored(word, part):
                continue
            rule = _RULES.get(word) if self.is_old or word == "$schema" else None
            if rule is not None:
                rule(_Keyword(self, part, word, value, at, now), read)
            else:
                read[word] = self.held(word, value, at, now)
        if self.is_old:
            self._add_required(read, part)
            if part.get("nullable") is True:
                read = _nullable(read)
        if isinstance(read.get("$ref"), str):
            self.references.append(read)
        return read

    def held(self, word: str, value: Any, at: str, now: str, old: str | None = None) -> Any:
        """A keyword's value, with the schemas in it in today's words. `old` is what the keyword was called."""
        was, stands = f"{at}/{old or word}", f"{now}/{word}"
        if word in ONE_SCHEMA:
            return self.visit(value, was, stands)
        if word in LIST_OF_SCHEMAS and isinstance(value, list):
            return [self.visit(item, f"{was}/{place}", f"{stands}/{place}") for place, item in enumerate(value)]
        if word in MAP_OF_SCHEMAS and isinstance(value, dict):
            return {name: self.visit(item, was + pointer([name]), stands + pointer([name])) for name, item in value.items()}
        return value

    def _is_ignored(self, word: str, part: dict[str, Any]) -> bool:
        """Whether a draft does not look at a keyword: up to draft-07, at what stands beside a `$ref`."""
        beside = self.draft is not None and self.draft <= 7 and isinstance(part.get("$ref"), str)
        return beside and word not in {"$ref", "$schema", "definitions", "$defs"} | ANNOTATIONS

    def _add_required(self, read: dict[str, Any], part: dict[str, Any]) -> None:
        """`required: true` of a property is its object's `required`."""
        properties = part.get("properties")
        if not isinstance(properties, dict):
            return
        stated = [name for name, each in properties.items() if isinstance(each, dict) and each.get("required") is True]
        if stated:
            known = read.get("required")
            known = known if isinstance(known, list) else []
            read["required"] = [*known, *(name for name in stated if name not in known)]


def _nullable(read: dict[str, Any]) -> dict[str, Any]:
    kind = read.get("type")
    if isinstance(kind, str | list):
        kinds = [kind] if isinstance(kind, str) else kind
        read["type"] = kinds if "null" in kinds else [*kinds, "null"]
        if isinstance(read.get("enum"), list) and None not in read["enum"]:
            read["enum"] = [*read["enum"], None]
        return read
    if not set(read) - ANNOTATIONS:
        return read
    about = {word: value for word, value in read.items() if word in ANNOTATIONS}
    return {**about, "anyOf": [{word: value for word, value in read.items() if word not in ANNOTATIONS}, {"type": "null"}]}


@dataclass(frozen=True, slots=True)
class _Keyword:
    """A keyword that other drafts mean otherwise, in its schema."""

    translation: _Translation
    schema: dict[str, Any]
    word: str
    value: Any
    at: str
    now: str

    @property
    def draft(self) -> int | None:
        return self.translation.draft

    def held(self, word: str, value: Any, old: str | None = None) -> Any:
        return self.translation.held(word, value, self.at, self.now, old or self.word)

    def refuse(self, advice: str) -> None:
        named = "" if self.draft is None else f"draft-0{self.draft} " if self.draft < 10 else f"{self.draft}-09 "
        text = f"{named}keyword that 2020-12 does not have: {advice}"
        self.translation.faults.append(Fault(f"{self.at}/{self.word}", text))


def _dialect(one: _Keyword, read: dict[str, Any]) -> None:
    if one.at and _draft(one.value) != one.draft:
        text = f"{one.value} is not supported inside of another dialect: write the schema in {DRAFT}"
        one.translation.faults.append(Fault(f"{one.at}/$schema", text))


def _id(one: _Keyword, read: dict[str, Any]) -> None:
    """An address to refer to. Up to draft-07, `#name` is what is now an `$anchor`."""
    value = one.value
    if one.word == "id" and (one.draft not in (3, 4, None) or "$id" in one.schema):
        return
    if isinstance(value, str) and (anchor := _ANCHOR.fullmatch(value)):
        read["$anchor"] = anchor[1]
    elif isinstance(value, str) and _ADDRESS.fullmatch(value):
        read["$id"] = value  # one of another form names nothing, and a `$ref` to it is refused where it stands


def _bound(one: _Keyword, read: dict[str, Any]) -> None:
    """`minimum` with `exclusiveMinimum: true` is what is now a number there."""
    strict = "exclusive" + one.word[0].upper() + one.word[1:]
    read[strict if one.schema.get(strict) is True else one.word] = one.value


def _strict_bound(one: _Keyword, read: dict[str, Any]) -> None:
    if not isinstance(one.value, bool):
        read[one.word] = one.value


def _items(one: _Keyword, read: dict[str, Any]) -> None:
    """A list of schemas is what is now `prefixItems`, and `additionalItems` beside it `items`."""
    if not isinstance(one.value, list):
        read["items"] = one.held("items", one.value)
        return
    if one.value:
        read["prefixItems"] = one.held("prefixItems", one.value)
    if "additionalItems" in one.schema:
        read["items"] = one.held("items", one.schema["additionalItems"], "additionalItems")


def _dependencies(one: _Keyword, read: dict[str, Any]) -> None:
    if not isinstance(one.value, dict):
        one.refuse("write dependentRequired or dependentSchemas")
        return
    names = {name: [part] if isinstance(part, str) else part for name, part in one.value.items() if isinstance(part, str | list)}
    parts = {name: part for name, part in one.value.items() if name not in names}
    if names:
        read["dependentRequired"] = {**one.schema.get("dependentRequired", {}), **names}
    if parts:
        read["dependentSchemas"] = {**one.schema.get("dependentSchemas", {}), **one.held("dependentSchemas", parts)}


def _required(one: _Keyword, read: dict[str, Any]) -> None:
    if not isinstance(one.value, bool):
        read["required"] = one.value


def _type(one: _Keyword, read: dict[str, Any]) -> None:
    """Draft-03 has `any`, and schemas among types. Some providers write types in capitals."""
    kinds = one.value if isinstance(one.value, list) else [one.value]
    if "any" in kinds:
        return
    if one.draft == 3 and any(isinstance(kind, dict) for kind in kinds):
        parts = [kind if isinstance(kind, dict) else {"type": kind} for kind in kinds]
        read["anyOf"] = one.held("anyOf", parts)
        return
    plain = [kind.lower() if isinstance(kind, str) and kind.lower() in TYPES else kind for kind in kinds]
    read["type"] = plain if isinstance(one.value, list) else plain[0]


def _renamed(word: str) -> Callable[[_Keyword, dict[str, Any]], None]:
    def rename(one: _Keyword, read: dict[str, Any]) -> None:
        read[word] = one.held(word, one.value)

    return rename


def _extends(one: _Keyword, read: dict[str, Any]) -> None:
    if one.draft == 3:
        parts = one.value if isinstance(one.value, list) else [one.value]
        read["allOf"] = one.held("allOf", parts)
    else:
        read[one.word] = one.value


def _disallow(one: _Keyword, read: dict[str, Any]) -> None:
    if one.draft == 3:
        kinds = one.value if isinstance(one.value, list) else [one.value]
        parts = [kind if isinstance(kind, dict) else {} if kind == "any" else {"type": kind} for kind in kinds]
        read["not"] = one.held("not", {"anyOf": parts})
    else:
        read[one.word] = one.value


def _format(one: _Keyword, read: dict[str, Any]) -> None:
    name = _FORMATS_OF_DRAFT_3.get(one.value, one.value) if one.draft == 3 and isinstance(one.value, str) else one.value
    if name is not None:
        read["format"] = name


def _annotation(one: _Keyword, read: dict[str, Any]) -> None:
    value = one.value
    if one.word in _TEXTS and isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = " ".join(value)
    if isinstance(value, _FORMS.get(one.word, str)):
        read[one.word] = value


def _recursion(one: _Keyword, read: dict[str, Any]) -> None:
    one.refuse("recursive schemas cannot become columns")


def _nothing(one: _Keyword, read: dict[str, Any]) -> None:
    """What says nothing of its own: it is read with another keyword, or has no meaning without one."""


_RULES: Final[dict[str, Callable[[_Keyword, dict[str, Any]], None]]] = {
    "$schema": _dialect,
    "$id": _id,
    "id": _id,
    "minimum": _bound,
    "maximum": _bound,
    "exclusiveMinimum": _strict_bound,
    "exclusiveMaximum": _strict_bound,
    "items": _items,
    "additionalItems": _nothing,
    "dependencies": _dependencies,
    "required": _required,
    "type": _type,
    "nullable": _nothing,
    "divisibleBy": _renamed("multipleOf"),
    "extends": _extends,
    "disallow": _disallow,
    "format": _format,
    "$recursiveRef": _recursion,
    "$recursiveAnchor": _nothing,
    **dict.fromkeys([*_TEXTS, *_FORMS], _annotation),
}
