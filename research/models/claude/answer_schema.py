"""The schema in which Claude answers: from an output schema to one that the service accepts, and from an answer to a Draft.

An answer is a list with one entry for each field that has a value; what was not found is listed apart. So the schema needs one
union in all, however many fields there are, and no field has to be nullable: the service allows 16 unions and 24 optional
properties (platform.claude.com/docs/en/build-with-claude/structured-outputs). A field whose own schema cannot be put on the wire
(a map, a tuple, anything at all), or no longer fits under those limits, is answered as JSON text. What the wire form leaves out
(lengths, ranges) is in the prompt, and is checked when the answer is here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from research.errors import Fault
from research.faults import validation_faults
from research.identity import canonical_json
from research.models.claude.json_reply import Unreadable, json_object, json_value
from research.output_schema.output_spec import Field, OutputSpec
from research.ports.work import Draft, FieldAnswer
from research.result.result import Confidence

MOST_UNIONS: Final = 15
"""Of the service's 16: one is the list of answers itself."""
MOST_OPTIONAL: Final = 24
MOST_TYPED: Final = 60
"""Fields with a form of their own; grammars have a size."""

_STRING: Final[Mapping[str, Any]] = {"type": "string"}
_IDS: Final[Mapping[str, Any]] = {"type": "array", "items": _STRING}
_CONFIDENCE: Final[Mapping[str, Any]] = {"type": "string", "enum": ["high", "medium", "low"]}


class NoWireSchema(Exception):
    """A schema that has no form on the wire."""


@dataclass(frozen=True, slots=True)
class AnswerSchema:
    """The schema of an answer to one output schema, and how the answer is read."""

    spec: OutputSpec
    schema: Mapping[str, Any]
    typed: bool
    """False: every value is JSON text."""
    report: bool

    @staticmethod
    @lru_cache(maxsize=64)
    def of(spec: OutputSpec, *, report: bool = False, typed: bool = True) -> AnswerSchema:
        """The answer schema of an output schema. Kept, since all rows of a table ask for the same.

        Args:
            spec: the output schema.
            report: whether a report is asked for as well.
            typed: False asks for every value as JSON text, for a service that accepts no better.
        """
        forms: list[dict[str, Any]] = []
        texts: list[str] = []
        unions = optional = 0
        for field in spec.fields:
            try:
                if not typed or len(forms) >= MOST_TYPED:
                    raise NoWireSchema
                value = wire_schema(field.schema)
                unions_here, optional_here = _weight(value)
                if unions + unions_here > MOST_UNIONS or optional + optional_here > MOST_OPTIONAL:
                    raise NoWireSchema
            except NoWireSchema:
                texts.append(field.name)
                continue
            unions, optional = unions + unions_here, optional + optional_here
            forms.append(_entry({"const": field.name}, "value", value))
        if texts:
            value = {"type": "string", "description": "The value, written as JSON text."}
            forms.append(_entry({"type": "string", "enum": texts}, "value_json", value))
        names = {"type": "string", "enum": [field.name for field in spec.fields]}
        missing = _object({"field": names, "reasoning": _STRING})
        parts: dict[str, Any] = {
            "answers": {"type": "array", "items": forms[0] if len(forms) == 1 else {"anyOf": forms}},
            "not_found": {"type": "array", "items": missing},
            "summary": _STRING,
        }
        if report:
            parts["report"] = _STRING
        return AnswerSchema(spec, _object(parts), typed, report)

    def draft(self, text: str, fields: Sequence[str]) -> Draft:
        """The draft in a model's reply. Fields other than `fields` are left out.

        Raises:
            Unreadable: the reply does not fit the schema; the message tells the model why.
        """
        try:
            reply = _Reply.model_validate(json_object(text))
        except ValidationError as error:
            raise Unreadable(tuple(validation_faults(error))) from None
        faults = [
            Fault(f"/answers/{place}/field", f"{answer.field!r} is not a field; the fields are: {', '.join(self.spec.names)}")
            for place, answer in enumerate(reply.answers)
            if answer.field not in self.spec.names
        ]
        if self.report and not (reply.report or "").strip():
            faults.append(Fault("/report", "is missing"))
        mentioned = {answer.field for answer in reply.answers} | {each.field for each in reply.not_found}
        if unmentioned := [name for name in fields if name not in mentioned]:
            faults.append(Fault("", f"says nothing of {', '.join(unmentioned)}: put each into `answers` or into `not_found`"))
        if faults:
            raise Unreadable(tuple(faults))
        answers = {answer.field: answer.answer() for answer in reversed(reply.answers)}
        missing = {each.field: FieldAnswer(field=each.field, reasoning=each.reasoning) for each in reply.not_found}
        found = {**missing, **answers}
        return Draft(
            answers=tuple(found[name] for name in fields if name in found), summary=reply.summary, report=reply.report or None
        )


class _Missing(BaseModel):
    field: str
    reasoning: str = ""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    field: str
    value: Any = None
    value_json: str | None = None
    passages: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    reasoning: str = ""
    confidence: Confidence | None = None

    @field_validator("passages", "against", mode="before")
    @classmethod
    def _ids(cls, value: Any) -> Any:
        """Passage ids, also as weaker models write them: `[p3]`, `P3`, `p3, p4`."""
        ids = [value] if isinstance(value, str) else value
        if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
            return value
        parts = (part.strip(" []()`\"'").lower() for each in ids for part in each.replace(";", ",").split(","))
        return tuple(dict.fromkeys(part for part in parts if part))

    @field_validator("confidence", mode="before")
    @classmethod
    def _lower_confidence(cls, value: Any) -> Any:
        folded = value.strip().lower() if isinstance(value, str) else value
        return None if folded in ("", "none", "null") else folded

    def answer(self) -> FieldAnswer:
        value = self.value if self.value is not None or self.value_json is None else json_value(self.value_json)
        return FieldAnswer(
            field=self.field,
            value=value,
            passages=self.passages,
            against=tuple(each for each in self.against if each not in self.passages),
            reasoning=self.reasoning,
            confidence=self.confidence,
        )


class _Reply(BaseModel):
    answers: list[_Answer]
    not_found: list[_Missing] = []
    summary: str = ""
    report: str | None = None


def describe_fields(spec: OutputSpec) -> str:
    """The fields for the prompt: the part of the schema that the wire form may leave out stands here whole."""
    lines = [spec.description] if spec.description else []
    lines += [f"- `{field.name}`: {_schema_text(field)}" for field in spec.fields]
    return "\n".join(lines)


def _schema_text(field: Field) -> str:
    return canonical_json(field.schema)


def wire_schema(schema: Any) -> dict[str, Any]:
    """A value's JSON Schema as the service accepts it. Properties of inner objects are optional: what is unknown is left out.

    Raises:
        NoWireSchema: it has no form there that would leave every value possible.
    """
    from anthropic import transform_schema  # the SDK takes more than a second to import

    try:
        return transform_schema(_plain(schema))
    except (ValueError, AssertionError, TypeError, AttributeError) as error:  # what the SDK's transformation does not know
        raise NoWireSchema from error


def _plain(schema: Any) -> dict[str, Any]:
    """The schema in the words that the SDK's transformation knows."""
    if not isinstance(schema, Mapping) or {"patternProperties", "prefixItems", "not", "if", "$ref"} & set(schema):
        raise NoWireSchema
    plain = {key: value for key, value in schema.items() if key not in ("required", "$defs", "definitions", "$schema", "$id")}
    for word in ("anyOf", "oneOf"):  # leaving a value out means null
        if word in plain and len(some := [part for part in plain[word] if part != {"type": "null"}]) == 1:
            return _plain({**{key: value for key, value in plain.items() if key != word}, **some[0]})
        if word in plain:
            plain[word] = some
    names = plain.get("type")
    if isinstance(names, list):
        names = [name for name in names if name != "null"] or names
        if len(names) != 1:
            bare = {key: value for key, value in plain.items() if key not in ("type", "description", "title", "default")}
            union = [_plain({**bare, "type": name}) for name in names]
            return {"anyOf": union, **({"description": plain["description"]} if "description" in plain else {})}
        plain["type"] = names = names[0]
    if any(isinstance(each, (dict, list)) for each in (*plain.get("enum", ()), plain.get("const"))):
        raise NoWireSchema
    if names == "object" or "properties" in plain:
        if not plain.get("properties") or plain.get("additionalProperties") not in (None, False):
            raise NoWireSchema
        plain["properties"] = {name: _plain(part) for name, part in plain["properties"].items()}
    elif names == "array":
        plain["items"] = _plain(plain.get("items"))
    unions = [word for word in ("anyOf", "oneOf", "allOf") if word in plain]
    if unions:
        if unions == ["allOf"] or len(unions) > 1 or "properties" in plain:
            raise NoWireSchema
        plain[unions[0]] = [_plain(part) for part in plain[unions[0]]]
        plain.pop("type", None)
    elif names is None and not {"enum", "const"} & set(plain):
        raise NoWireSchema
    return plain


def _weight(schema: Mapping[str, Any]) -> tuple[int, int]:
    """Unions and optional properties of a schema on the wire."""
    unions = optional = 0
    for part in _parts(schema):
        unions += "anyOf" in part
        optional += len(set(part.get("properties", ())) - set(part.get("required", ())))
    return unions, optional


def _parts(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield schema
    for inner in (*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *filter(None, [schema.get("items")])):
        yield from _parts(inner)


def _entry(name: Mapping[str, Any], key: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return _object(
        {"field": name, "reasoning": _STRING, key: value, "passages": _IDS, "against": _IDS, "confidence": _CONFIDENCE}
    )


def _object(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(parts), "required": list(parts), "additionalProperties": False}
