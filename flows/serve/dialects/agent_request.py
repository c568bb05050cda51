"""What a request of agent-task-create asks for: its message, its files, and what holds where it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flows.serve.records.task_records import TASK_ID
from research.errors import Fault, InvalidTask
from research.faults import pointer, shown
from research.records import read_table
from research.task.dialects import field_name, without_meaningless

_TABLE: Final = read_table("flows.serve.dialects", "agent.toml")
DEFAULT_STEPS: Final[Mapping[str, int]] = _TABLE["max_steps"]
DEFAULT_LOOPS: Final[Mapping[str, int]] = _TABLE["verify_loops"]
FORMATS: Final = ("sse", "json")
OBJECTIVE: Final = "task"
SEVERAL_AGENTS: Final = "research"
"""The tier whose sub-queries are divided among several agents."""


@dataclass(slots=True)
class AgentRequest:
    """A request in the names of a task."""

    fields: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    response_format: str | None = None
    """`sse` or `json`; None: the header `Accept` decides."""


def read_request(body: Mapping[str, Any]) -> AgentRequest:
    """A request in the names of a task.

    Raises:
        InvalidTask: with every fault of what only this dialect has, each by its JSON Pointer.
    """
    reader = _Reader()
    meant, warnings = without_meaningless(body)
    reader.request.warnings.extend(warnings)
    for name, value in meant.items():
        if value is not None:
            reader.take(name, value)
    reader.message(body.get("message"))
    if reader.faults:
        raise InvalidTask("The task cannot be accepted:", reader.faults)
    _set_defaults(reader.request.fields)
    return reader.request


def accepts_json(accept: str) -> bool:
    """Whether an `Accept` header asks for JSON rather than for a stream: it names JSON, and no event stream."""
    kinds = {part.split(";")[0].strip().lower() for part in accept.split(",")}
    return "application/json" in kinds and "text/event-stream" not in kinds


class _Reader:
    def __init__(self) -> None:
        self.request = AgentRequest()
        self.faults: list[Fault] = []

    def take(self, name: str, value: Any) -> None:
        """Read one field; `message` is read last."""
        fields, known = self.request.fields, field_name(name)
        if known == "response_format":
            if value in FORMATS:
                self.request.response_format = value
            else:
                self._wrong([name], f"must be one of {', '.join(FORMATS)}, not {shown(value)}")
        elif known == "task_id":
            if isinstance(value, str) and TASK_ID.fullmatch(value):
                fields["task_id"] = value
            elif value != "":
                self.request.warnings.append(f"task_id: {shown(value)} can be no id; the task has a new one")
        elif known == "files":
            self._files([name], value)
        elif known != "message":
            fields[name] = value

    def message(self, message: Any) -> None:
        """Read the message. Its text is the objective; what else names one counts only where it has none."""
        if message is None:
            return
        if not isinstance(message, Mapping) or not isinstance(parts := message.get("parts", []), list):
            self._wrong(["message"], "must be an object with a list `parts`")
            return
        texts: list[str] = []
        for place, part in enumerate(parts):
            at: list[str | int] = ["message", "parts", place]
            kind = part.get("type", part.get("kind")) if isinstance(part, Mapping) else None
            if isinstance(part, Mapping) and kind == "text" and isinstance(part.get("text"), str):
                texts.append(part["text"])
            elif isinstance(part, Mapping) and kind == "file":
                self._file(at, part.get("file", part))
            else:
                self._wrong(at, 'must be {"type": "text", "text": …} or {"type": "file", "url": …}')
        if not texts:
            return
        fields = self.request.fields
        for name in [name for name, value in fields.items() if _is_objective(name, value)]:
            del fields[name]
            self.request.warnings.append(f"{name}: is not read beside message.parts")
        fields[OBJECTIVE] = "\n\n".join(texts)

    def _files(self, at: list[str | int], value: Any) -> None:
        if not isinstance(value, list):
            self._wrong(at, "must be a list of URLs")
            return
        for place, file in enumerate(value):
            self._file([*at, place], file)

    def _file(self, at: list[str | int], file: Any) -> None:
        names = ("url", "uri", "source")
        url = next((file[name] for name in names if name in file), None) if isinstance(file, Mapping) else file
        if isinstance(url, str):
            self.request.fields.setdefault("files", []).append(url)
        else:
            self._wrong(at, "must be a URL, or an object that holds one as `url`; what a file holds cannot be sent along")

    def _wrong(self, at: list[str | int], message: str) -> None:
        self.faults.append(Fault(pointer(at), message))


def _is_objective(name: str, value: Any) -> bool:
    return field_name(name) == OBJECTIVE or (name == "input" and isinstance(value, str))


def _set_defaults(fields: dict[str, Any]) -> None:
    """What holds in this dialect where a request says nothing."""
    known = {field_name(name): value for name, value in fields.items()}
    mode, agents = known.get("mode", "agent"), known.get("agent_ids")
    if "verify_loops" not in known and isinstance(mode, str) and DEFAULT_LOOPS.get(mode):
        fields["verify_loops"] = DEFAULT_LOOPS[mode]
    if not known.keys() & {"max_steps", "processor"}:
        fields["max_steps"] = DEFAULT_STEPS["direct" if "agent_id" in known else "swarm"]
    if "processor" not in known and isinstance(agents, list) and len(agents) > 1:
        fields["processor"] = SEVERAL_AGENTS
    if "enable_events" not in known:
        fields["enable_events"] = True  # a stream is what this dialect answers with
