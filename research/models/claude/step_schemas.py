"""How Claude plans, grades, verifies and judges: the JSON Schema of each reply, and how the reply is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from research.faults import validation_faults
from research.models.claude.json_reply import Unreadable, json_object
from research.ports.work import FieldGrade, SubQuery

M = TypeVar("M", bound=BaseModel)

_STRING = {"type": "string"}
_INTEGER = {"type": "integer"}


def plan_schema(names: Sequence[str], agents: Sequence[str] = ()) -> dict[str, Any]:
    return _object({"subqueries": _list(_subquery(names, agents))})


def grade_schema(names: Sequence[str], agents: Sequence[str] = ()) -> dict[str, Any]:
    grade = _object({"field": _one_of(names), "grade": _one_of(("supported", "thin", "conflicting", "missing"))})
    return _object({"fields": _list(grade), "ask": _list(_subquery(names, agents))})


def verify_schema() -> dict[str, Any]:
    return _object({"claims": _list(_object({"claim": _INTEGER, "reasoning": _STRING, "stands": {"type": "boolean"}}))})


def judge_schema() -> dict[str, Any]:
    return _object({"claims": _list(_object({"claim": _INTEGER, "passages": _list(_STRING)}))})


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore")


class PlannedSubquery(_Reply):
    """A sub-query as the model writes it."""

    question: str
    fields: list[str]
    label: str = ""
    agent: str = ""

    def subquery(self, index: int) -> SubQuery:
        return SubQuery(
            index=index, question=self.question, fields=tuple(self.fields), label=self.label[:80], agent=self.agent[:80]
        )


class PlanReply(_Reply):
    subqueries: list[PlannedSubquery]


class GradedField(_Reply):
    field: str
    grade: FieldGrade


class GradeReply(_Reply):
    fields: list[GradedField]
    ask: list[PlannedSubquery] = []


class CheckedClaim(_Reply):
    claim: int
    stands: bool
    reasoning: str = ""


class VerifyReply(_Reply):
    claims: list[CheckedClaim]


class JudgedClaim(_Reply):
    claim: int
    passages: list[str]


class JudgeReply(_Reply):
    claims: list[JudgedClaim]


def read_reply(kind: type[M], text: str) -> M:
    """A reply as the model wrote it.

    Raises:
        Unreadable: it breaks the schema; says what is wrong in words for the model.
    """
    try:
        return kind.model_validate(json_object(text))
    except ValidationError as error:
        raise Unreadable(tuple(validation_faults(error))) from None


def _subquery(names: Sequence[str], agents: Sequence[str]) -> dict[str, Any]:
    assigned = {"agent": _one_of(agents)} if agents else {}
    return _object({"question": _STRING, "fields": _list(_one_of(names)), "label": _STRING, **assigned})


def _one_of(names: Sequence[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(parts), "required": list(parts), "additionalProperties": False}
