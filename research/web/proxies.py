"""The proxies that the environment names: what is no proxy is refused, and nothing on this machine is asked through one.

Our clients, Prefect's and the SDK's read `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` themselves; what one of them
cannot read would end a run in the middle. So a command puts `NO_PROXY` into a form that all of them can read; a function that is
called from Python leaves the environment as it is, and refuses what cannot be read.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from research.errors import InvalidInput
from research.faults import first_line

PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
NO_PROXY: Final = "NO_PROXY"
ADDRESSES: Final = ("ANTHROPIC_BASE_URL", "PREFECT_API_URL", "SEARXNG_URL")
"""Variables that name a server which may be meant by a network in `NO_PROXY`."""
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_NO_HOST: Final = re.compile(r"[\s%@?#\\]")
SCHEMES: Final = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that the environment names."""

    variable: str
    value: str

    @property
    def shown(self) -> str:
        """Its address without a password."""
        head, mark, rest = self.value.rpartition("@")
        return f"…@{rest}" if mark and head else self.value

    @property
    def fault(self) -> str | None:
        """Why it cannot be used."""
        import httpx

        address = self.value if "://" in self.value else f"http://{self.value}"
        try:
            parts = httpx.URL(address)
            usable = parts.scheme in SCHEMES and bool(parts.host) and (parts.port is None or 0 < parts.port < 65_536)
        except (httpx.InvalidURL, ValueError):
            usable = False
        if usable:
            return None
        forms = ", ".join(f"{scheme}://host:port" for scheme in SCHEMES)
        return f"{self.variable}={self.shown!r} is not the address of a proxy ({forms}): correct it, or unset it"


def proxies(environ: Mapping[str, str]) -> Iterator[Proxy]:
    """The proxies that have an effect: a variable in small letters comes before the same in capitals."""
    for name in PROXIES:
        for variable in (name.lower(), name):
            if value := environ.get(variable, "").strip():
                yield Proxy(variable, value)
                break


def prepare_proxies(environ: MutableMapping[str, str]) -> None:
    """See that the proxies can be used, without spaces around them, and put `NO_PROXY` into a form that every client reads, with
    this machine in it.

    Raises:
        InvalidInput: a variable names no proxy; says which.
    """
    named = list(_usable(environ))
    for proxy in named:
        environ[proxy.variable] = proxy.value
    stated = environ.get(NO_PROXY.lower()) or environ.get(NO_PROXY) or ""
    if not named and not stated:
        return
    direct = [entry for entry in readable_no_proxy(stated, environ) if entry not in LOOPBACK]
    environ[NO_PROXY] = environ[NO_PROXY.lower()] = ",".join([*LOOPBACK, *direct])


def check_proxies() -> None:
    """See that a client can be made that reads the environment's proxies.

    Raises:
        InvalidInput: a variable names no proxy, or `NO_PROXY` cannot be read; says which.
    """
    list(_usable(os.environ))
    variable = NO_PROXY.lower() if os.environ.get(NO_PROXY.lower()) else NO_PROXY
    if not (stated := os.environ.get(variable)):
        return
    import httpx

    try:
        httpx.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)).close()
    except (httpx.InvalidURL, ValueError) as exc:
        direct = ",".join(readable_no_proxy(stated, {}))
        advice = f"write {variable}={direct!r}" if direct else "correct it, or unset it"
        raise InvalidInput(f"{variable}={stated!r} cannot be read ({first_line(exc)}): {advice}") from exc


def _usable(environ: Mapping[str, str]) -> Iterator[Proxy]:
    """The proxies that the environment names.

    Raises:
        InvalidInput: a variable names no proxy.
    """
    for proxy in proxies(environ):
        if (fault := proxy.fault) is not None:
            raise InvalidInput(fault)
        yield proxy


def readable_no_proxy(stated: str, environ: Mapping[str, str]) -> list[str]:
    """The hosts of `NO_PROXY` as every client reads them: without brackets, a network as the addresses in it that we may ask.
    What is no host is left out, as curl and Go do."""
    entries: list[str] = []
    for written in stated.split(","):
        entry = written.strip()
        if entry.startswith("["):
            entry = entry[1:].partition("]")[0]
        if "/" in entry:
            entries += _hosts_within(entry, environ)
        elif entry and _is_host(entry := entry.removeprefix("*") if entry.startswith("*.") else entry):
            entries.append(entry)
    entries += [host for host in _hosts(environ) if _is_loopback(host)]
    return list(dict.fromkeys(entries))


def ignored_no_proxy(stated: str) -> list[str]:
    """The entries that name no host and no network."""
    entries = [entry for each in stated.split(",") if (entry := each.strip())]
    return [entry for entry in entries if not (_network(entry) if "/" in entry else readable_no_proxy(entry, {}))]


def _is_host(entry: str) -> bool:
    import httpx

    if entry == "*":
        return True
    if _NO_HOST.search(entry):
        return False
    try:
        ipaddress.ip_address(entry)
    except ValueError:
        try:
            return bool(httpx.URL(f"all://*{entry}").host)
        except (httpx.InvalidURL, ValueError):
            return False
    return True


def _hosts_within(entry: str, environ: Mapping[str, str]) -> list[str]:
    network = _network(entry)
    if network is None:
        return []
    found = []
    for host in _hosts(environ):
        try:
            if ipaddress.ip_address(host) in network:
                found.append(host)
        except ValueError:
            continue  # a name, which no network holds
    return found


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


def _hosts(environ: Mapping[str, str]) -> Iterator[str]:
    for name in ADDRESSES:
        try:
            if host := urlsplit(environ.get(name, "")).hostname:
                yield host
        except ValueError:
            continue  # it is refused where it is used


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
