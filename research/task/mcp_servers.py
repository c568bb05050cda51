"""MCP servers that a task names: `McpServer`, whose tools a model may use beside `search` and `read`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, SecretStr, field_serializer

from research.errors import Fault
from research.faults import pointer
from research.records import PublishedRecord
from research.secrets import filled, names_in
from research.task.urls import is_web

MOST_SERVERS: Final = 10
MOST_HEADERS: Final = 20
LONGEST_HEADER: Final = 8_000
"""Characters of a header's value."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "accept", "accept-encoding"}
)
"""Headers that a request has from its transport."""
_HIDDEN: Final = "**********"
"""What stands for a value that is not written down."""
_SECRET_WORDS: Final = ("sig", "token", "key", "secret", "passw", "credential", "auth")
"""A parameter of an address whose name holds one of these may be what lets its reader in."""


def _name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ValueError("must be 1 to 40 letters of ASCII, digits, dots, dashes and underscores, a letter or a digit first")
    return name


def _address(url: str) -> str:
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, login = parts.hostname, parts.username or parts.password
    except ValueError:
        host = login = None
    if not is_web(url) or not host:
        raise ValueError("is no address of the web: it begins with http:// or https://")
    if login is not None:
        raise ValueError("holds a user name or a password; put it into a header")
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if any(word in name.lower() for word in _SECRET_WORDS):
            raise ValueError(f"its parameter {name[:40]!r} may be a key, and addresses are written down; put it into a header")
    return url


def _headers(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    if len(headers) > MOST_HEADERS:
        raise ValueError(f"has {len(headers)} headers; a server has at most {MOST_HEADERS}")
    seen: set[str] = set()
    for name, value in headers.items():
        folded, text = name.lower(), value.get_secret_value()
        if _HEADER.fullmatch(name) is None:
            raise ValueError(f"{name[:40]!r} is no name of a header")
        if folded in _OWN_HEADERS or folded.startswith("mcp-"):
            raise ValueError(f"the header {name!r} is set by the connection itself; leave it out")
        if folded in seen:
            raise ValueError(f"the header {name!r} is there twice")
        if len(text) > LONGEST_HEADER or not all(" " <= char <= "~" for char in text):
            raise ValueError(f"the value of the header {name!r} is no line of at most {LONGEST_HEADER:,} ASCII characters")
        if text == _HIDDEN:
            raise ValueError(
                f"the value of the header {name!r} was hidden when this was written down; name a secret in its place"
            )
        seen.add(folded)
    return headers


class McpServer(PublishedRecord):
    """A server that speaks the Model Context Protocol over Streamable HTTP. Only its tools are used."""

    name: Annotated[str, AfterValidator(_name)]
    """By which people and the model know it, and by which what its tools return is cited: `mcp://crm/lookup?id=7`."""
    url: Annotated[str, AfterValidator(_address)]
    """Its endpoint: http or https."""
    type: Literal["url"] = "url"
    headers: Annotated[dict[str, SecretStr], AfterValidator(_headers)] = {}  # noqa: RUF012  # pydantic copies it
    """Sent with every request. `${secrets.NAME}` in a value is the value of that secret. No other value is ever written down: not
    in a key, a log, a file or a prompt."""
    allowed_tools: tuple[str, ...] | None = None
    """The server's own names of the tools that may be used. None: all of them."""

    @field_serializer("headers")
    def _written(self, headers: dict[str, SecretStr]) -> dict[str, str]:
        """References are no secrets; what else a value may hold is one."""
        values = {name: value.get_secret_value() for name, value in headers.items()}
        return {name: value if names_in(value) else _HIDDEN for name, value in values.items()}

    def identity(self) -> dict[str, Any]:
        """What makes it another server, for those who use it. A header's value may be renewed."""
        return {**self.model_dump(mode="json", exclude={"headers"}), "headers": sorted(name.lower() for name in self.headers)}

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the secrets that its headers refer to."""
        named = [name for value in self.headers.values() for name in names_in(value.get_secret_value())]
        return tuple(dict.fromkeys(named))

    @property
    def plain_headers(self) -> tuple[str, ...]:
        """The names of headers whose values are given, and not those of secrets: they are lost where the task is written down."""
        return tuple(name for name, value in self.headers.items() if not names_in(value.get_secret_value()))

    def sent_headers(self, secrets: Mapping[str, SecretStr]) -> dict[str, SecretStr]:
        """The headers with the secrets that they refer to.

        Raises:
            KeyError: a secret is not among them; its name.
        """
        return {name: filled(value.get_secret_value(), secrets) for name, value in self.headers.items()}

    def allows(self, tool: str) -> bool:
        """Whether a tool may be used."""
        return self.allowed_tools is None or tool in self.allowed_tools


def distinct(servers: tuple[McpServer, ...]) -> tuple[McpServer, ...]:
    """The servers, each of whose names is there once, however its letters are written.

    Raises:
        ValueError: there are too many, or two have one name.
    """
    if len(servers) > MOST_SERVERS:
        raise ValueError(f"names {len(servers)} servers; a task has at most {MOST_SERVERS}")
    names = [server.name.lower() for server in servers]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise ValueError(f"two servers have the name {twice!r}; what a tool returns is cited by it")
    return servers


def secret_faults(servers: Sequence[McpServer], secrets: Sequence[str]) -> list[Fault]:
    """References of headers to secrets that the task does not name, each by its JSON Pointer into `mcp_servers`."""
    return [
        Fault(pointer([place, "headers", header]), f"refers to the secret {name!r:.80}, which the task's `secrets` do not name")
        for place, server in enumerate(servers)
        for header, value in server.headers.items()
        for name in names_in(value.get_secret_value())
        if name not in secrets
    ]
