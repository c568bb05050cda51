"""Decides what the model says: a rule is a function from a request to an answer; a script is a list of answers."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from research.testing.recording import Request
from research.testing.replies import Answer, Reply, structured, text

Rule = Callable[[Request], Answer | Awaitable[Answer]]
"""Called once for each request that reaches the model, on the server's loop: it must not block. It may be async."""


class ScriptIsOver(AssertionError):
    """More was asked than the script answers."""


def rule_of(answers: Rule | Reply | Iterable[Answer | Rule]) -> Rule:
    """A rule as it is; one reply for everything; or a script, answer by answer in order of arrival."""
    if isinstance(answers, Reply):
        return lambda _: answers
    if callable(answers):
        return answers
    return Script(answers)


class Script:
    """Answers in order; an element may be a rule itself."""

    def __init__(self, answers: Iterable[Answer | Rule]) -> None:
        self._answers = list(answers)
        self._next = 0

    @property
    def left(self) -> int:
        """Answers that were not asked for yet."""
        return len(self._answers) - self._next

    def __call__(self, request: Request) -> Answer | Awaitable[Answer]:
        if not self.left:
            raise ScriptIsOver(
                f"the script has {len(self._answers)} answers, and this is request {request.number}: {request.text[:200]!r}"
            )
        answer = self._answers[self._next]
        self._next += 1
        return answer(request) if callable(answer) else answer


async def answer_of(rule: Rule, request: Request) -> Answer:
    answer = rule(request)
    return await answer if inspect.isawaitable(answer) else answer


def echo(request: Request) -> Reply:
    """Repeats the user's words; where a schema is asked for, the smallest value that fits it."""
    return text(request.text or "…") if request.schema is None else structured(smallest(request.schema))


def smallest(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """The smallest value of a schema that the service accepts. Every property is there; lists are as short as allowed."""
    root = schema if root is None else root
    if "$ref" in schema:
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        return smallest(target, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return smallest(schema["anyOf"][0], root)
    if "allOf" in schema:
        parts = [smallest(each, root) for each in schema["allOf"]]
        return {key: value for part in parts for key, value in part.items()} if isinstance(parts[0], dict) else parts[0]
    names = schema.get("type", "object")
    kind = names[0] if isinstance(names, list) else names
    if kind == "object":
        return {name: smallest(each, root) for name, each in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [smallest(schema["items"], root)] * int(schema.get("minItems", 0))
    return {"string": _word(schema), "integer": 0, "number": 0, "boolean": False, "null": None}[kind]


def _word(schema: Mapping[str, Any]) -> str:
    return {
        "date": "2000-01-01",
        "date-time": "2000-01-01T00:00:00Z",
        "time": "00:00:00Z",
        "duration": "P1D",
        "email": "a@example.org",
        "hostname": "example.org",
        "uri": "https://example.org/",
        "ipv4": "192.0.2.1",
        "ipv6": "2001:db8::1",
        "uuid": "00000000-0000-4000-8000-000000000000",
    }.get(str(schema.get("format")), "a")
