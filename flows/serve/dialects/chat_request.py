"""What clients of chat completions send, and the task that it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from flows.serve.dialects.parallel_request import NAMES, tier_of
from flows.serve.http import http_tasks
from flows.serve.records.task_records import Submission
from research.errors import Fault, InvalidInput, InvalidTask
from research.faults import nearest, shortened

DIALECT: Final = "chat"
MODELS: Final[Mapping[str, str]] = NAMES["chat_models"]
IGNORED: Final[frozenset[str]] = frozenset(NAMES["chat_ignored"])
"""Fields of the dialect that mean nothing here: a warning names them."""
REFUSED: Final[Mapping[str, str]] = {
    "tools": "this endpoint answers by research, and calls no functions: leave it out",
    "functions": "this endpoint answers by research, and calls no functions: leave it out",
    "n": "one answer is given: leave it out, or write 1",
}
"""Fields without which the answer would not be what its caller expects."""
EARLIER: Final = 20
"""Messages before the last one that the research is told of."""


class Part(BaseModel):
    """A piece of a message."""

    model_config = ConfigDict(extra="allow")

    type: str
    text: str | None = None


class Message(BaseModel):
    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    def text(self, at: str) -> str:
        """The text of the message.

        Raises:
            InvalidTask: it holds something else than text.
        """
        if not isinstance(self.content, list):
            return self.content or ""
        other = [part.type for part in self.content if part.type not in ("text", "refusal")]
        if other:
            raise _refused(Fault(f"{at}/content", f"only text is read here, no {', '.join(dict.fromkeys(other))}"))
        return "\n".join(part.text or "" for part in self.content)


class JsonSchemaFormat(BaseModel):
    model_config = ConfigDict(extra="allow", populate_by_name=True)

    name: str = ""
    schema_: dict[str, Any] = Field(alias="schema")


class ResponseFormat(BaseModel):
    """What the answer is: text, any JSON object, or one by a schema."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaFormat | None = None


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="allow")

    include_usage: bool = False


class ChatBody(BaseModel):
    """A conversation whose last message is to be answered."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    model: Annotated[str, Field(json_schema_extra={"enum": list(MODELS)})]
    """One of `GET /v1/models`."""
    messages: list[Message] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    previous_interaction_id: str | None = None
    """An answer that this one goes on from, by its `interaction_id`."""


def submission_of(body: ChatBody) -> Submission:
    """The task that a conversation asks for.

    Raises:
        InvalidTask: with every fault, each by its JSON Pointer.
    """
    faults = []
    tier = MODELS.get(body.model) or tier_of(body.model)
    if tier is None:
        names = list(MODELS)
        why = f'"{shortened(body.model, 100)}" is no model here; there are {", ".join(names)}{nearest(body.model, names)}'
        faults.append(Fault("/model", why))
    extra = {name: value for name, value in (body.model_extra or {}).items() if value is not None}
    faults += [Fault(f"/{name}", why) for name, why in REFUSED.items() if extra.pop(name, None) not in (None, [], 1)]
    faults += [Fault(f"/{name}", "is not a known field here") for name in extra if name not in IGNORED]
    last, at = body.messages[-1], f"/messages/{len(body.messages) - 1}"
    if last.role != "user":
        faults.append(Fault(f"{at}/role", f"the last message must be the user's, not of role {last.role}"))
    if faults:
        raise _refused(*faults)
    request = {
        "task": last.text(at),
        "processor": tier,
        "output_schema": _output(body.response_format),
        "input": _context(body.messages[:-1]),
        "session_id": body.previous_interaction_id,
    }
    try:
        return http_tasks.submission_of(
            request,
            dialect=DIALECT,
            echo={"model": body.model},
            session_id=body.previous_interaction_id or str(uuid4()),
            warnings=[f"{name} means nothing here, and changes nothing" for name in extra],
        )
    except InvalidInput as error:
        places = {"/task": f"{at}/content", "/session_id": "/previous_interaction_id"}
        raise _refused(*(Fault(_placed(fault.pointer, places), fault.message) for fault in error.faults)) from error


def _refused(*faults: Fault) -> InvalidTask:
    return InvalidTask("The request cannot be answered:", faults)


def _placed(pointer: str, places: Mapping[str, str]) -> str:
    if pointer.startswith("/output_schema"):
        return pointer.replace("/output_schema/json_schema", "/response_format/json_schema/schema", 1)
    return places.get(pointer, pointer)


def _output(wanted: ResponseFormat | None) -> dict[str, Any]:
    if wanted is None or wanted.type == "text":
        return {"type": "text"}
    if wanted.type == "json_object":
        return {"type": "auto"}
    if wanted.json_schema is None:
        raise _refused(Fault("/response_format/json_schema", "must not be left out where the type is json_schema"))
    return {"type": "json", "json_schema": wanted.json_schema.schema_}


def _context(messages: list[Message]) -> dict[str, Any]:
    """What was said before, as data beside the question: instructions, and the last messages. In a list: text would be taken
    for what the question is about."""
    said = [(message.role, message.text(f"/messages/{place}")) for place, message in enumerate(messages)]
    told = [{"role": role, "content": text} for role, text in said if role in ("system", "developer") and text.strip()]
    told += [{"role": role, "content": text} for role, text in said if role in ("user", "assistant") and text.strip()][-EARLIER:]
    return {"conversation": told} if told else {}
