"""The words of shorthand: `integer`, `list[date]`, `Optional[int]`, `number (USD)` become JSON Schemas; prose a description.

What begins like a type and is none is refused: taken for a description, it would ask for text in silence.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from rapidfuzz.distance import OSA

from research.faults import nearest

SHORTHAND: Final[dict[str, dict[str, Any]]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "date-time": {"type": "string", "format": "date-time"},
    "uri": {"type": "string", "format": "uri"},
    "array": {"type": "array", "items": {"type": "string"}},
    "object": {"type": "object"},
}
ALIASES: Final = {
    "str": "string",
    "text": "string",
    "int": "integer",
    "int32": "integer",
    "int64": "integer",
    "bigint": "integer",
    "smallint": "integer",
    "tinyint": "integer",
    **dict.fromkeys(("int8", "int16", "uint", "uint8", "uint16", "uint32", "uint64"), "integer"),
    **dict.fromkeys(("long", "whole number"), "integer"),
    "float": "number",
    "float32": "number",
    "float64": "number",
    **dict.fromkeys(("numeric", "real"), "number"),
    "double": "number",
    "double precision": "number",
    "decimal": "number",
    **dict.fromkeys(("bool", "yes/no", "true/false"), "boolean"),
    "yyyy-mm-dd": "date",
    "datetime": "date-time",
    "timestamp": "date-time",
    "timestamptz": "date-time",
    "timestamp with time zone": "date-time",
    "timestamp without time zone": "date-time",
    "url": "uri",
    "list": "array",
    "dict": "object",
}
_PROSE: Final = frozenset(
    {
        "string",
        "text",
        "number",
        "date",
        "url",
        "list",
        "array",
        "object",
        "double",
        "decimal",
        "numeric",
        "timestamp",
        "long",
        "real",
    }
)
"""Types that are words of English as well: a description may begin with one (`number of staff`, `date, place and cause`)."""
_ADJECTIVES: Final = frozenset({"long", "real"})
"""Of these, those that are choices beside a word that is no type: `real | virtual`."""

_NOTHING: Final = frozenset({"null", "none", "nil", "undefined", "nullable", "optional"})
_NULLABLE: Final = re.compile(
    r"(?P<type>.+?)\s*(?:\?|(?:,|;|\||/|\bor\b)\s*(?:null|none|nil|undefined|nullable|optional)"
    r"|\(\s*(?:or\s+)?(?:null|none|nullable|optional)\s*\)|\s(?:nullable|optional))",
    re.IGNORECASE | re.DOTALL,
)
_MAYBE: Final = re.compile(r"(?:(?:optional|nullable)\s+|\?\s*)(?P<type>\S.*)", re.IGNORECASE | re.DOTALL)
_REQUIRED: Final = re.compile(r"(?:required|mandatory)\s+(?P<type>\S.*)|(?P<marked>.+)!", re.IGNORECASE | re.DOTALL)
_GENERIC: Final = re.compile(
    r"(?:typing\.|t\.)?(?P<name>[a-z]+)\s*(?:\[(?P<square>.*)\]|<(?P<angle>.*)>)", re.IGNORECASE | re.DOTALL
)
_SIZED: Final = re.compile(
    r"(?:positive|non-?negative|unsigned|signed|big|long|short)\s+(int|integer|number|float)", re.IGNORECASE
)
_ITEMS: Final = re.compile(r"(?:lists?|arrays?|sets?|tuples?)\s+of\s+(?P<kind>\S.*)", re.IGNORECASE | re.DOTALL)
_ITEMS_FIRST: Final = re.compile(r"(?P<kind>\S+)\s+(?:list|array)|(?:list|array|set)\s*\((?P<round>[^()]+)\)", re.IGNORECASE)
"""`string array`, `list(int)`"""
_WITH_PARTS: Final = re.compile(
    r"(?:lists?|arrays?|sets?|tuples?)\s+of\s+(?:(?:objects?|dicts?)\b|\{|\(.*,.*\)$)", re.IGNORECASE | re.DOTALL
)
"""A list whose items have names for their parts, for which shorthand has no words."""
_MAPPED: Final = re.compile(r"(?:map|mapping|dict|dictionary)\s+(?:of|from)\s+(?P<key>\w+)\s+to\s+(?P<value>\w+)", re.IGNORECASE)
"""`map of string to integer`"""
_ENUM: Final = re.compile(r"enum\s*(?::(?P<free>.*)|\((?P<round>.*)\))", re.IGNORECASE | re.DOTALL)
_LISTS: Final = frozenset({"list", "array", "sequence", "set", "readonlyarray", "iterable", "collection"})
_OBJECTS: Final = frozenset({"dict", "mapping", "map", "record", "object"})
_LOOKS_LIKE_A_TYPE: Final = re.compile(
    r"\s*(?:typing\.)?(?:list|array|optional|union|dict|mapping|map|record|tuple|set|sequence|literal|enum|annotated)\s*[\[<]"
    r"|\s*con(?:int|float|str|decimal|date|list)\s*\(",
    re.IGNORECASE,
)
_ROOM: Final = re.compile(
    r"(?:xsd?:|(?:np|numpy|pd|pandas|pl|polars|pa|pyarrow|sa|sqlalchemy|datetime|builtins)\.)(?=[a-z])", re.IGNORECASE
)
"""Where languages and libraries keep their types: `xs:integer`, `np.float64`, `np.bool_`."""
_WORDS: Final = re.compile(r"[\w+#.&/-]+(?: [\w+#.&/-]+){0,2}")
"""One of some choices without quotation marks."""
_AFTER_A_TYPE: Final = re.compile(
    r"\s*(?P<compared>(?=(?:[<>≥≤]=?|[=!]=)\s*-?\d))|\s+(?=[YMD]{2,4}[-/.])|\s*(?P<round>\()|\s*(?P<colon>:)|\s+[-–—]+\s+|\s*(?P<comma>[,;])\s*"
)
_BOUNDS: Final = {
    **dict.fromkeys((">=", "≥"), "minimum"),
    **dict.fromkeys(("<=", "≤"), "maximum"),
    ">": "exclusiveMinimum",
    "<": "exclusiveMaximum",
}
_COMPARED: Final = re.compile(r"([<>]=?|[≥≤])\s*(-?(?:0|[1-9]\d*)(?:\.\d+)?)")
"""`integer >= 0`"""
_LONG: Final = 5
"""Letters of a word before a colon that is nearly the name of a type. A shorter one (`data: …`) may begin a description."""
_HEAD: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


def field_schema(text: str) -> dict[str, Any]:
    """The schema of `type`, `type: description` or `description`.

    Raises:
        ValueError: it is empty, or begins like a type and is none; says why.
    """
    text = text.strip()
    if not text:
        raise ValueError("must not be empty: write a type or a description")
    if (known := type_of(text)) is not None:
        return known
    if described := _type_and_words(text):
        return described
    _refuse_half_a_type(text)
    return {"type": "string", "description": text}


def type_of(text: str) -> dict[str, Any] | None:
    """The schema of a text that is a type and nothing else; None if it is not.

    Raises:
        ValueError: it is written as a type, and a part of it is none.
    """
    text = text.strip()
    if (room := _ROOM.match(text)) and (known := _named(text[room.end() :].rstrip("_"))) is not None:
        return known
    name = text.casefold()
    if (known := SHORTHAND.get(ALIASES.get(name, name))) is not None:
        return dict(known)
    if name == "any":
        return {}
    if enum := _ENUM.fullmatch(text):
        return _enum(enum["free"] if enum["free"] is not None else enum["round"])
    if (literals := _literals(text)) is not None:
        return literals
    if (maybe := _NULLABLE.fullmatch(text) or _MAYBE.fullmatch(text)) and (inner := type_of(maybe["type"])) is not None:
        return or_null(inner)
    if (required := _REQUIRED.fullmatch(text)) and (inner := type_of(required["type"] or required["marked"])) is not None:
        return inner
    if text.startswith("[") and text.endswith("]") and (item := type_of(text[1:-1])) is not None:
        return {"type": "array", "items": item}
    if text.endswith("[]") and (item := type_of(text[:-2])) is not None:
        return {"type": "array", "items": item}
    if (generic := _GENERIC.fullmatch(text)) and (known := _generic(text, generic)) is not None:
        return known
    if sized := _SIZED.fullmatch(text):
        return type_of(sized[1])
    if items := _ITEMS.fullmatch(text):
        kind = items["kind"]
        item = type_of(kind) or (type_of(kind[:-1]) if kind[-1] in "sS" else None)
        return None if item is None else {"type": "array", "items": item}
    if (first := _ITEMS_FIRST.fullmatch(text)) and (kind := first["kind"] or first["round"]).casefold() not in _ADJECTIVES:
        return None if (item := type_of(kind)) is None else {"type": "array", "items": item}
    if (mapped := _MAPPED.fullmatch(text)) and type_of(mapped["key"]) is not None:
        value = type_of(mapped["value"])
        return None if value is None else {"type": "object", "additionalProperties": value}
    return _union(text)


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema, for a value that may be null."""
    kind = schema.get("type")
    if isinstance(kind, str):
        enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
        return {**schema, "type": [kind, "null"], **enum}
    return schema if not schema or isinstance(kind, list) else {"anyOf": [schema, {"type": "null"}]}


def _enum(text: str) -> dict[str, Any]:
    choices = [choice.strip().strip("\"'") for choice in text.split("|" if "|" in text else ",")]
    if len(choices) < 2 or not all(choices) or len(set(choices)) < len(choices):
        raise ValueError("an enum needs two or more different values: `enum: small | large`")
    return {"type": "string", "enum": choices}


def _literals(text: str) -> dict[str, Any] | None:
    """`"a" | "b"` as an enum."""
    parts = _split(text, "|")
    if len(parts) > 1 and all(len(part) > 2 and part[0] == part[-1] and part[0] in "\"'" for part in parts):
        return {"type": "string", "enum": list(dict.fromkeys(part[1:-1] for part in parts))}
    return None


def _generic(text: str, found: re.Match[str]) -> dict[str, Any] | None:
    """`Name[…]` or `Name<…>`; None if no type is written so."""
    name = found["name"].casefold()
    inside = found["square"] if found["square"] is not None else found["angle"]
    parts = _split(inside, ",")
    if name == "optional":
        return or_null(_part(text, inside))
    if name in _LISTS:
        return {"type": "array", "items": _part(text, inside)}
    if name == "union":
        return _any_of([part if part.casefold() in _NOTHING else _part(text, part) for part in parts])
    if name in _OBJECTS:
        return {"type": "object", "additionalProperties": _part(text, parts[-1])} if len(parts) == 2 else {"type": "object"}
    if name in ("literal", "enum"):
        return _choice(text, inside)
    return None


def _part(text: str, part: str) -> dict[str, Any]:
    if (known := type_of(part)) is None:
        raise ValueError(f'"{text}" is not a type: {part.strip()!r} in it must be one of {", ".join(SHORTHAND)}')
    return known


def _choice(text: str, inside: str) -> dict[str, Any]:
    try:
        values = json.loads(f"[{inside}]" if "'" not in inside else "[{}]".format(inside.replace("'", '"')))
    except ValueError:
        return _enum(inside)
    kinds = {type(value) for value in values if value is not None}
    if not values or not kinds <= {str, int, bool, float} or len(kinds) > 1:
        raise ValueError(f'"{text}" is not a type: its values must be texts, or numbers')
    names = {str: "string", int: "integer", bool: "boolean", float: "number"}
    known = {"type": names[kinds.pop()], "enum": [value for value in values if value is not None]}
    return or_null(known) if None in values else known


def _union(text: str) -> dict[str, Any] | None:
    """`number | string`, `int or text`. A description may have such words in it; then it is none."""
    by_bar = _split(text, "|")
    parts = by_bar if len(by_bar) > 1 else re.split(r"\s+or\s+", text, flags=re.IGNORECASE)
    if len(parts) < 2 or not all(parts):
        return None
    known = [part if part.casefold() in _NOTHING else type_of(part) for part in parts]
    if None in known:
        known = [None if part.casefold() in _ADJECTIVES else each for part, each in zip(parts, known, strict=True)]
    if all(each is None or isinstance(each, str) for each in known):
        choices = [part for part, each in zip(parts, known, strict=True) if each is None]
        is_choice = len(set(choices)) == len(choices) > 1 and all(map(_WORDS.fullmatch, by_bar))
        if len(by_bar) == 1 or not is_choice:
            return None
        if {choice.casefold() for choice in choices} in ({"yes", "no"}, {"true", "false"}):
            return {"type": "boolean"} if len(choices) == len(parts) else or_null({"type": "boolean"})
        return {"type": "string", "enum": choices} if len(choices) == len(parts) else or_null({"type": "string", "enum": choices})
    if any(each is None for each in known):
        if len(by_bar) > 1:
            other = next(part for part, each in zip(parts, known, strict=True) if each is None)
            raise ValueError(f'"{text}" is not a type: {other!r} in it is none ({", ".join(SHORTHAND)})')
        return None
    return _any_of([each for each in known if each is not None])


def _any_of(parts: list[dict[str, Any] | str]) -> dict[str, Any]:
    types: list[dict[str, Any]] = []
    types += [part for part in parts if isinstance(part, dict) and part not in types]
    known = types[0] if len(types) == 1 else {"anyOf": types}
    return or_null(known) if any(isinstance(part, str) for part in parts) else known


def _split(text: str, at: str) -> list[str]:
    """The parts between separators that stand in no bracket and no quotation marks."""
    parts, depth, quote, begin = [], 0, "", 0
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and (place == 0 or not text[place - 1].isalnum()):
            quote = char
        elif char in "[<(":
            depth += 1
        elif char in "]>)":
            depth -= 1
        elif char == at and depth == 0:
            parts.append(text[begin:place].strip())
            begin = place + 1
    return [*parts, text[begin:].strip()]


def _type_and_words(text: str) -> dict[str, Any] | None:
    """`integer: people employed`, `float (USD)`, `number - of moons`, `int in millions`: a type with a description."""
    for mark in reversed(list(_AFTER_A_TYPE.finditer(text))):
        head, rest = text[: mark.start()], text[mark.end() :].strip()
        if mark["comma"] and head.strip().casefold() in _PROSE:
            continue
        if (known := type_of(head)) is None:
            continue
        kinds = known.get("type")
        if mark["compared"] is not None:
            if {"integer", "number"}.isdisjoint(kinds if isinstance(kinds, list) else [kinds]):
                continue
            return _bounded(text, known, rest)
        if mark["round"]:
            inside, closed, more = rest.partition(")")
            rest = f"({rest}" if not closed or "(" in inside else f"{inside.strip()} {more.strip(' :,;-–—')}".strip()
        return {**known, "description": rest} if rest else known
    head_word = _HEAD.match(text)
    if head_word is None or head_word[0].casefold() in _PROSE or (known := _named(head_word[0])) is None:
        return None
    rest = text[head_word.end() :]
    goes_on = rest[:1].isspace() and rest.strip()[0].isalpha() and rest.split()[0].casefold() not in ("and", "or")
    return {**known, "description": rest.strip()} if goes_on else None


def _bounded(text: str, known: dict[str, Any], rest: str) -> dict[str, Any]:
    """A number's type with the bound behind it: `integer >= 0`, `integer >= 0: people employed`, `number > 0 | null`.

    Raises:
        ValueError: what follows the type is not one bound of a number.
    """
    bound = _COMPARED.match(rest)
    behind = rest[bound.end() :].strip() if bound else rest
    nullable = _NULLABLE.fullmatch(f"it {behind}") if behind[:1] not in ("", ":") else None
    if bound is None or (behind[:1] not in ("", ":") and (nullable is None or nullable["type"] != "it")):
        raise ValueError(f'"{text}" is not a type: write a JSON Schema with `minimum` and `maximum`')
    bounded = {**known, _BOUNDS[bound[1]]: json.loads(bound[2])}
    if nullable is not None:
        return or_null(bounded)
    return {**bounded, "description": behind[1:].strip()} if behind[1:].strip() else bounded


def _named(word: str) -> dict[str, Any] | None:
    known = SHORTHAND.get(ALIASES.get(word.casefold(), word.casefold()))
    return None if known is None else dict(known)


def _refuse_half_a_type(text: str) -> None:
    """Refuse what was probably meant as a type and would be taken as a description.

    Raises:
        ValueError: the text begins like a type, or is one word that is nearly one.
    """
    one_of = ", ".join(SHORTHAND)
    head = text.partition(":")[0].strip()
    if re.match(r"(?:object\s*)?\{", text, re.IGNORECASE):
        raise ValueError(f'"{text}" is not a type: write an object with fields as a JSON Schema with `properties`')
    if _LOOKS_LIKE_A_TYPE.match(text):
        raise ValueError(f'"{head}" is not a type: its parts must be of one ({one_of})')
    if re.fullmatch(r"\w+\[\]|\[\w+\]", text):
        raise ValueError(f'"{text}" is not a type: a list is of one of {one_of}, such as `list[string]: {text.strip("[]")}`')
    if _ROOM.match(text) and (len(text.split()) == 1 or text.split()[0].endswith(":")):
        raise ValueError(f'"{text}" is not a type that can be asked for: write one of {one_of}')
    if _WITH_PARTS.match(text):
        raise ValueError(
            f'"{text}" is not a type: write a list of objects as a JSON Schema, with `items` of type object and their '
            f"`properties`; or `list[object]: {text}` for objects of any form"
        )
    if re.match(r"array\s+of\s", text, re.IGNORECASE):
        raise ValueError(f'"{head}" is not a type: write `list[string]: {head}`, or another type for its items ({one_of})')
    if text.casefold() in _NOTHING | {"enum"}:
        raise ValueError(f'"{text}" alone is not a type: write one of {one_of}, or a description of more than one word')
    word = _HEAD.match(text)
    if word is not None and _named(word[0]) is not None and word[0].casefold() not in _PROSE:
        raise ValueError(f'"{text}" begins as a type and goes on as none: write `{word[0]}: {text[word.end() :].strip()}`')
    if head != text and head.isalpha() and head.islower() and len(head) >= _LONG and _named(head) is None and _close(head):
        raise ValueError(
            f'"{head}" is not a type{nearest(head, [*SHORTHAND, *ALIASES])} As a description begin it with a capital.'
        )
    if text.isalpha() and (hint := nearest(text, [*SHORTHAND, *ALIASES])) and _close(text):
        raise ValueError(f'"{text}" is not a type{hint} A description needs more than one word.')


def _close(word: str) -> bool:
    """One slip of the hand away from a type's name: more likely that than a description of one word."""
    return any(OSA.distance(word.casefold(), name) == 1 for name in (*SHORTHAND, *ALIASES))
