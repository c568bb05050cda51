"""Gives a task the profiles of the agents that it names. They come from files: `agents/<name>.toml`.

    description = "Reads company registers."
    instructions = "Prefer filings to news. Give the legal name."
    tools = ["search", "read"]
    processor = "core"
    [source_policy]
    include_domains = [".gov.uk"]

What a task states itself counts before its agent's profile, and that before the defaults.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from research.errors import Fault, InvalidInput, InvalidTask
from research.faults import nearest, pointer, validation_faults
from research.task.agent_profile import NAME, AgentProfile
from research.task.task import Task

FOLDER: Final = Path("agents")
"""Where profiles are looked for, unless a setting says otherwise: in the folder that the process runs in."""
LONGEST: Final = 100_000
"""Bytes of a profile's file."""


def with_agents(task: Task, folder: Path) -> Task:
    """The task with the profiles of the agents that it names. A profile that the request holds itself is not read again.

    Of a task with one agent, the profile's processor and source policy are the task's own now, where it states none.

    Args:
        folder: that of the profiles.

    Raises:
        InvalidTask: an agent is not known; names those that are.
        InvalidInput: its file is no profile.
    """
    names = task.agent_names
    if not names:
        return task
    held = {profile.id: profile for profile in task.agent_profiles}
    if missing := [name for name in names if name not in held and not _file(folder, name).is_file()]:
        raise InvalidTask("The task names agents that are not known:", [Fault(*_unknown(task, name, folder)) for name in missing])
    profiles = tuple(held[name] if name in held else read_profile(_file(folder, name)) for name in names)
    parts: dict[str, Any] = {"agent_profiles": profiles}
    if len(profiles) == 1:
        for field in ("processor", "source_policy"):
            if field not in task.model_fields_set and (own := getattr(profiles[0], field)) is not None:
                parts[field] = own
    return task.changed(**parts)


def profile_in(folder: Path, name: str) -> AgentProfile | None:
    """The profile of an agent; None: the folder has none of that name.

    Raises:
        InvalidInput: its file is no profile.
    """
    file = _file(folder, name)
    return read_profile(file) if file.is_file() else None


def known_agents(folder: Path) -> tuple[str, ...]:
    """The names of the profiles in a folder, which need not exist."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml") if NAME.fullmatch(path.stem)))


def read_profile(file: Path) -> AgentProfile:
    """Read an agent's profile from its TOML file.

    Raises:
        InvalidInput: it is no profile. Names the file, each key, and what to do.
    """
    try:
        if file.stat().st_size > LONGEST:
            raise InvalidInput(f"{file} is too long for the profile of an agent: at most {LONGEST:,} bytes are read.")
        content: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InvalidInput(f"{file}, the profile of an agent, cannot be read: {error.strerror}") from error
    except ValueError as error:  # of TOML and of UTF-8
        raise InvalidInput(f"{file}, the profile of an agent, is no TOML: {error}. Correct it there.") from error
    try:
        return AgentProfile.model_validate({"id": file.stem, **_named(content)})
    except ValidationError as error:
        faults = [Fault(fault.pointer, _hint(fault)) for fault in validation_faults(error)]
        keys = ", ".join(_KEYS)
        raise InvalidInput(f"{file} is no profile of an agent (its keys are {keys}). Correct it there:", faults) from None


_KEYS: Final = tuple(name for name in AgentProfile.model_fields if name != "id")


def _named(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content, without an `id`: a file's name is the agent's."""
    return {("(id)" if name == "id" else name): value for name, value in content.items()}


def _hint(fault: Fault) -> str:
    name = fault.pointer.removeprefix("/")
    known = name in AgentProfile.model_fields or "/" in name
    return fault.message if known else f"is no key of a profile{nearest(name, _KEYS)}"


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.toml"


def _unknown(task: Task, name: str, folder: Path) -> tuple[str, str]:
    known = known_agents(folder)
    there = f"There are: {', '.join(known)}." if known else f"There is none in {folder}: a profile is a file there, {name}.toml."
    place = pointer(["agent_id"] if task.agent_id is not None else ["agent_ids", task.agent_names.index(name)])
    return place, f"there is no agent {name!r}{nearest(name, known) or '.'} {there}"
