"""How Claude reads an objective of `find`: the JSON Schema of its reply, and how that becomes conditions."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from research.errors import Fault
from research.faults import validation_faults
from research.models.claude.json_reply import Unreadable, json_object
from research.ports.conditions import MAX_CONDITIONS, FindPlan, field_name

_STRING: Final = {"type": "string"}
_NUMBER: Final = {"anyOf": [{"type": "number"}, {"type": "null"}]}
_DAY: Final = {"anyOf": [{"type": "string"}, {"type": "null"}]}
_CONDITION: Final[dict[str, Any]] = {
    "name": _STRING,
    "description": _STRING,
    "kind": {"type": "string", "enum": ["yes", "date", "number", "text"]},
    "value": _STRING,
    "after": _DAY,
    "before": _DAY,
    "least": _NUMBER,
    "most": _NUMBER,
    "above": _NUMBER,
    "below": _NUMBER,
    "one_of": {"type": "array", "items": _STRING},
}
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "kind": _STRING,
        "conditions": {
            "type": "array",
            "items": {"type": "object", "properties": _CONDITION, "required": list(_CONDITION), "additionalProperties": False},
        },
    },
    "required": ["kind", "conditions"],
    "additionalProperties": False,
}


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore")

    kind: str = ""
    conditions: list[dict[str, Any]] = []


def instructions() -> str:
    """The prompt. It is no part of the model's identity: conditions are an input of a run, and stand in its request."""
    folder = files("research.models.claude").joinpath("prompt_texts")
    own, untrusted = (folder.joinpath(f"{name}.md").read_text("utf-8").strip() for name in ("conditions", "untrusted"))
    return f"{own.replace('{most}', str(MAX_CONDITIONS))}\n\n{untrusted}"


def read_conditions(text: str) -> FindPlan:
    """A reply as the model wrote it.

    Raises:
        Unreadable: it breaks the schema, or a condition has no bound; says what is wrong in words for the model.
    """
    try:
        reply = _Reply.model_validate(json_object(text))
        conditions: list[dict[str, Any]] = []
        for each in reply.conditions:
            named = field_name(str(each.get("name") or each.get("description") or ""), (str(c["name"]) for c in conditions))
            conditions.append({**{name: part for name, part in each.items() if part is not None}, "name": named})
        return FindPlan.model_validate({"kind": reply.kind.strip(), "conditions": conditions})
    except ValidationError as error:
        raise Unreadable(tuple(validation_faults(error))) from None
    except ValueError as error:
        raise Unreadable((Fault("/conditions", str(error)),)) from None
