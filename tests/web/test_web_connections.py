"""What is connected to is what was judged: names that change their mind, redirects, several addresses, real servers."""

from __future__ import annotations

import asyncio
import ssl

import httpcore
import httpx
import pytest
from guard_doubles import Wire
from ssrf_forms import INSIDE, LOOPBACK, NAMES, PUBLIC

from research.errors import FetchRefused
from research.testing import ScriptedResolver, Served, WebServer, redirect
from research.web.connections import GuardedConnections, SystemResolver
from research.web.guard import Guard
from research.web.transport import guarded_transport

OUTSIDE = "93.184.216.34"
NOT_TAKEN = (FetchRefused, httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.RemoteProtocolError, UnicodeError)
"""Refused, or not even read by httpx, which lets idna's errors out as they are."""


def port_of(web: WebServer) -> int:
    return int(web.url.rpartition(":")[2])


def client(
    guard: Guard, resolver: ScriptedResolver | None = None, wire: Wire | None = None, *, follow: bool = False, **options: float
) -> httpx.AsyncClient:
    transport = guarded_transport(guard, resolver, inner=wire, **options)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, follow_redirects=follow, timeout=10)


async def test_no_form_of_this_machine_reaches_a_server_on_it():
    """Each form with the server's own port, which is allowed: only the host stands against it."""
    with WebServer({"/": "the inside"}) as web:
        resolver = ScriptedResolver({})
        async with client(Guard(allow_ports=[port_of(web)]), resolver) as http:
            for _, url in LOOPBACK:
                with pytest.raises(NOT_TAKEN):
                    await http.get(url.replace("{at}", f":{port_of(web)}"))
        assert (web.requests, resolver.asked) == ([], [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_reaches_the_inside(status: int):
    """Every hop is judged: an allowed page that sends the client on, in every form."""
    forms = [url for _, url in [*LOOPBACK, *INSIDE] if url.isascii() and url.isprintable() and url.strip() == url != ""]
    with WebServer({"/inside": "the inside"}) as inside:
        targets = [url.replace("{at}", f":{port_of(inside)}") for url in forms]
        # httpx reads these as a place on the page's own host, or as a port of a public one: no way in.
        harmless = ("127.", "http:/127", "http:127", "http:///", "http://example.com:+80")
        targets = [url for url in targets if not url.startswith(harmless)]
        assert len(targets) > 120
        pages = {f"/{number}": redirect(target, status) for number, target in enumerate(targets)}
        with WebServer(pages) as web:
            guard = Guard([f"pages.example:{port_of(web)}"], allow_ports=[port_of(inside)])
            resolver = ScriptedResolver({"pages.example": [["127.0.0.1"]]})
            async with client(guard, resolver, follow=True) as http:
                for number in range(len(targets)):
                    with pytest.raises(NOT_TAKEN):
                        await http.get(f"http://pages.example:{port_of(web)}/{number}")
            assert len(web.requests) == len(targets)
        assert inside.requests == []
        assert set(resolver.asked) == {"pages.example"}


async def test_a_redirect_over_two_public_hops_into_the_inside_is_refused():
    """A name that is public by its text and private by its address, behind a redirect."""
    with WebServer({"/a": redirect("/b"), "/b": redirect("http://inside.example/secret")}) as web:
        resolver = ScriptedResolver({"pages.example": [["127.0.0.1"]], "inside.example": [["10.0.0.1"]]})
        async with client(Guard(["pages.example"]), resolver, follow=True) as http:
            with pytest.raises(FetchRefused, match=r"inside\.example leads to 10\.0\.0\.1"):
                await http.get(f"http://pages.example:{port_of(web)}/a")
        assert [request.path for request in web.requests] == ["/a", "/b"]


@pytest.mark.parametrize(("form", "name", "addresses"), NAMES)
async def test_no_name_that_leads_inside_is_connected_to(form: str, name: str, addresses: list[str]):
    """One address of the inside among a name's addresses is enough: none is dialled."""
    wire = Wire()
    async with client(Guard(), ScriptedResolver({name: [addresses]}), wire) as http:
        with pytest.raises(FetchRefused, match="leads to"):
            await http.get(f"https://{name}/")
    assert wire.dialled == []


async def test_a_name_that_changes_its_mind_leads_nowhere():
    """Rebinding: the address that was judged is the one that is dialled, and the next look-up is judged again."""
    wire, resolver = Wire(), ScriptedResolver({"evil.example": [[OUTSIDE], ["127.0.0.1"]]})
    async with client(Guard(), resolver, wire) as http:
        assert (await http.get("http://evil.example/")).text == "ok"
        assert (wire.dialled, resolver.asked) == ([OUTSIDE], ["evil.example"])
        with pytest.raises(FetchRefused, match=r"evil\.example leads to 127\.0\.0\.1"):
            await http.get("http://evil.example/")
    assert (wire.dialled, resolver.asked) == ([OUTSIDE], ["evil.example", "evil.example"])


@pytest.mark.parametrize("peer", ["127.0.0.1", "::ffff:10.0.0.1", "169.254.169.254", "::1"])
async def test_a_peer_of_the_inside_is_hung_up_on(peer: str):
    """Whatever was dialled, who answers is judged as well."""
    wire = Wire(peers={OUTSIDE: peer})
    async with client(Guard(), ScriptedResolver({"odd.example": [[OUTSIDE]]}), wire) as http:
        with pytest.raises(FetchRefused, match=r"odd\.example leads to"):
            await http.get("http://odd.example/")
    assert (wire.dialled, wire.open) == ([OUTSIDE], [])


async def test_a_peer_that_nobody_knows_is_hung_up_on():
    """No answer to "who is there" is not a yes."""
    wire = Wire(peers={OUTSIDE: None})
    async with client(Guard(), ScriptedResolver({"odd.example": [[OUTSIDE]]}), wire) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("http://odd.example/")
    assert wire.open == []


@pytest.mark.parametrize(("url", "host", "port"), PUBLIC)
async def test_the_public_web_is_connected_to_by_its_address(url: str, host: str, port: int):
    """Names at what they lead to, addresses as they are; TLS asks for the name."""
    wire, resolver = Wire(), ScriptedResolver({host: [[OUTSIDE]]})
    async with client(Guard(), resolver, wire) as http:
        assert (await http.get(Guard().check(url).url)).text == "ok"
    literal = host[-1].isdigit()
    assert wire.dialled == [host if literal else OUTSIDE]
    assert resolver.asked == ([] if literal else [host])
    assert wire.server_names == ([host] if url.lower().startswith("https") else [])


async def test_the_host_that_was_checked_is_the_one_asked_for():
    """Not the request's own spelling of it: one look-up, one certificate, for `example.com.` as for `example.com`."""
    wire, resolver = Wire(), ScriptedResolver({"example.com": [[OUTSIDE]]})
    async with client(Guard(), resolver, wire) as http:
        for url in ("https://example.com./", "https://EXAMPLE.com/"):
            assert (await http.get(url)).text == "ok"
    assert (resolver.asked, wire.server_names) == (["example.com"] * 2, ["example.com"] * 2)


async def test_what_is_allowed_is_reached():
    """By address, by network, by name and by a name that leads into an allowed network; with the entry's port and no other."""
    with WebServer({"/": "the inside"}) as web, WebServer({"/": "another port"}) as other:
        at = port_of(web)
        names = ScriptedResolver({"wiki.example": [["127.0.0.1"]], "wiki.lan": [["127.0.0.1"]]})
        for entry, host in [
            ("127.0.0.1", "127.0.0.1"),
            (f"127.0.0.1:{at}", "127.0.0.1"),
            ("127.0.0.0/8", "127.0.0.1"),
            ("wiki.lan", "wiki.lan"),
            (f"wiki.example:{at}", "wiki.example"),
            ("127.0.0.0/8", "wiki.example"),
        ]:
            async with client(Guard([entry], [at]), names) as http:
                assert (await http.get(f"http://{host}:{at}/")).text == "the inside"
        async with client(Guard([f"127.0.0.1:{at}"], [port_of(other)]), names) as http:
            with pytest.raises(FetchRefused, match="loopback"):
                await http.get(f"{other.url}/")
        assert (len(web.requests), other.requests) == (6, [])


async def test_the_machines_own_resolver_finds_localhost():
    """The default resolver, for real; without an entry what it finds is refused, by its address alone."""
    resolver = SystemResolver()
    assert "127.0.0.1" in await resolver.resolve("localhost")
    resolver.close()
    with WebServer({"/": "the inside"}) as web:
        async with client(Guard(["localhost"])) as http:
            assert (await http.get(f"http://localhost:{port_of(web)}/")).text == "the inside"
        connections = GuardedConnections(Guard(), SystemResolver(), connect_timeout=5, resolve_timeout=5)
        with pytest.raises(FetchRefused, match="loopback"):
            await connections.connect_tcp("localhost", 80)
        assert len(web.requests) == 1


async def test_a_further_address_is_tried_when_one_does_not_connect():
    """For real: nobody listens at the first."""
    with WebServer({"/": "here"}) as web:
        async with client(Guard(["pages.example"]), ScriptedResolver({"pages.example": [["127.0.0.2", "127.0.0.1"]]})) as http:
            assert (await http.get(f"http://pages.example:{port_of(web)}/")).text == "here"


async def test_an_address_that_never_answers_holds_up_nobody():
    """The next is dialled beside it, families by turns; the connection that came first is the only one left."""
    six, other_six = "2606:4700:4700::1111", "2606:4700:4700::1001"
    wire = Wire(mute=[six], dead=["1.1.1.1"])
    resolver = ScriptedResolver({"slow.example": [[six, other_six, "1.1.1.1", OUTSIDE]]})
    async with asyncio.timeout(30), client(Guard(), resolver, wire, connect_timeout=60) as http:
        assert (await http.get("http://slow.example/")).text == "ok"
    assert wire.dialled == [six, "1.1.1.1", other_six]
    assert (wire.open, wire.waiting) == ([], [])


async def test_what_does_not_connect_ends_in_httpx_errors_in_time():
    """No such name, a look-up without end, an address that never answers, one that refuses."""
    names = {"mute.example": [["1.1.1.1"]], "dead.example": [["1.0.0.1", OUTSIDE]]}
    wire = Wire(mute=["1.1.1.1"], dead=["1.0.0.1", OUTSIDE])
    async with client(Guard(), ScriptedResolver(names), wire, connect_timeout=0.1) as http:
        with pytest.raises(httpx.ConnectError, match=r"gone\.example: its address was not found"):
            await http.get("http://gone.example/")
        with pytest.raises(httpx.ConnectTimeout, match=r"mute\.example: no connection within 0\.1 s"):
            await http.get("http://mute.example/")
        with pytest.raises(httpx.ConnectError, match=r"dead\.example: no connection to 1\.0\.0\.1, 93"):
            await http.get("http://dead.example/")
    async with client(Guard(), ScriptedResolver(names, delay=60), wire, resolve_timeout=0.1) as http:
        with pytest.raises(httpx.ConnectTimeout, match="not found within"):
            await http.get("http://mute.example/")
    async with client(Guard(), ScriptedResolver(names), wire) as http:
        with pytest.raises(httpx.ConnectTimeout, match=r"within 0\.2 s"):
            await http.get("http://mute.example/", timeout=0.2)


async def test_faults_on_the_wire_are_httpx_errors_with_their_request():
    """As with httpx's own transport, so that who catches those catches these."""
    pages = {
        "/cut": Served("x" * 1000, ending="cut"),
        "/reset": Served(ending="reset"),
        "/mute": Served(ending="silence"),
        "/": "ok",
    }
    with WebServer(pages) as web:
        async with client(Guard(["127.0.0.1"])) as http:
            for path, kind in (("cut", httpx.RemoteProtocolError), ("reset", httpx.ReadError), ("mute", httpx.ReadTimeout)):
                with pytest.raises(kind) as caught:
                    await http.get(f"{web.url}/{path}", timeout=httpx.Timeout(10, read=0.2))
                assert caught.value.request.url.path == f"/{path}"
                assert isinstance(caught.value.__cause__, getattr(httpcore, kind.__name__))
            for _ in range(2):
                assert (await http.get(f"{web.url}/")).text == "ok"


async def test_a_body_is_streamed_and_a_connection_used_again():
    """Piece by piece, and one connection for requests one after the other."""
    with WebServer({"/": Served("x" * 3000, drip=0.01, piece=1000)}) as web:
        resolver = ScriptedResolver({"pages.example": [["127.0.0.1"], ["10.0.0.1"]]})
        async with client(Guard([f"pages.example:{port_of(web)}"]), resolver) as http:
            for _ in range(3):
                async with http.stream("GET", f"http://pages.example:{port_of(web)}/") as answer:
                    assert len([piece async for piece in answer.aiter_raw()]) >= 3
        assert resolver.asked == ["pages.example"]
        assert len(web.connections) <= 1


async def test_nothing_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch):
    """A proxy would look names up by itself, behind the guard's back."""
    with WebServer({}) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")  # nor certificates: whoever wants others passes an ssl_context
        wire = Wire()
        async with client(Guard(), ScriptedResolver({"example.com": [[OUTSIDE]]}), wire) as http:
            assert (await http.get("http://example.com/")).text == "ok"
        assert (proxy.requests, wire.dialled) == ([], [OUTSIDE])


async def test_a_unix_socket_is_refused():
    """Not that anything asks for one."""
    connections = GuardedConnections(Guard(), ScriptedResolver({}), connect_timeout=1, resolve_timeout=1)
    with pytest.raises(FetchRefused, match=r"docker\.sock"):
        await connections.connect_unix_socket("/var/run/docker.sock")


async def test_a_certificate_is_checked():
    """A context of the caller's is used; the default one verifies names."""
    context = ssl.create_default_context()
    transport = guarded_transport(Guard(), ScriptedResolver({"example.com": [[OUTSIDE]]}), inner=Wire(), ssl_context=context)
    async with httpx.AsyncClient(transport=transport) as http:
        assert (await http.get("https://example.com/")).text == "ok"
    with WebServer({}) as web:
        async with client(Guard(["127.0.0.1"])) as http:
            with pytest.raises(httpx.ConnectError):
                await http.get(web.url.replace("http:", "https:"))
