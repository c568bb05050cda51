"""The MCP servers that an option names: files that describe some, `name=https://…`, or descriptions themselves."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from research.errors import Fault, InvalidInput
from research.faults import first_line
from research.secrets import names_in
from research.storage.location import local_path
from research.task.mcp_servers import MOST_SERVERS

LONGEST_FILE: Final = 1_000_000
"""Bytes."""
_NAMED: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,39})=(https?://.+)", re.I | re.S)


def read_servers(named: Sequence[str | Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What a task's `mcp_servers` says, not yet checked.

    Args:
        named: each a file (TOML or JSON: one server, a list, or either under `mcp_servers`), `name=URL`, or a server.

    Raises:
        InvalidInput: a file cannot be read; or a server that is given as an option holds a header's value, and options are kept
            by Prefect and in the run folder.
    """
    servers: list[Mapping[str, Any]] = []
    for place, each in enumerate(named):
        if isinstance(each, Mapping):
            _refuse_values(each, place)
            servers.append(each)
        elif (match := _NAMED.fullmatch(each.strip())) is not None:
            servers.append({"name": match[1], "url": match[2]})
        else:
            servers += _in_file(each)
    return servers[: MOST_SERVERS + 1]


def is_file(named: Any) -> bool:
    """Whether a part of the option names a file."""
    return isinstance(named, str) and _NAMED.fullmatch(named.strip()) is None


def _refuse_values(server: Mapping[str, Any], place: int) -> None:
    headers = server.get("headers")
    if not isinstance(headers, Mapping):
        return
    faults = [
        Fault(f"/mcp_servers/{place}/headers/{name}", "is given as it is; write `${secrets.NAME}`, and name the secret")
        for name, value in headers.items()
        if not (isinstance(value, str) and names_in(value))
    ]
    if faults:
        raise InvalidInput("Options are kept, and may hold no secret. Name secrets, or describe the server in a file:", faults)


def _in_file(name: str) -> list[Mapping[str, Any]]:
    path = local_path(name)
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise InvalidInput(f"{name}: a file that describes MCP servers has at most {LONGEST_FILE:,} bytes")
        text = path.read_text("utf-8")
        said = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except FileNotFoundError:
        raise InvalidInput(f"{name}: there is no such file. Name a TOML or JSON file, or write name=https://…") from None
    except OSError as error:
        raise InvalidInput(f"{name} cannot be read ({error.strerror or type(error).__name__})") from None
    except (ValueError, RecursionError) as error:
        # What a parser says of a place in JSON or TOML names the place, and shows none of its text.
        raise InvalidInput(f"{name} is no {'TOML' if path.suffix.lower() == '.toml' else 'JSON'}: {first_line(error)}") from None
    if isinstance(said, dict) and "mcp_servers" in said:
        said = said["mcp_servers"]
    servers = said if isinstance(said, list) else [said]
    if not servers or not all(isinstance(server, dict) for server in servers):
        raise InvalidInput(f"{name} describes no MCP server: each is an object with `name` and `url`")
    return servers
