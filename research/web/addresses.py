"""Which IP addresses are of the public Internet, and what the others are.

Written out from IANA's registries of special addresses, and not left to `ipaddress.is_global`: of 6to4, NAT64 and the protocol
assignments that says one thing in Python 3.11 and another in 3.13, and it calls a cloud's own 168.63.129.16 global in both. It is
asked all the same, last, for what a later registry may add.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

IPAddress = IPv4Address | IPv6Address

_IPV4: Final = tuple(
    (IPv4Network(network), words)
    for network, words in (
        ("0.0.0.0/8", 'unspecified ("this host")'),
        ("10.0.0.0/8", "private (RFC 1918)"),
        ("100.64.0.0/10", "shared, behind a carrier's NAT (RFC 6598)"),
        ("127.0.0.0/8", "loopback: this machine"),
        ("169.254.0.0/16", "link-local, where clouds keep their metadata"),
        ("172.16.0.0/12", "private (RFC 1918)"),
        ("192.0.0.0/24", "for protocols (RFC 6890)"),
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "a 6to4 relay (RFC 7526)"),
        ("192.168.0.0/16", "private (RFC 1918)"),
        ("198.18.0.0/15", "for benchmarks (RFC 2544)"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
        # Public by every registry, and yet answered by the machine's own host: Azure's agent hands out secrets there.
        ("168.63.129.16/32", "a cloud's metadata"),
    )
)
_IPV6: Final = tuple(
    (IPv6Network(network), words)
    for network, words in (
        ("::1/128", "loopback: this machine"),
        ("::/128", "unspecified"),
        ("::/96", "an IPv4 address in an old IPv6 spelling"),
        ("::ffff:0:0:0/96", "an IPv4 address translated to IPv6"),
        ("64:ff9b:1::/48", "a local NAT64 prefix (RFC 8215)"),
        ("100::/64", "discarded (RFC 6666)"),
        ("fc00::/7", "unique local: private (RFC 4193)"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local: private"),
        ("ff00::/8", "multicast"),
        ("2001::/32", "Teredo: another address hides in it"),
        ("2001:db8::/32", "for documentation"),
        ("2001::/23", "for protocols (RFC 2928)"),
        ("2002::/16", "6to4: another address hides in it"),
        ("3fff::/20", "for documentation"),
    )
)
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
        words = next((words for network, words in _IPV4 if address in network), None)
        return words or (None if address.is_global else "not globally routable")
    if inner := inner_ipv4(address):
        words = why_not_public(inner)
        return words and f"NAT64 for {inner}, which is {words}"
    words = next((words for network, words in _IPV6 if address in network), None)
    if words is None and address not in _ALLOCATED:
        words = "reserved"
    return words or (None if address.is_global else "not globally routable")
