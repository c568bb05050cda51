"""Which IP addresses are of the public Internet, and what the others are.

`special_addresses.toml` is written out from IANA's registries, and not left to `ipaddress.is_global`: of 6to4, NAT64 and the
protocol assignments that says one thing in Python 3.11 and another in 3.13, and it calls a cloud's own 168.63.129.16 global in
both. It is asked all the same, last, for what a later registry may add.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from research.records import read_table

IPAddress = IPv4Address | IPv6Address

_ALLOCATED: Final = IPv6Network("2000::/3")
"""All of IPv6 that has been given out for use on the Internet."""
_NAT64: Final = IPv6Network("64:ff9b::/96")


def unmapped(address: IPAddress) -> IPAddress:
    """An address without the `::ffff:` that some systems write before an IPv4 address: a connection to either is the same one."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def inner_ipv4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address is another spelling of: mapped, or as a NAT64 gateway translates it."""
    return address.ipv4_mapped or (IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None)


def why_not_public(address: IPAddress) -> str | None:
    """What an address is, if no page of the public web can be there; None if it is globally routable unicast.

    An IPv4 address inside a mapped or a NAT64 address is judged for itself. In a network that has IPv6 only, every IPv4 site has
    a NAT64 address, so that the form alone is no reason.
    """
    address = unmapped(address)
    if isinstance(address, IPv4Address):
        words = next((words for network, words in _special()[0] if address in network), None)
        return words or (None if address.is_global else "not globally routable")
    if inner := inner_ipv4(address):
        words = why_not_public(inner)
        return words and f"NAT64 for {inner}, which is {words}"
    words = next((words for network, words in _special()[1] if address in network), None)
    if words is None and address not in _ALLOCATED:
        words = "reserved"
    return words or (None if address.is_global else "not globally routable")


@lru_cache(maxsize=1)
def special_addresses() -> dict[str, dict[str, str]]:
    """`ipv4`, `ipv6` and `names`: what is not of the public Internet, each with what it is."""
    return read_table("research.web", "special_addresses.toml")


@lru_cache(maxsize=1)
def _special() -> tuple[list[tuple[IPv4Network, str]], list[tuple[IPv6Network, str]]]:
    table = special_addresses()
    return (
        [(IPv4Network(network), words) for network, words in table["ipv4"].items()],
        [(IPv6Network(network), words) for network, words in table["ipv6"].items()],
    )
