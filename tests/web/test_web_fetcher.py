"""A fetch, hop by hop."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
import shutil
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web_opened import PAGE, Clock, asked, opened, quick

from research.concurrency.outages import Outages
from research.documents.version import EXTRACTION_VERSION
from research.errors import FetchFailed, FetchRefused, NeedsBrowser, PageUnreadable, ResearchError
from research.pages.page_store import PageStore, StoringFetcher
from research.ports.fetcher import Guarded
from research.ports.page import page_hash
from research.task.source_policy import SourcePolicy
from research.testing import ScriptedResolver, Served, WebServer, redirect
from research.testing.loopback import HttpRequest
from research.web.network import Network
from research.web.politeness import Politeness
from research.web.redirects import linked, refresh
from research.web.requesting import Asker
from research.web.settings import WebSettings


async def test_a_page_says_where_it_came_from_and_what_it_holds(tmp_path: Path) -> None:
    dated = PAGE.replace("<head>", '<head><meta property="article:published_time" content="2024-05-06T07:08:09Z">')
    before = datetime.now(UTC)
    with WebServer({"/old": redirect("/new#part"), "/new": Served(dated, gzip=True)}) as web:
        async with opened(tmp_path) as fetcher:
            page = await fetcher.fetch(f"{web.url}/old#top", keep_html=True)
        assert page.url == f"{web.url}/old#top"
        assert page.final_url == f"{web.url}/new"
    assert page.title == "The probe"
    assert page.media_type == "text/html"
    assert page.published == "2024-05-06T07:08:09Z"
    assert page.page_hash == page_hash(page.text)
    assert "study the comet" in page.text
    assert page.extraction_version == EXTRACTION_VERSION
    assert page.raw_hash == hashlib.sha256(dated.encode()).hexdigest()
    assert page.html == dated
    assert before <= page.fetched_at <= datetime.now(UTC)


async def test_html_is_kept_only_on_request_and_only_of_html(tmp_path: Path) -> None:
    with WebServer({"/a": PAGE, "/t": Served("Plain words.", media_type="text/plain")}) as web:
        async with opened(tmp_path) as fetcher:
            assert (await fetcher.fetch(f"{web.url}/a")).html is None
            assert (await fetcher.fetch(f"{web.url}/t", keep_html=True)).html is None


async def test_of_a_huge_page_the_beginning_is_read(tmp_path: Path) -> None:
    huge = PAGE.replace("</body>", "<p>The end of it.</p>" * 9000 + "</body>")
    with WebServer({"/a": huge}) as web:
        async with opened(tmp_path, limits={"max_html_bytes": 20_000}) as fetcher:
            page = await fetcher.fetch(f"{web.url}/a", keep_html=True)
    assert "study the comet" in page.text
    assert page.html == huge[:20_000]
    assert page.raw_hash == hashlib.sha256(huge[:20_000].encode()).hexdigest()


async def test_every_request_says_who_asks_and_asks_for_encodings_that_can_be_bounded(tmp_path: Path) -> None:
    with WebServer({"/robots.txt": "", "/a": PAGE}) as web:
        async with opened(tmp_path, contact="https://example.org/bot", obey_robots=True) as fetcher:
            await fetcher.fetch(f"{web.url}/a")
        for request in web.requests:
            assert request.headers["user-agent"].startswith("research-flows/")
            assert request.headers["user-agent"].endswith(" (+https://example.org/bot)")
            assert request.headers["accept-encoding"] == "gzip, deflate"


@given(st.text(max_size=60))
def test_whatever_stands_in_the_contact_the_user_agent_is_one_header(contact: str) -> None:
    agent = WebSettings(contact=contact).user_agent
    assert agent.isascii()
    assert agent.isprintable()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_one_at_a_time(tmp_path: Path, status: int) -> None:
    pages = {"/a": redirect("b", status), "/b": redirect("?q=1", status), "/b?q=1": redirect("//{host}/c", status), "/c": PAGE}
    pages["/b?q=1"] = lambda request: redirect(f"//{request.headers['host']}/c", status)  # type: ignore[assignment]
    with WebServer(pages) as web:
        async with opened(tmp_path) as fetcher:
            assert (await fetcher.fetch(f"{web.url}/a")).final_url == f"{web.url}/c"
        assert asked(web) == ["/a", "/b", "/b?q=1", "/c"]


async def test_a_circle_of_redirects_is_told_with_its_chain(tmp_path: Path) -> None:
    with WebServer({"/a": redirect("/b"), "/b": redirect("/a")}) as web:
        async with opened(tmp_path) as fetcher:
            with pytest.raises(PageUnreadable, match=r"in a circle: .*/a → .*/b → .*/a"):
                await fetcher.fetch(f"{web.url}/a")
        assert asked(web) == ["/a", "/b"]


async def test_a_chain_of_redirects_without_end_is_given_up(tmp_path: Path) -> None:
    def onward(request: HttpRequest) -> Served:
        return redirect(f"/next?n={int(request.query.get('n', '0')) + 1}")

    with WebServer({"/next": onward}) as web:
        async with opened(tmp_path, limits={"max_redirects": 5}) as fetcher:
            with pytest.raises(PageUnreadable, match="more than 5 redirects"):
                await fetcher.fetch(f"{web.url}/next")
        assert len(web.requests) == 6


@pytest.mark.parametrize(
    "location",
    ["http://[", "http://exa mple/", "javascript:alert(1)", "mailto:a@b.c", "file:///etc/passwd", "http://127.0.0.1:99999/"],
)
async def test_a_redirect_to_something_else_than_a_web_page_ends_in_a_typed_error(tmp_path: Path, location: str) -> None:
    with WebServer({"/a": redirect(location)}) as web:
        async with opened(tmp_path) as fetcher:
            with pytest.raises((FetchRefused, PageUnreadable)):
                await fetcher.fetch(f"{web.url}/a")


async def test_a_redirect_to_a_private_address_is_refused_and_never_asked_for(tmp_path: Path) -> None:
    with WebServer({"/secret": PAGE}) as inside:
        port = inside.url.rsplit(":", 1)[1]
        with WebServer({"/a": redirect(f"http://127.0.0.2:{port}/secret")}) as web:
            async with opened(tmp_path) as fetcher:
                with pytest.raises(FetchRefused, match=r"allow_private_hosts.*/a redirects there"):
                    await fetcher.fetch(f"{web.url}/a")
        assert inside.requests == []


async def test_nothing_outside_the_policy_is_asked_for_not_even_on_the_way(tmp_path: Path) -> None:
    names = {"in.example": [["127.0.0.1"]], "out.example": [["127.0.0.1"]]}
    with WebServer({"/outside": PAGE}) as outside:
        there = int(outside.url.rsplit(":", 1)[1])
        with WebServer({"/a": redirect(f"http://out.example:{there}/outside"), "/b": PAGE}) as web:
            here = int(web.url.rsplit(":", 1)[1])
            reach = {"allow_private_hosts": ("127.0.0.0/8",), "allow_ports": (here, there)}
            resolver = ScriptedResolver(names)
            async with opened(tmp_path, resolver=resolver, obey_robots=True, **reach) as fetcher:
                policy = SourcePolicy(include_domains=("in.example",))
                with pytest.raises(FetchRefused, match=r"out\.example.*outside the domains.*redirects there"):
                    await fetcher.fetch(f"http://in.example:{here}/a", policy=policy)
                with pytest.raises(FetchRefused, match="outside the domains"):
                    await fetcher.fetch(f"http://out.example:{here}/b", policy=policy)
                assert (await fetcher.fetch(f"http://in.example:{here}/b", policy=policy)).title == "The probe"
        assert (outside.requests, set(resolver.asked)) == ([], {"in.example"})


HOSTS = ("a.example", "b.example", "c.example", "sub.a.example")


@given(
    hops=st.lists(st.sampled_from(HOSTS), min_size=1, max_size=5),
    robots_to=st.sampled_from([None, *HOSTS]),
    include=st.lists(st.sampled_from(["a.example", "sub.a.example", "b.example", ".example"]), max_size=2),
    exclude=st.lists(st.sampled_from(["a.example", "c.example"]), max_size=2),
)
@settings(max_examples=40)
def test_whatever_redirects_where_no_host_outside_the_policy_is_ever_asked(
    tmp_path_factory: pytest.TempPathFactory, hops: list[str], robots_to: str | None, include: list[str], exclude: list[str]
) -> None:
    policy = SourcePolicy(include_domains=tuple(include), exclude_domains=tuple(exclude))
    hosts: set[str] = set()

    def port_of(request: HttpRequest) -> str:
        return request.headers["host"].rsplit(":", 1)[1]

    def page(number: int) -> Callable[[HttpRequest], str | Served]:
        def answer(request: HttpRequest) -> str | Served:
            hosts.add(request.headers["host"].rsplit(":", 1)[0])
            if number + 1 == len(hops):
                return PAGE
            return redirect(f"http://{hops[number + 1]}:{port_of(request)}/{number + 1}")

        return answer

    def robots(request: HttpRequest) -> str | Served:
        host = request.headers["host"].rsplit(":", 1)[0]
        hosts.add(host)
        return "" if robots_to in (None, host) else redirect(f"http://{robots_to}:{port_of(request)}/robots.txt")

    async def main() -> None:
        with WebServer({"/robots.txt": robots, **{f"/{number}": page(number) for number in range(len(hops))}}) as web:
            port = int(web.url.rsplit(":", 1)[1])
            resolver = ScriptedResolver({host: [["127.0.0.1"]] for host in HOSTS})
            reach = {"allow_private_hosts": ("127.0.0.0/8",), "allow_ports": (port,)}
            async with opened(tmp_path_factory.mktemp("web"), resolver=resolver, obey_robots=True, **reach) as fetcher:
                url = f"http://{hops[0]}:{port}/0"
                if all(policy.allows(f"http://{hop}/") for hop in hops):
                    await fetcher.fetch(url, policy=policy)
                else:
                    with pytest.raises(FetchRefused):
                        await fetcher.fetch(url, policy=policy)

    asyncio.run(main())
    assert all(policy.allows(f"http://{host}/") for host in hosts)


async def test_a_site_that_wants_a_cookie_before_it_shows_a_page_gets_it_and_nobody_elses(tmp_path: Path) -> None:
    def wall(request: HttpRequest) -> str | Served:
        if "seen=1" in request.headers.get("cookie", ""):
            return PAGE
        return Served(
            status=302, headers={"location": request.target, "set-cookie": "seen=1; Path=/", "cache-control": "max-age=600"}
        )

    with WebServer({"/a": wall, "/b": wall}) as web:
        async with opened(tmp_path) as fetcher:
            assert (await fetcher.fetch(f"{web.url}/a")).title == "The probe"
            assert (await fetcher.fetch(f"{web.url}/b")).title == "The probe"
        assert [(r.target, r.headers.get("cookie")) for r in web.requests] == [
            ("/a", None),
            ("/a", "seen=1"),
            ("/b", None),
            ("/b", "seen=1"),
        ]


async def test_a_page_that_answers_to_a_cookie_is_not_shared_with_a_fetch_that_has_another(tmp_path: Path) -> None:
    def enter(name: str) -> Served:
        return Served(status=302, headers={"location": "/page", "set-cookie": f"name={name}; Path=/"})

    def page(request: HttpRequest) -> Served:
        return Served(f"<h1>Hello {request.headers['cookie']}</h1><p>Welcome.", delay=0.2, headers={"cache-control": "no-store"})

    with WebServer({"/x": enter("x"), "/y": enter("y"), "/page": page}) as web:
        async with opened(tmp_path) as fetcher:
            pages = await asyncio.gather(*(fetcher.fetch(web.url + path) for path in ("/x", "/y")))
    assert [page.title for page in pages] == ["Hello name=x", "Hello name=y"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "without a login"),
        (402, "without payment"),
        (403, "lets no reader in"),
        (404, "no such page"),
        (410, "gone for good"),
        (451, "legal reasons"),
        (418, "that is no page"),
        (204, "nothing to read"),
        (206, "nothing partial was asked for"),
        (304, "nothing partial was asked for"),
        (302, "does not say where to"),
    ],
)
async def test_an_answer_that_is_no_page_says_what_it_is_and_is_not_asked_for_again(
    tmp_path: Path, status: int, words: str
) -> None:
    with WebServer({"/a": Served("<p>x</p>", status)}) as web:
        async with opened(tmp_path, retry_seconds=5.0) as fetcher:
            for _ in range(3):
                with pytest.raises(PageUnreadable, match=f"answered {status} .*{words}"):
                    await fetcher.fetch(f"{web.url}/a")
        assert len(web.requests) == 1


@pytest.mark.parametrize(
    "failure",
    [
        Served(status=500),
        Served(status=502),
        Served(status=408),
        Served(PAGE, ending="cut"),
        Served(PAGE, ending="cut", drip=0.001, piece=50),
        Served(ending="reset"),
        Served(raw=b"nonsense\r\n\r\n"),
        Served(gzip.compress(PAGE.encode())[:-9], headers={"content-encoding": "gzip"}),
    ],
)
async def test_what_may_succeed_later_is_tried_again(tmp_path: Path, failure: Served) -> None:
    with WebServer({"/a": [failure, failure, PAGE]}) as web:
        async with opened(tmp_path, retry_seconds=20.0, clock=Clock()) as fetcher:
            assert (await fetcher.fetch(f"{web.url}/a")).title == "The probe"
        assert len(web.requests) == 3


async def test_what_goes_on_failing_is_given_up_after_its_budget_and_shared_by_all_who_wait(tmp_path: Path) -> None:
    with WebServer({"/a": Served(status=500)}) as web:
        async with opened(tmp_path, retry_seconds=2.0, clock=Clock()) as fetcher:
            outcomes = await asyncio.gather(*(fetcher.fetch(f"{web.url}/a") for _ in range(30)), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {FetchFailed}
        assert re.search(r"answered 500 \(Internal Server Error\) \([23] tries\)\. It may succeed later\.", str(outcomes[0]))
        assert len(web.requests) in (2, 3)


async def test_no_request_is_sooner_than_a_retry_after_allows_whoever_sends_it(tmp_path: Path) -> None:
    clock = Clock(hold=True)
    with WebServer({"/a": [Served(status=429, headers={"retry-after": "60"}), PAGE], "/b": PAGE}) as web:
        async with opened(tmp_path, retry_seconds=100.0, clock=clock) as fetcher:
            first = asyncio.create_task(fetcher.fetch(f"{web.url}/a"))
            while not clock.waiting:  # noqa: ASYNC110 - until it is refused
                await asyncio.sleep(0.01)
            second = asyncio.create_task(fetcher.fetch(f"{web.url}/b"))
            for _ in range(59):
                clock.now += 1
                await asyncio.sleep(0.005)
            assert len(web.requests) == 1
            while not (first.done() and second.done()):
                clock.now += 1
                await asyncio.sleep(0.01)
            assert [(await each).title for each in (first, second)] == ["The probe", "The probe"]
        assert len(web.requests) == 3


async def test_a_pause_longer_than_our_patience_is_a_failure_that_says_when_to_come_back(tmp_path: Path) -> None:
    with WebServer({"/a": Served(status=503, headers={"retry-after": "3600"}), "/b": PAGE}) as web:
        async with opened(tmp_path, retry_seconds=5.0) as fetcher:
            with pytest.raises(
                FetchFailed, match=r"answered 503 \(Service Unavailable\)\. The server asks to come back at \d\d:\d\d:\d\d UTC"
            ):
                await fetcher.fetch(f"{web.url}/a")
            with pytest.raises(FetchFailed, match=r"is busy \(the server answered 503.*It may be asked again at"):
                await fetcher.fetch(f"{web.url}/b")
        assert len(web.requests) == 1


async def test_a_host_that_is_not_there_is_not_tried_by_every_row(tmp_path: Path) -> None:
    resolver = ScriptedResolver({})
    async with opened(tmp_path, resolver=resolver) as fetcher:
        for number in range(5):
            with pytest.raises(FetchFailed, match=r"nowhere\.example"):
                await fetcher.fetch(f"https://nowhere.example/{number}")
    assert resolver.asked == ["nowhere.example"]


@pytest.mark.parametrize(
    "url", ["http://[", "http://[::1", "not a url", "", "http://", "https://exa mple.com/", "ftp://a.example/"]
)
async def test_what_is_no_address_of_the_web_is_refused(tmp_path: Path, url: str) -> None:
    async with opened(tmp_path) as inner:
        for fetcher in (inner, StoringFetcher(inner, PageStore(tmp_path / "pages"))):
            with pytest.raises(FetchRefused):
                await fetcher.fetch(url)


async def test_a_certificate_that_is_not_valid_is_not_tried_again() -> None:
    tried = []

    def answer(request: httpx.Request) -> httpx.Response:
        tried.append(request)
        raise httpx.ConnectError("no") from ssl.SSLCertVerificationError(1, "certificate has expired")

    manners = Politeness(per_host=1, delay=0.0, at_once=1)
    asker = Asker(httpx.MockTransport(answer), manners, quick(retry_seconds=30.0), Network(Outages(), ScriptedResolver({})))
    with pytest.raises(PageUnreadable, match="certificate is not valid"):
        await asker.ask(asker.request("https://a.example/"), asker.new_budget())
    assert (len(tried), manners.closed_for("a.example")) == (1, 0.0)


async def test_equal_urls_in_flight_are_one_request_whatever_their_policies(tmp_path: Path) -> None:
    with WebServer({"/a": Served(PAGE, delay=0.2)}) as web:
        async with opened(tmp_path) as fetcher:
            policies = [None, SourcePolicy(exclude_domains=("a.example",)), SourcePolicy(exclude_domains=("b.example",))]
            pages = await asyncio.gather(*(fetcher.fetch(f"{web.url}/a", policy=policy) for policy in policies * 5))
        assert len({page.page_hash for page in pages}) == 1
        assert len(web.requests) == 1


async def test_one_who_gives_up_does_not_take_the_page_from_the_others(tmp_path: Path) -> None:
    with WebServer({"/a": Served(PAGE, delay=0.3)}) as web:
        async with opened(tmp_path) as fetcher:
            first, second = (asyncio.create_task(fetcher.fetch(f"{web.url}/a")) for _ in range(2))
            await asyncio.sleep(0.1)
            first.cancel()
            assert (await second).title == "The probe"
        assert len(web.requests) == 1


async def test_closing_while_pages_are_in_flight_ends_them_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with WebServer({"/a": Served(ending="silence")}) as web:
        async with opened(tmp_path, limits={"first_byte_seconds": 60, "idle_seconds": 60, "total_seconds": 60}) as fetcher:
            task = asyncio.create_task(fetcher.fetch(f"{web.url}/a"))
            while not web.requests:  # noqa: ASYNC110 - the server's thread sets no event of ours
                await asyncio.sleep(0.01)
        with pytest.raises((asyncio.CancelledError, ResearchError)):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
    assert [record.getMessage() for record in caplog.records if record.levelname != "DEBUG"] == []


async def test_a_page_that_sends_its_reader_on_by_itself_is_followed(tmp_path: Path) -> None:
    with WebServer(
        {"/a": '<html><head><meta http-equiv="refresh" content="0; url=/b"></head><body>Moved</body></html>', "/b": PAGE}
    ) as web:
        async with opened(tmp_path) as fetcher:
            assert (await fetcher.fetch(f"{web.url}/a")).final_url == f"{web.url}/b"


async def test_a_page_made_by_a_script_that_also_sends_its_reader_on_is_followed(tmp_path: Path) -> None:
    onward = '<meta http-equiv="refresh" content="0; url=/b">'
    shell = f'<html><head>{onward}<script src="/app.js"></script></head><body><div id="root"></div>'
    with WebServer({"/a": shell, "/b": PAGE}) as server:
        async with opened(tmp_path) as fetcher:
            assert (await fetcher.fetch(f"{server.url}/a")).final_url == f"{server.url}/b"


async def test_a_page_that_says_much_and_refreshes_itself_is_read_where_it_is(tmp_path: Path) -> None:
    page = PAGE.replace("<head>", '<head><meta http-equiv="refresh" content="3; url=/other">')
    with WebServer({"/a": page}) as web:
        async with opened(tmp_path) as fetcher:
            assert (await fetcher.fetch(f"{web.url}/a")).final_url == f"{web.url}/a"


@pytest.mark.parametrize(
    ("html", "target"),
    [
        ('<meta http-equiv="refresh" content="0; url=/b">', "https://a.example/b"),
        ("<META HTTP-EQUIV=Refresh CONTENT='5;URL=\"b?x=1&amp;y=2\"'>", "https://a.example/b?x=1&y=2"),
        ('<meta content="0,https://b.example/" http-equiv="refresh">', "https://b.example/"),
        ('<meta http-equiv="refresh" content=".5; url=/b">', "https://a.example/b"),
        ('<meta http-equiv="refresh" content="30; url=/b">', None),
        ('<meta http-equiv="refresh" content="0">', None),
        ('<meta http-equiv="refresh">', None),
        ('<noscript><meta http-equiv="refresh" content="0; url=/b"></noscript>', None),
        ('<!-- <meta http-equiv="refresh" content="0; url=/b"> -->', None),
        ('<script>x = \'<meta http-equiv="refresh" content="0; url=/b">\'</script>', None),
        ('<meta name="refresh" content="0; url=/b">', None),
        ("", None),
    ],
)
def test_where_a_page_sends_its_reader(html: str, target: str | None) -> None:
    assert refresh(html.encode(), "https://a.example/a") == target


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("b", "https://a.example/x/b"),
        ("/b c#d", "https://a.example/b%20c"),
        (" //b.example/\té\n ", "https://b.example/é"),
        ("?q=1", "https://a.example/x/a?q=1"),
        ("HTTPS://B.example", "https://B.example"),
    ],
)
def test_links_are_read_as_browsers_read_them(link: str, address: str) -> None:
    assert linked("https://a.example/x/a", link) == address


async def test_a_redirect_as_people_write_them_is_followed(tmp_path: Path) -> None:
    with WebServer({"/a": redirect("/the page?q=1 2#part"), "/the%20page": PAGE}) as web:
        async with opened(tmp_path) as fetcher:
            assert (await fetcher.fetch(f"{web.url}/a")).final_url == f"{web.url}/the%20page?q=1%202"


APP = """<html><head><title>Shop</title></head><body><div id="root"></div><script src="/app.js"></script>
<noscript>You need to enable JavaScript to run this app.</noscript></body></html>"""
SCRIPT = """fetch('/api/price.json').then(r => r.json()).then(d => {
  fetch('http://10.0.0.1/').catch(() => 0);
  const kettle = '<h1>Kettle</h1><p>This kettle costs ' + d.price + ' euros and boils water for tea.</p>';
  document.getElementById('root').innerHTML = kettle;
});"""


async def test_a_page_that_javascript_makes_is_told_to_need_a_browser(tmp_path: Path) -> None:
    with WebServer({"/": APP}) as web:
        async with opened(tmp_path) as fetcher:
            with pytest.raises(NeedsBrowser):
                await fetcher.fetch(f"{web.url}/")


@pytest.mark.skipif(not all((shutil.which("chromium"), find_spec("playwright"))), reason="no Chromium here")
async def test_a_browser_renders_such_a_page_and_asks_for_all_of_it_through_the_fetcher(tmp_path: Path) -> None:
    pages = {
        "/robots.txt": Served("User-agent: *\nDisallow: /private", media_type="text/plain"),
        "/": APP,
        "/app.js": Served(SCRIPT, media_type="text/javascript"),
        "/api/price.json": Served('{"price": 39}', media_type="application/json"),
    }
    with WebServer(pages) as web:
        async with opened(tmp_path, obey_robots=True, browser=True) as fetcher:
            page = await fetcher.fetch(f"{web.url}/", keep_html=True)
            assert fetcher.identity.endswith("/browser")
        assert sorted(asked(web)) == ["/", "/api/price.json", "/app.js", "/robots.txt"]
        assert {request.headers["user-agent"].split("/")[0] for request in web.requests} == {"research-flows"}
    assert "costs 39 euros" in page.text
    assert "costs 39 euros" in (page.html or "")


@given(st.binary(max_size=300) | st.text(alphabet="<>meta htpquivrfscon='\";0,url/[]-!", max_size=200).map(str.encode))
def test_any_bytes_send_their_reader_somewhere_or_nowhere(body: bytes) -> None:
    target = refresh(b'<meta http-equiv="refresh" content="0; url=' + body + b'">' + body, "https://a.example/")
    assert target is None or isinstance(target, str)


async def test_a_refusal_is_told_before_anything_is_looked_up_and_nothing_is_stored_here(tmp_path: Path) -> None:
    async with opened(tmp_path) as fetcher:
        assert isinstance(fetcher, Guarded)
        assert "allow_private_hosts" in (fetcher.refusal("http://10.0.0.1/") or "")
        assert fetcher.refusal("https://example.com/") is None
        with pytest.raises(PageUnreadable):
            fetcher.recall("0" * 64)
