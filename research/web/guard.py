"""Decides what may be fetched: pages of the public web, and what the caller names.

What a page says leads the next fetch, so an address in it may aim at this machine or the network around it. The guard is asked
twice: with the URL's text before anything is looked up (`check`), and with the address that a connection goes to
(`check_address`), which a name's owner chooses and can change from one moment to the next. See docs/design/fetch-guard.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from research.display.printable import printable
from research.errors import Fault, FetchRefused, InvalidInput
from research.faults import shortened
from research.web.addresses import IPAddress, unmapped, why_not_public
from research.web.hosts import Host, bracketed, never_public, read_host

WEB_PORTS: Final = (80, 443)
_DEFAULT_PORT: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = 65_535
_SHOWN: Final = 120
"""Characters of a URL in a message."""
_WEB: Final = re.compile(r"(https?)://([^/?#]*)", re.I)
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.I)
_USERINFO: Final = re.compile(r"^([^:/?#]*:)?+([/\\]*+)[^/?#]*@")
_ODD: Final = re.compile(r"[\\\s\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Backslashes, white space of every script, control characters, halves of characters."""
_PLACE: Final = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?")
"""A host, with a port or without one."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads. `host` is as in `hosts.Host`: lower-case ASCII, an IPv6 address without its brackets."""

    scheme: str
    host: str
    port: int
    url: str
    """The URL with its host written so. The one to ask for: it cannot be read as another host than the one that was checked."""

    @property
    def origin(self) -> str:
        """`https://example.com`; the port stands in it where it is not the scheme's own."""
        return _origin(self.scheme, self.host, self.port)


@dataclass(frozen=True, slots=True)
class _Allowed:
    """One entry of `allow_private_hosts`, read. None for the port: any."""

    name: str | None
    network: IPv4Network | IPv6Network | None
    port: int | None

    def covers(self, host: str, port: int, address: IPAddress | None) -> bool:
        if self.port not in (None, port):
            return False
        return self.name == host or (self.network is not None and address is not None and address in self.network)


@dataclass(frozen=True, slots=True)
class Guard:
    """What may be fetched. Immutable; asks nothing of the network.

    Args:
        allow_private_hosts: what may be fetched although it is not of the public web: host names, IP addresses, networks
            (`10.0.0.0/8`), each with `:port` or for any port. A name counts for itself alone, not for names under it. A network
            counts for names, too, that resolve into it.
        allow_ports: ports that any host may use besides 80 and 443.
        setting: the variable that sets `allow_private_hosts`, for messages.

    Raises:
        InvalidInput: an entry cannot be read. Its faults name every one.
    """

    allow_private_hosts: Sequence[str] = ()
    allow_ports: Sequence[int] = ()
    setting: str = "RESEARCH_WEB_ALLOW_PRIVATE_HOSTS"
    _allowed: tuple[_Allowed, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        faults: list[Fault] = []
        allowed: list[_Allowed] = []
        if isinstance(self.allow_private_hosts, str):
            faults.append(Fault("/allow_private_hosts", f"{self.allow_private_hosts!r} is one text; a list of texts is wanted"))
        else:
            for index, entry in enumerate(self.allow_private_hosts):
                try:
                    allowed.append(_read_entry(entry))
                except ValueError as exc:
                    faults.append(Fault(f"/allow_private_hosts/{index}", f"{entry!r}: {exc}"))
        for index, port in enumerate(self.allow_ports):
            if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= _LAST_PORT:
                faults.append(Fault(f"/allow_ports/{index}", f"{port!r} is no port: a number from 1 to {_LAST_PORT} is wanted"))
        if faults:
            raise InvalidInput("what may be fetched cannot be read:", faults)
        object.__setattr__(self, "allow_private_hosts", tuple(self.allow_private_hosts))
        object.__setattr__(self, "allow_ports", tuple(self.allow_ports))
        object.__setattr__(self, "_allowed", tuple(allowed))

    def check(self, url: str) -> Target:
        """Where a URL leads, if its text gives no reason against it. Looks up no name: `check_address` judges where one leads.

        Raises:
            FetchRefused: it may not be fetched. The message says why, and which setting would allow it.
        """
        try:
            scheme, host, port, rest = _read_url(url)
        except ValueError as exc:
            raise FetchRefused(f"{shown(url)}: {exc}") from exc
        if why := self._why_not(host.name, port, host.address):
            raise FetchRefused(f"{shown(url)}: {why}")
        return Target(scheme, host.name, port, f"{_origin(scheme, host.name, port)}{rest}")

    def refusal(self, url: str) -> str | None:
        """Why `check` refuses a URL; None if it does not."""
        try:
            self.check(url)
        except FetchRefused as exc:
            return str(exc)
        return None

    def check_address(self, host: str, port: int, address: str) -> None:
        """Judge the IP address that a connection to a host goes to.

        Args:
            host: the host as in `Target.host`.
            port: the port.
            address: what the host resolves to, or the peer's address; the host itself if that is an address.

        Raises:
            FetchRefused: no connection may go there.
        """
        try:
            ip = unmapped(ip_address(address))
        except ValueError as exc:
            raise FetchRefused(f"{host}: it leads to {address!r}, which is no IP address") from exc
        if why := self._why_not(host.lower().removesuffix("."), port, ip):
            raise FetchRefused(f"{bracketed(host)}:{port}: {why}")

    def _why_not(self, host: str, port: int, address: IPAddress | None) -> str | None:
        if any(allowed.covers(host, port, address) for allowed in self._allowed):
            return None
        why = never_public(host) if address is None else _why_not_address(host, address)
        if why:
            place = bracketed(host) if port in WEB_PORTS else f"{bracketed(host)}:{port}"
            return f"{why}; to fetch it all the same, name {place!r} in allow_private_hosts ({self.setting})"
        if port not in WEB_PORTS and port not in self.allow_ports:
            return f"port {port} is not one of the web's (80 and 443); to fetch it all the same, name {port} in allow_ports"
        return None


def fault_of(url: str) -> str | None:
    """What is wrong with a URL's text, whatever the settings of those who ask for it allow. None: nothing."""
    try:
        _read_url(url)
    except ValueError as exc:
        return f"{shown(url)}: {exc}"
    return None


def shown(url: str) -> str:
    """A URL for a message: short, on one line, without a password."""
    url = _USERINFO.sub(r"\1\2…@", url)
    return printable(shortened(url, _SHOWN), one_line=True) or "(empty)"


def _origin(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{bracketed(host)}" + ("" if port == _DEFAULT_PORT[scheme] else f":{port}")


def _why_not_address(host: str, address: IPAddress) -> str | None:
    words = why_not_public(address)
    if words is None:
        return None
    subject = "its address" if host == str(address) else f"{host} leads to {address}, which"
    return f"{subject} is {words}"


def _read_url(url: str) -> tuple[str, Host, int, str]:
    """Scheme, host and port of a URL, and what follows them.

    Raises:
        ValueError: it is not a URL of the web that every client reads alike.
    """
    if odd := _ODD.search(url):
        raise ValueError(
            f"there is {odd[0]!r} in it, which a URL does not have as it is: some clients drop it, some read it as '/'"
        )
    match = _WEB.match(url)
    if match is None:
        scheme = _SCHEME.match(url)
        if scheme is None:
            raise ValueError("it is no URL: it does not begin with http:// or https://")
        if scheme[1].lower() in _DEFAULT_PORT:
            raise ValueError("it has no host")
        raise ValueError(f"only http and https are fetched, not {scheme[1].lower()[:20]}")
    scheme_name, authority = match[1].lower(), match[2]
    if "@" in authority:
        raise ValueError("there is a user name or a password before its host; a fetch carries no credentials")
    host, port = _read_place(authority)
    return scheme_name, host, _DEFAULT_PORT[scheme_name] if port is None else port, url[match.end() :]


def _read_place(text: str) -> tuple[Host, int | None]:
    """`host` or `host:port`."""
    match = _PLACE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:80]!r} is no host with a port")
    host = read_host(match[1])
    if not match[2]:
        return host, None
    if len(match[2]) > 5 or not 1 <= int(match[2]) <= _LAST_PORT:
        raise ValueError(f"{match[2][:20]!r} is no port: a number from 1 to {_LAST_PORT} is wanted")
    return host, int(match[2])


def _read_entry(entry: str) -> _Allowed:
    """One entry of `allow_private_hosts`: an IPv6 address or network may stand without brackets if it has no port."""
    if not isinstance(entry, str) or not entry or _ODD.search(entry):
        raise ValueError("a host name, an IP address or a network is wanted, such as 'localhost:8000' or '10.0.0.0/8'")
    if "/" in entry:
        network, port = _read_network(entry)
        return _Allowed(None, network, port)
    host, port = _read_place(f"[{entry}]" if entry.count(":") > 1 and not entry.startswith("[") else entry)
    if host.address is None:
        return _Allowed(host.name, None, port)
    return _Allowed(None, ip_network(host.address), port)


def _read_network(entry: str) -> tuple[IPv4Network | IPv6Network, int | None]:
    match = re.fullmatch(r"\[([^\]]+)\](?::(\d{1,5}))?|([^:\[\]]+)(?::(\d{1,5}))?|([^\[\]]+)", entry)
    if match is None:
        raise ValueError("it is no network")
    port = match[2] or match[4]
    if port and not 1 <= int(port) <= _LAST_PORT:
        raise ValueError(f"{port} is no port")
    return ip_network(match[1] or match[3] or match[5]), int(port) if port else None
