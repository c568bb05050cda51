"""What is asked: `Task`, one objective with its output schema and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ValidationInfo

from research.errors import Fault, InvalidTask
from research.faults import complaint, nearest, pointer, validation_faults
from research.money.limits import PROCESSOR_NAMES, RANGES, ProcessorName
from research.output_schema.output_spec import OutputSpec
from research.output_schema.validation import json_faults
from research.records import PublishedRecord
from research.secrets.known import NAME
from research.task.agent_profile import MOST_AGENTS, TOOLS, AgentProfile, agent_name
from research.task.attachments import AttachedFile
from research.task.dialects import Folded, fold
from research.task.mcp_servers import MOST_SERVERS, McpServer, distinct, secret_faults
from research.task.modes import MODES, Mode
from research.task.source_policy import SourcePolicy
from research.task.urls import is_web
from research.task.webhook import Webhook

__all__ = ["SourcePolicy", "Task"]

METADATA_KEY: Final = 16
METADATA_VALUE: Final = 512
"""Most characters of a metadata key and of a value."""
MOST_SECRETS: Final = 50
LONGEST_ID: Final = 256
"""Characters of an end user's id."""

_SHORT_MODEL: Final = re.compile(r"(opus|sonnet|haiku|fable)-(\d+)\.(\d+)")
"""How some clients name Claude's models: `opus-4.8`."""

Visibility = Literal["private", "public", "unlisted", "team"]
Handoff = Literal["webhook", "artifact"]

_WANTED: Final[Mapping[str, str]] = {
    "string_type": "text",
    "dict_type": "an object",
    "tuple_type": "a list",
    "model_type": "an object",
    "bool_type": "true or false",
}
"""pydantic's name of a wrong type, and what the message asks for instead."""

EXCUSED: Final[Mapping[str, str]] = {
    "session_id": "names a session; what it holds is in the world's identity",
    "end_user_id": "whose session it is; likewise",
    "ephemeral": "says what is kept afterwards",
    "project_id": "a label",
    "visibility": "a label",
    "webhook": "who is told of the end",
    "handoff": "what is handed over in the end",
    "enable_events": "whether progress is recorded",
    "metadata": "labels: echoed, never read",
    "task_id": "the caller's name for the work, not the work",
    "agent_id": "a name: `agent_profiles` holds what it stands for",
    "agent_ids": "as `agent_id`",
    "secrets": "names of keys that let tools in: what tools are asked for stands in other fields",
    "auto_execute_plan": "whether somebody is asked first, not what is done",
}
"""Fields that are not in `Task.identity()`, and why."""

ADDED: Final = frozenset({"mcp_servers", "mode", "allow_questions", "agent_profiles"})
"""Fields that came later. With their default they are left out of `Task.identity()`, so that what was done before is found."""


def _said(text: str) -> str:
    if not (trimmed := text.strip()):
        raise ValueError("must not be empty")
    return trimmed


def _own_model(name: str | None) -> str | None:
    name = (name or "").strip()
    if name in ("", "auto"):
        return None
    return f"claude-{short[1]}-{short[2]}-{short[3]}" if (short := _SHORT_MODEL.fullmatch(name)) else name


def _id(text: str | None) -> str | None:
    return text or None


def _start(url: str | None) -> str | None:
    url = (url or "").strip()
    if not url:
        return None
    try:
        parts = urlsplit(url)
        host, secret = parts.hostname, parts.username or parts.password
    except ValueError:
        host = secret = None
    if not is_web(url) or not host:
        raise ValueError(f'"{url[:200]}" is no address of the web: it begins with http:// or https://')
    if secret is not None:
        raise ValueError("holds a user name or a password; write the address without it")
    return url


def _webhook(written: Any) -> Any:
    return None if isinstance(written, str) and not written.strip() else written


def _handoff(written: Any) -> Any:
    return None if written in ("", "none") else written


def _visibility(written: Any) -> Any:
    return "private" if written == "" else written


def _policy(policy: SourcePolicy | None) -> SourcePolicy | None:
    return policy if policy != SourcePolicy() else None


def _within(name: str, default: int | None) -> Any:
    least, most = RANGES[name]
    return Field(default=default, ge=least, le=most)


def _agent(name: str | None) -> str | None:
    return None if name is None or not name.strip() else agent_name(name)


def _secret(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r:.80} is no name of a secret: letters, digits and _, a letter first, 64 characters at most")
    return name


Count = Annotated[int, Field(strict=True)]


class Task(PublishedRecord):
    """One research task: one row of a table.

    `Task.model_validate(request)` accepts every dialect's spelling of a field; `context={"row": 17}` names the row in errors.

    Raises:
        InvalidTask: with every fault, each by its JSON Pointer into the request.
    """

    task: Annotated[str, AfterValidator(_said)] = Field(min_length=1)
    """The objective, in the asker's words."""
    input: dict[str, Any] = {}  # noqa: RUF012  # pydantic copies it
    """The row's columns as JSON, offered to the model beside the objective."""
    output_schema: OutputSpec = Field(default_factory=lambda: OutputSpec.parse(None))
    """In any of its spellings; absent is auto."""
    processor: ProcessorName = "core"
    """The tier: how much may be spent on the task."""
    max_subqueries: Count = _within("max_subqueries", 8)
    """Sub-queries of the whole task (research tier)."""
    max_fetches: Count = _within("max_fetches", 18)
    """Pages read, over all sub-queries."""
    max_steps: Count | None = _within("max_steps", None)
    """Calls of the model that one investigation may make before it must answer. None is the tier's own; more than the tier
    allows is taken as what it allows, with a warning."""
    verify_loops: Count = _within("verify_loops", 0)
    """How often every field is checked against its evidence with fresh eyes, and what fails is researched again."""
    metadata: dict[str, str] = Field(
        default={},
        json_schema_extra={
            "propertyNames": {"maxLength": METADATA_KEY},
            "additionalProperties": {"type": "string", "maxLength": METADATA_VALUE},
        },
    )
    """Labels, echoed everywhere and never read."""
    source_policy: Annotated[SourcePolicy | None, AfterValidator(_policy)] = None
    start_url: Annotated[str | None, AfterValidator(_start)] = None
    """A page to read first. Where it suffices, nothing is searched for. Empty text is no page."""
    files: tuple[AttachedFile, ...] = ()
    """Documents given with the task, by path or URL: searched, read and cited like any source."""
    mode: Mode = "agent"
    """`agent`: every tool. `chat`: search only; pages come with the results, and none is read by its address. `plan`: the
    sub-queries are made and shown, and carried out once somebody has approved them."""
    auto_execute_plan: Annotated[bool, Field(strict=True)] = False
    """In mode `plan`: carry the plan out without waiting for anybody."""
    allow_questions: Annotated[bool, Field(strict=True)] = False
    """Let the model ask people. The task then waits as `action_required`; without this there is no such tool."""
    open_reading: Annotated[bool, Field(strict=True)] = False
    """Let a model read addresses that it makes up. They can carry what it knows of the row to whoever runs the host."""
    search_columns: tuple[str, ...] | None = None
    """The columns of `input` whose cells search queries may hold. None: those that the objective names, by their name or their
    value; where it names none, all."""
    mcp_servers: Annotated[tuple[McpServer, ...], AfterValidator(distinct)] = Field(
        default=(), json_schema_extra={"maxItems": MOST_SERVERS}
    )
    """MCP servers whose tools a model may use. The row's data may be sent to them. What they return is read as pages are."""
    include_html_dump: Annotated[bool, Field(strict=True)] = False
    """Keep the HTML of the last page that was read, on the result."""
    model: Annotated[str | None, AfterValidator(_own_model)] = None
    """Overrides the tier's model. None is the tier's own; so are `auto` and an empty text. `opus-4.8` is `claude-opus-4-8`."""
    task_id: str | None = Field(default=None, min_length=1)
    """The caller's id."""
    secrets: tuple[Annotated[str, AfterValidator(_secret)], ...] = Field(default=(), max_length=MOST_SECRETS)
    """Names of secrets that its tools may use. Their values are found where the task is run, and are given to tools alone."""
    session_id: Annotated[str | None, AfterValidator(_id)] = None
    """The session of the earlier tasks that it goes on from. Empty is none."""
    end_user_id: Annotated[str | None, AfterValidator(_id)] = Field(default=None, max_length=LONGEST_ID)
    """Whose session it is: no other end user can go on from it. Empty is nobody's."""
    ephemeral: Annotated[bool, Field(strict=True)] = False
    """Keep nothing for later tasks: no session, and no page."""
    agent_id: Annotated[str | None, AfterValidator(_agent)] = None
    """The agent that researches the task, by the name of its profile. Empty text is none."""
    agent_ids: tuple[Annotated[str, AfterValidator(agent_name)], ...] = Field(default=(), max_length=MOST_AGENTS)
    """Or the agents that divide the sub-queries of its plan (research tier)."""
    agent_profiles: tuple[AgentProfile, ...] = Field(default=(), max_length=MOST_AGENTS)
    """The profiles of these agents. Those that are not here are read from files, where the task is run."""

    @property
    def agent_names(self) -> tuple[str, ...]:
        """The agents that the task names."""
        return self.agent_ids or ((self.agent_id,) if self.agent_id is not None else ())

    project_id: Annotated[str | None, AfterValidator(_id)] = Field(default=None, max_length=LONGEST_ID)
    """A label: the project that it belongs to. Empty is none."""
    visibility: Annotated[Visibility, BeforeValidator(_visibility)] = "private"
    """A label: who may see it, where a service shows tasks to others (docs/dialects.md)."""
    webhook: Annotated[Webhook | None, BeforeValidator(_webhook)] = None
    """An address that is told what became of it: its URL, or an object with `url` and `event_types`. Empty is none."""
    handoff: Annotated[Handoff | None, BeforeValidator(_handoff)] = None
    """How the completion artifact is handed over: posted to the webhook, or kept. None, empty or `none`: there is none."""
    enable_events: Annotated[bool | None, Field(strict=True)] = None
    """Record its progress as events. None: on the tiers `ultra` and `research`."""

    @property
    def records_events(self) -> bool:
        """Whether its progress is recorded."""
        return self.processor in ("ultra", "research") if self.enable_events is None else self.enable_events

    def identity(self) -> dict[str, Any]:
        """The JSON of every field that makes the work what it is: all but `EXCUSED`, and `ADDED` ones that ask for nothing.
        Headers are there by their names."""
        idle = {name for name in ADDED if getattr(self, name) == type(self).model_fields[name].default}
        identity = self.model_dump(mode="json", exclude={*EXCUSED, *idle})
        if self.mcp_servers:
            identity["mcp_servers"] = [server.identity() for server in self.mcp_servers]
        return identity

    @model_validator(mode="wrap")
    @classmethod
    def _door(cls, request: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if isinstance(request, cls):
            return request
        row = (info.context or {}).get("row")
        where = "The task" if row is None else f"The task of row {row}"
        if not isinstance(request, Mapping):
            raise InvalidTask(f"{where} must be an object, not a {type(request).__name__}.")
        folded = fold(request)
        faults = folded.faults + _own_faults(folded)
        try:
            task = handler(folded.fields)
            faults += [*_joint_faults(task, folded.places), *_mode_faults(task, folded.places)]
            faults += _agent_faults(task, folded.places)
        except ValidationError as error:
            taken = {fault.pointer for fault in faults}
            found = validation_faults(error, folded.place_of, _message)
            faults += [fault for fault in found if fault.pointer not in taken]
        if faults:
            raise InvalidTask(f"{where} cannot be run:", faults)
        return task


def _own_faults(folded: Folded) -> list[Fault]:
    """What pydantic's types do not say."""
    faults: list[Fault] = []
    if isinstance(row := folded.fields.get("input"), dict):
        faults += [Fault(folded.places["input"] + fault.pointer, fault.message) for fault in json_faults(row)]
    if isinstance(labels := folded.fields.get("metadata"), dict):
        for key, value in labels.items():
            at = folded.places["metadata"] + pointer([key])
            if len(str(key)) > METADATA_KEY:
                faults.append(Fault(at, f"a key has at most {METADATA_KEY} characters, not {len(str(key))}"))
            if isinstance(value, str) and len(value) > METADATA_VALUE:
                faults.append(Fault(at, f"a value has at most {METADATA_VALUE} characters, not {len(value)}"))
    return faults


def _joint_faults(task: Task, places: Mapping[str, str]) -> list[Fault]:
    """What the fields say together: a session that may not be read, secrets of headers that the task does not name, and pages
    that the task names and its own source policy leaves out."""
    if task.ephemeral and task.session_id is not None:
        return [Fault(places["session_id"], "an ephemeral task reads no session: leave out one of the two")]
    if task.ephemeral and task.handoff == "artifact":
        return [Fault(places["handoff"], "an ephemeral task keeps no artifact: leave out one of the two")]
    unnamed = secret_faults(task.mcp_servers, task.secrets)
    faults = [Fault(places["mcp_servers"] + fault.pointer, fault.message) for fault in unnamed]
    if task.source_policy is None:
        return faults
    named: list[tuple[str, list[int], str]] = [("start_url", [], task.start_url)] if task.start_url else []
    named += [("files", [place], file.source) for place, file in enumerate(task.files) if file.is_web]
    return faults + [
        Fault(places[name] + pointer(inner), f"{url}: its own source_policy leaves it out")
        for name, inner, url in named
        if not task.source_policy.allows(url)
    ]


def _mode_faults(task: Task, places: Mapping[str, str]) -> list[Fault]:
    """What a mode leaves no room for, and what could not wait."""
    if task.mode == "chat" and task.start_url is not None:
        return [Fault(places["start_url"], "mode chat reads no page by its address: leave it out, or take the mode agent")]
    if task.mode == "chat" and task.open_reading:
        return [Fault(places["open_reading"], "mode chat reads no page by its address: leave it out, or take the mode agent")]
    if task.ephemeral and task.allow_questions:
        return [Fault(places["allow_questions"], "an ephemeral task keeps nothing, so it could not go on from a question")]
    if task.auto_execute_plan and task.mode != "plan":
        return [Fault(places["auto_execute_plan"], f"the mode {task.mode} makes no plan: take the mode plan, or leave it out")]
    return []


def _agent_faults(task: Task, places: Mapping[str, str]) -> list[Fault]:
    """Agents that cannot divide the task, and profiles that nobody asks for."""
    faults: list[Fault] = []
    several = places.get("agent_ids", "")
    if task.agent_id is not None and task.agent_ids not in ((), (task.agent_id,)):
        faults.append(Fault(several, "names other agents than agent_id: keep one of the two"))
    if len(set(task.agent_ids)) < len(task.agent_ids):
        faults.append(Fault(several, "names an agent twice"))
    if len(task.agent_ids) > 1 and task.processor != "research":
        faults.append(
            Fault(several, f"several agents divide a plan, and {task.processor} makes none: ask for the processor research")
        )
    tools = (*TOOLS, *(server.name for server in task.mcp_servers))
    for place, profile in enumerate(task.agent_profiles):
        for of_profile, name in enumerate(profile.tools or ()):
            if name not in tools:
                at = places.get("agent_profiles", "/agent_profiles") + pointer([place, "tools", of_profile])
                names = ", ".join(tools)
                faults.append(Fault(at, f"{name!r:.80} is no tool of this task{nearest(name, tools) or '.'} There are: {names}"))
    held = [profile.id for profile in task.agent_profiles]
    for place, name in enumerate(held):
        if name not in task.agent_names or name in held[:place]:
            at = places.get("agent_profiles", "") + pointer([place, "id"])
            faults.append(Fault(at, f"{name!r} is named by neither agent_id nor agent_ids, or is there twice"))
    return faults


def _message(detail: ErrorDetails) -> str:
    """pydantic's complaint in the words of this project."""
    kind, name = detail["type"], str(detail["loc"][0]) if detail["loc"] else ""
    if name in RANGES:
        least, most = RANGES[name]
        return f"must be a whole number from {least} to {most}, not {detail['input']!r:.80}"
    if name == "processor":
        given = detail["input"]
        hint = nearest(given, PROCESSOR_NAMES) if isinstance(given, str) else ""
        return f"must be one of {', '.join(PROCESSOR_NAMES)}, not {given!r:.80}{hint}"
    if kind == "string_too_long":
        return f"has at most {detail['ctx']['max_length']} characters, not {len(detail['input'])}"
    if name == "mode":
        return f"must be one of {', '.join(MODES)}, not {detail['input']!r:.80}"
    if kind == "literal_error":
        known = get_args(Task.model_fields[name].annotation) if name == "visibility" else ("webhook", "artifact", "none")
        return f"must be one of {', '.join(known)}, not {detail['input']!r:.80}"
    if kind == "missing" or kind == "string_too_short":
        return "must not be empty"
    if kind == "extra_forbidden":
        return f"is not a known field{nearest(str(detail['loc'][-1]), SourcePolicy.model_fields)}"
    wanted = _WANTED.get(kind)
    if "headers" in detail["loc"] and wanted is not None:  # whatever it is, it may be a secret
        return f"must be {wanted}"
    return f"must be {wanted}, not {detail['input']!r:.80}" if wanted else complaint(detail)
