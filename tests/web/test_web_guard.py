"""Nothing but the public web is fetched, in whatever form an address of the inside is written; and all of the public web is."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ssrf_forms import INSIDE, LOOPBACK, NAMES, PUBLIC

from research.errors import FetchRefused, InvalidInput
from research.web.guard import Guard


def text_forms() -> list[tuple[str, str]]:
    return [(form, url.replace("{at}", "")) for form, url in [*LOOPBACK, *INSIDE]]


def printable(text: str) -> str:
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def test_every_form_is_refused_and_the_table_says_why():
    """All forms of URLs by their text alone, all forms of names by where they lead; printed as a table."""
    guard, rows, allowed = Guard(), [], []
    for form, url in text_forms():
        why = guard.refusal(url)
        rows.append((form, url, (why or "ALLOWED").split(": ", 1)[-1]))
        if why is None:
            allowed.append((form, url))
    for form, name, addresses in NAMES:
        assert guard.check(f"http://{name}/").host == name
        refusals = []
        for address in addresses:
            try:
                guard.check_address(name, 80, address)
            except FetchRefused as exc:
                refusals.append(str(exc).split(": ", 1)[-1])
        rows.append((f"a name {form}", f"http://{name}/ -> {', '.join(addresses)}", (refusals or ["ALLOWED"])[0]))
        if not refusals:
            allowed.append((form, name))
    print(f"\n{'form':<48} | {'url':<60} | why it is refused ({len(rows)} forms)")
    for row in rows:
        form, url, why = (printable(cell) for cell in row)
        print(f"{form:<48} | {url:<60} | {why}")
    assert allowed == []
    assert len(rows) >= 200
    assert len({url for _, url, _ in rows}) == len(rows)


@pytest.mark.parametrize(("url", "host", "port"), PUBLIC)
def test_the_public_web_is_allowed(url: str, host: str, port: int):
    """Ordinary URLs pass, with the host as DNS writes it."""
    target = Guard().check(url)
    assert (target.host, target.port) == (host, port)
    assert Guard().refusal(url) is None


@pytest.mark.parametrize(("url", "host", "port"), PUBLIC)
def test_a_target_is_read_alike_by_every_client(url: str, host: str, port: int):
    """The URL of a target has its host in the one spelling that needs no reading; its path and query are left alone."""
    target = Guard().check(url)
    assert httpx.URL(target.url).raw_host.decode() == host == urlsplit(target.url).hostname
    assert target.url == target.origin + re.sub("^[^/]*//[^/?#]*", "", url)


def test_a_refusal_names_the_url_the_reason_and_the_setting():
    """Short, on one line, without the password, with what to do."""
    guard = Guard()
    assert guard.refusal("http://10.1.2.3/a") == (
        "http://10.1.2.3/a: its address is private (RFC 1918); to fetch it all the same, name '10.1.2.3' in "
        "allow_private_hosts (RESEARCH_WEB_ALLOW_PRIVATE_HOSTS)"
    )
    assert "name '[fd00::1]:8080' in allow_private_hosts" in str(guard.refusal("http://[fd00::1]:8080/"))
    assert "name 8080 in allow_ports" in str(guard.refusal("http://example.com:8080/"))
    secret = str(guard.refusal("https://me:hunter2@example.com/"))
    assert "hunter2" not in secret
    assert "credentials" in secret
    long = str(guard.refusal(f"http://10.1.2.3/{'x' * 5000}\n"))
    assert len(long) < 400
    assert "\n" not in str(guard.refusal("http://10.1.2.3/\nforged line"))


ALLOWED = [
    # entry, what it lets in, what it does not
    ("localhost", ["http://localhost/", "http://LOCALHOST.:8080/"], ["http://127.0.0.1/", "http://a.localhost/"]),
    ("localhost:8000", ["http://localhost:8000/"], ["http://localhost/", "http://localhost:8001/"]),
    ("wiki.internal", ["https://wiki.internal/"], ["https://other.internal/"]),
    ("intranet", ["http://intranet:3000/x"], ["http://intra/"]),
    ("bücher.lan", ["http://bücher.lan/", "http://xn--bcher-kva.lan/"], ["http://bucher.lan/"]),
    ("127.0.0.1", ["http://127.0.0.1/", "http://127.0.0.1:9/"], ["http://127.0.0.2/", "http://2130706433/", "http://127.1/"]),
    ("127.0.0.1:8080", ["http://127.0.0.1:8080/"], ["http://127.0.0.1/", "http://[::ffff:127.0.0.1]:8080/"]),
    ("10.0.0.0/8", ["http://10.255.0.1:1234/"], ["http://11.0.0.1:1234/", "http://0x0a000001/"]),
    ("10.0.0.0/8:90", ["http://10.0.0.1:90/"], ["http://10.0.0.1/"]),
    ("::1", ["http://[::1]/", "http://[0:0:0:0:0:0:0:1]:81/"], ["http://127.0.0.1/"]),
    ("[::1]:8000", ["http://[::1]:8000/"], ["http://[::1]/"]),
    ("fd00::/8", ["http://[fd12::1]:8000/"], ["http://[fe80::1]/"]),
    ("[fd00::/8]:8000", ["http://[fd12::1]:8000/"], ["http://[fd12::1]/"]),
    ("example.com:8443", ["https://example.com:8443/", "https://example.com/"], ["https://example.com:8444/"]),
]


@pytest.mark.parametrize(("entry", "let_in", "kept_out"), ALLOWED)
def test_an_entry_lets_in_what_it_names_and_no_more(entry: str, let_in: list[str], kept_out: list[str]):
    """Names, addresses and networks, with a port or for any."""
    guard = Guard([entry])
    assert [url for url in let_in if guard.refusal(url)] == []
    assert [url for url in kept_out if not guard.refusal(url)] == []


def test_a_name_may_lead_where_its_entry_or_an_allowed_network_says():
    """An allowed name leads anywhere; an allowed network takes names, too; a port of the entry counts here as well."""
    Guard(["wiki.corp"]).check_address("wiki.corp", 8080, "10.0.0.1")
    Guard(["10.0.0.0/8"]).check_address("wiki.example", 443, "10.0.0.1")
    Guard(["10.0.0.0/8"]).check_address("wiki.example", 443, "::ffff:10.0.0.1")
    Guard(["wiki.corp:8080"]).check_address("wiki.corp", 8080, "10.0.0.1")
    for guard, port in ((Guard(["wiki.corp:8080"]), 80), (Guard(["other.corp"]), 80), (Guard(["11.0.0.0/8"]), 80), (Guard(), 81)):
        with pytest.raises(FetchRefused, match=r"10\.0\.0\.1"):
            guard.check_address("wiki.corp", port, "10.0.0.1")


def test_allowed_ports_are_for_every_host_but_no_private_one():
    """`allow_ports` opens a port, not an address."""
    guard = Guard(allow_ports=[8080])
    assert guard.check("http://example.com:8080/").port == 8080
    guard.check_address("example.com", 8080, "93.184.216.34")
    assert guard.refusal("http://127.0.0.1:8080/")
    with pytest.raises(FetchRefused, match="port 8081"):
        guard.check_address("example.com", 8081, "93.184.216.34")


def test_every_bad_entry_is_named():
    """All of them at once, by their place."""
    bad = [
        "127.1",
        "10.0.0.1/8",
        "http://localhost",
        "*",
        "*.corp",
        "",
        " a",
        "a:0",
        "[::1]:99999",
        "fe80::1%eth0",
        "a@b",
        "10.0.0.0/33",
    ]
    with pytest.raises(InvalidInput) as caught:
        Guard(["localhost", *bad], [443, 0, 65536])
    pointers = [fault.pointer for fault in caught.value.faults]
    assert pointers == [f"/allow_private_hosts/{index + 1}" for index in range(len(bad))] + ["/allow_ports/1", "/allow_ports/2"]
    assert all(repr(entry) in str(caught.value) for entry in bad)
    with pytest.raises(InvalidInput, match="a list"):
        Guard("localhost")


def test_a_guard_does_not_change():
    """It keeps what it was given, and not the list itself."""
    hosts = ["localhost"]
    guard = Guard(hosts)
    hosts.append("127.0.0.1")
    assert guard.refusal("http://127.0.0.1/")
    assert guard == Guard(["localhost"])
    assert hash(guard) == hash(Guard(("localhost",)))
    with pytest.raises(AttributeError):
        guard.allow_ports = (22,)  # type: ignore[misc]


PINNED = [
    # Where Python 3.11 and 3.13 do not say the same, and where both say "global" and it is not; then the edges that are public.
    ("192.0.0.9", False),
    ("192.0.0.170", False),
    ("192.88.99.1", False),
    ("168.63.129.16", False),
    ("224.0.0.1", False),
    ("2001:1::1", False),
    ("2001:3::1", False),
    ("2001:20::1", False),
    ("2002:808:808::1", False),
    ("64:ff9b:1::808:808", False),
    ("64:ff9b::a00:1", False),
    ("3fff::1", False),
    ("5f00::1", False),
    ("fec0::1", False),
    ("ff0e::1", False),
    ("4000::1", False),
    ("::8.8.8.8", False),
    ("::ffff:0:8.8.8.8", False),
    ("9.255.255.255", True),
    ("11.0.0.0", True),
    ("100.63.255.255", True),
    ("100.128.0.0", True),
    ("168.63.129.17", True),
    ("192.0.1.0", True),
    ("198.17.255.255", True),
    ("198.20.0.0", True),
    ("223.255.255.255", True),
    ("::ffff:8.8.8.8", True),
    ("64:ff9b::808:808", True),
    ("2001:200::1", True),
    ("2620:4f:8000::1", True),
    ("2a00:1450:4001::1", True),
]


@pytest.mark.parametrize(("address", "public"), PINNED)
def test_an_address_is_judged_alike_by_every_python(address: str, public: bool):
    """The edges of the special networks, whatever `is_global` says of them in this version."""
    if public:
        Guard().check_address("example.com", 443, address)
    else:
        with pytest.raises(FetchRefused, match="allow_private_hosts"):
            Guard().check_address("example.com", 443, address)


NOT_GLOBAL = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
]  # fmt: skip
FULL_WIDTH = str.maketrans("0123456789.", "０１２３４５６７８９．")


def spellings(address: IPv4Address) -> dict[str, str]:
    """A host for every way to write an IPv4 address."""
    number, (a, b, c, d) = int(address), address.packed
    high, low = number >> 16, number & 0xFFFF
    return {
        "plain": f"{address}",
        "dot at the end": f"{address}.",
        "decimal": f"{number}",
        "hexadecimal": f"0x{number:x}",
        "capitals": f"0X{number:08X}",
        "octal": f"0{number:o}",
        "each octal": f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        "each hexadecimal": f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        "mixed": f"0x{a:x}.{b}.0{c:o}.{d}",
        "two parts": f"{a}.{number & 0xFFFFFF}",
        "three parts": f"{a}.{b}.{low}",
        "zeros in front": f"{a:04}.{b:04}.{c:04}.{d:04}",
        "full width": f"{address}".translate(FULL_WIDTH),
        "escaped": "".join(f"%{ord(character):02x}" for character in f"{address}"),
        "mapped": f"[::ffff:{address}]",
        "mapped, hexadecimal": f"[::ffff:{high:x}:{low:x}]",
        "compatible": f"[::{high:x}:{low:x}]",
        "translated": f"[::ffff:0:{high:x}:{low:x}]",
        "NAT64": f"[64:ff9b::{high:x}:{low:x}]",
        "NAT64, local": f"[64:ff9b:1::{high:x}:{low:x}]",
        "6to4": f"[2002:{high:x}:{low:x}::1]",
        "Teredo": f"[2001:0:808:808::{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}]",
    }


SPELLINGS = sorted(spellings(IPv4Address(0)))
inside = (
    st.sampled_from(NOT_GLOBAL)
    .map(IPv4Network)
    .flatmap(lambda network: st.integers(int(network.network_address), int(network.broadcast_address)).map(IPv4Address))
)


@given(address=inside, spelling=st.sampled_from(SPELLINGS), scheme=st.sampled_from(["http", "https"]))
def test_no_spelling_of_an_address_of_the_inside_is_allowed(address: IPv4Address, spelling: str, scheme: str):
    """Any address of a network that is not global, in any of 22 spellings, in a URL and as what a name leads to."""
    host = spellings(address)[spelling]
    assert Guard().refusal(f"{scheme}://{host}/")
    with pytest.raises(FetchRefused):
        Guard().check_address("example.com", 443, host.strip("[]"))


edges = sorted(map(IPv4Network, [*NOT_GLOBAL, "192.88.99.0/24", "168.63.129.16/32"]))
gaps = [(before.broadcast_address + 1, after.network_address - 1) for before, after in pairwise(edges)]
outside = st.sampled_from([gap for gap in gaps if gap[0] <= gap[1]]).flatmap(
    lambda gap: st.integers(int(gap[0]), int(gap[1])).map(IPv4Address)
)


@given(address=outside)
def test_every_global_address_is_allowed_if_it_is_written_plainly(address: IPv4Address):
    """And only so: the other spellings are for hiding."""
    assert Guard().check(f"http://{address}/").host == str(address)
    Guard().check_address(str(address), 80, str(address))
    let_in = {name for name, host in spellings(address).items() if Guard().refusal(f"http://{host}/") is None}
    assert let_in == {"plain", "dot at the end"}


pieces = st.sampled_from(
    ["http", "https", ":", "/", "//", "@", "\\", "#", "?", "[", "]", "%", "%40", ".", "..", "127.0.0.1", "::1", "localhost",
     "example.com", "xn--", "xn--i-7iq", "xn--bcher-kva", "8.8.8.8", "０", "。", "ß", "é", "❤", "_", "80", ":80", ":99999", "0x",
     "1", "\t", " ", "\x00", "\u00ad", "\ud800"]
)  # fmt: skip
texts = st.one_of(st.text(max_size=30), st.lists(pieces, max_size=10).map("".join))


@given(url=st.one_of(texts, texts.map("http://{}".format), texts.map("https://example.com{}".format)))
def test_whatever_is_written_is_refused_or_read_as_the_client_reads_it(url: str):
    """No other error, and no URL whose host is one thing to the guard and another to httpx or to the standard library."""
    guard = Guard()
    if guard.refusal(url) is not None:
        return
    target = guard.check(url)
    assert target.port in (80, 443)
    assert guard.check(target.url) == target
    for reading in (url, target.url):
        try:
            host = httpx.URL(reading).raw_host.decode().removesuffix(".")
        except httpx.InvalidURL:
            assert reading is url, "a target's own URL is one that httpx takes"
        else:
            assert host == target.host
    assert urlsplit(target.url).hostname == target.host
    httpx.Request("GET", target.url)
