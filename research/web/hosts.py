"""The host in a URL's text: a name, an address, or something that programs do not agree on.

The same text must not mean one host here and another to the client or to the resolver. So what has several readings is not
resolved into one of them, but is no host: an address is `a.b.c.d` in decimal or `[IPv6]`, a name is DNS labels, and that is all.
"""

from __future__ import annotations

import re
import socket
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final, NamedTuple

import idna

from research.faults import shortened
from research.web.addresses import IPAddress, inner_ipv4, special_addresses

_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-f]*")
_LONGEST_NAME: Final = 253


class Host(NamedTuple):
    """A host. `name` is lower-case ASCII, as DNS writes it or as `ipaddress` writes it, without brackets or a dot at the end."""

    name: str
    address: IPAddress | None


def bracketed(name: str) -> str:
    """A host's name as it stands in a URL."""
    return f"[{name}]" if ":" in name else name


def read_host(text: str) -> Host:
    """Read a host as it stands in a URL: IPv6 in brackets.

    Raises:
        ValueError: it is no host, or not one host to every reader. The message says why.
    """
    if "%" in text:
        zone = "a zone names an interface of this machine" if text.startswith("[") else "escapes hide what the host is"
        raise ValueError(f"there is a % in the host, and {zone}")
    if text.startswith("["):
        return _ipv6(text)
    if len(text) > _LONGEST_NAME + 1:
        raise ValueError(f"its host is longer than the {_LONGEST_NAME} characters that DNS has room for")
    name = text.lower() if text.isascii() else _to_ascii(text)
    name = name.removesuffix(".")
    if not name:
        raise ValueError("it has no host")
    labels = name.split(".")
    if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{_quoted(text)} is no host name")
    last = _in_unicode(name).rpartition(".")[2]
    if last.isdecimal() or _HEXADECIMAL.fullmatch(last):
        return _ipv4(name, text)
    return Host(name, None)


def never_public(name: str) -> str | None:
    """Why a name can have no page of the public web; None if it can."""
    if "." not in name and name not in special_addresses()["names"]:
        return f"{name!r} has no dot, so it is a name of the local network"
    for suffix, place in special_addresses()["names"].items():
        if name == suffix or name.endswith(f".{suffix}"):
            return f"names in {suffix!r} are for {place}"
    return None


def _ipv6(text: str) -> Host:
    try:
        address = IPv6Address(text[1:-1] if text.endswith("]") else "")
    except AddressValueError as exc:
        raise ValueError(f"{_quoted(text)} is no IPv6 address") from exc
    if inner := inner_ipv4(address):
        raise ValueError(f"it spells the IPv4 address {inner} as IPv6; an IPv4 address is written a.b.c.d")
    return Host(str(address), address)


def _ipv4(name: str, text: str) -> Host:
    """A host that ends in a number is an IPv4 address to browsers and to the C library, in one of many spellings."""
    if text.isascii() and (address := _plain_ipv4(name)):
        return Host(str(address), address)
    try:
        read = f", which some programs read as {socket.inet_ntoa(socket.inet_aton(name))}"
    except (OSError, UnicodeError):
        read = ""
    raise ValueError(f"{_quoted(text)} ends in a number{read}; an IPv4 address is written a.b.c.d, in decimal")


def _plain_ipv4(name: str) -> IPv4Address | None:
    """None also if there is a zero in front of a part: that is octal to some readers and decimal to others."""
    try:
        return IPv4Address(name)
    except AddressValueError:
        return None


def _to_ascii(text: str) -> str:
    """A name in another script as DNS writes it, mapped as browsers map it (UTS 46)."""
    try:
        return idna.encode(text, uts46=True).decode("ascii")
    except UnicodeError as exc:
        raise ValueError(f"{_quoted(text)} is no host name ({exc})") from exc


def _in_unicode(name: str) -> str:
    """A name as people see it. Punycode that stands for plain ASCII, or for a symbol, is no name by IDNA 2008, and httpx, which
    goes by that, does not get as far as asking for it."""
    if not any(label.startswith("xn--") for label in name.split(".")):
        return name
    try:
        return idna.decode(name)
    except UnicodeError as exc:
        raise ValueError(f"{_quoted(name)} is no international host name ({exc})") from exc


def _quoted(text: str) -> str:
    """A host in a message: what cannot be seen is escaped."""
    return repr(shortened(text, 80))
