"""How servers of tools are reached, and how much of what they say is taken."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from research.records import Record

SETTING: Final = "RESEARCH_MCP_ALLOW_PRIVATE_HOSTS"
"""The variable that names servers outside the public internet."""


class McpSettings(Record):
    """What one server may take. Nothing that it does makes it take more."""

    allow_private_hosts: tuple[str, ...] = ()
    """Servers that may be asked although they are not of the public internet: host names, IP addresses or networks, each with
    `:port` or for any port (`localhost:8000`, `10.0.0.0/8`). What pages lead to is another setting."""
    allow_ports: tuple[int, ...] = ()
    """Ports that may be asked beside 80 and 443."""
    connect_seconds: float = Field(default=10.0, gt=0)
    """Seconds until a connection stands."""
    list_seconds: float = Field(default=20.0, gt=0)
    """Seconds for meeting a server and listing its tools."""
    call_seconds: float = Field(default=60.0, gt=0)
    """Seconds for one call of a tool."""
    at_once: int = Field(default=8, ge=1)
    """Calls of one server's tools at once."""
    retry_seconds: float = Field(default=30.0, ge=0)
    """Seconds for which a server that did not answer is not asked again."""
    max_bytes: int = Field(default=5_000_000, gt=0)
    """Bytes of one answer."""
    max_text: int = Field(default=200_000, gt=0)
    """Characters of what a tool returned that are kept; the rest is left out, and the page says so."""
    max_tools: int = Field(default=64, ge=1)
    """Tools of one server that are offered."""
    max_listed: int = Field(default=60_000, gt=0)
    """Characters of all tools' names, descriptions and arguments, as a model is shown them."""
