"""A server that means harm, or does not know better: every fetch ends in a page or a typed error, inside its limits."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from pathlib import Path
from typing import Any

import pytest
from web_opened import IMPATIENT, PAGE, WORDS, asked, opened

from research.errors import FetchFailed, FetchRefused, PageUnreadable, ResearchError
from research.testing import Served, WebServer, redirect
from research.testing.loopback import HttpRequest

SECONDS = 60
"""That a fetch may take before the test is given up. Its own limits add up to less than five."""


def http(head: str, body: bytes = b"") -> Served:
    """An answer byte for byte."""
    return Served(raw=f"HTTP/1.1 {head}\r\n\r\n".replace("\n", "\r\n").replace("\r\r\n", "\r\n").encode("latin-1") + body)


def meta_refresh(to: str) -> str:
    return f'<html><head><meta http-equiv="refresh" content="0; url={to}"></head><body>wait</body></html>'


def cookie_wall_without_end(request: HttpRequest) -> Served:
    count = len(request.headers.get("cookie", "").split(";"))
    return Served(status=302, headers={"location": "/hostile", "set-cookie": f"c{count}={count}"})


def gzip_bomb(_: HttpRequest) -> Served:
    return Served(gzip.compress(bytes(80_000_000)), headers={"content-encoding": "gzip"})


def gzip_bomb_in_a_gzip_bomb(_: HttpRequest) -> Served:
    return Served(gzip.compress(gzip.compress(bytes(80_000_000))), headers={"content-encoding": "gzip, gzip"})


def deflate_bomb(_: HttpRequest) -> Served:
    return Served(zlib.compress(bytes(80_000_000)), headers={"content-encoding": "deflate"})


ENDS_IN_ERROR: dict[str, tuple[Any, type[ResearchError], str]] = {
    "slow drip": (Served("x" * 3000, drip=0.2, piece=1), FetchFailed, "bytes a second"),
    "slow drip of headers, as silence": (Served(PAGE, delay=30), FetchFailed, "sent nothing"),
    "a stall in the middle": (Served(PAGE, drip=20, piece=500), FetchFailed, "sent nothing"),
    "endless body": (Served("<p>word</p>" * 100, endless=True), PageUnreadable, "does not end after"),
    "endless body, dripped": (Served("<p>word</p>", endless=True, drip=0.01), FetchFailed, "did not arrive whole|bytes a second"),
    "gzip bomb": (gzip_bomb, PageUnreadable, "bomb|expands to more"),
    "gzip bomb in a gzip bomb": (gzip_bomb_in_a_gzip_bomb, PageUnreadable, "encoded as 'gzip, gzip'"),
    "deflate bomb": (deflate_bomb, PageUnreadable, "expands"),
    "brotli that nobody asked for": (
        Served(b"\x0b\x02\x80hi\x03", headers={"content-encoding": "br"}),
        PageUnreadable,
        "encoded",
    ),
    "gzip that is none": (Served(PAGE, headers={"content-encoding": "gzip"}), PageUnreadable, "not gzip"),
    "gzip that is cut": (
        Served(gzip.compress(PAGE.encode())[:-20], headers={"content-encoding": "gzip"}),
        FetchFailed,
        "in the middle of its gzip",
    ),
    "1 GB announced": (
        http("200 OK\ncontent-type: text/html\ncontent-length: 1000000000", b"<p>"),
        PageUnreadable,
        "announces 1,000.0 MB",
    ),
    "a length beyond all bounds": (
        http("200 OK\ncontent-length: 99999999999999999999", b"x"),
        (PageUnreadable, FetchFailed),
        ".",
    ),
    "a length that is no number": (http("200 OK\ncontent-length: many", b"x"), FetchFailed, "."),
    "a negative length": (http("200 OK\ncontent-length: -1", b"x"), FetchFailed, "."),
    "two lengths": (http("200 OK\ncontent-length: 5\ncontent-length: 500", b"hello"), FetchFailed, "."),
    "a length longer than the body": (
        http("200 OK\ncontent-type: text/html\ncontent-length: 5000", b"<p>hello"),
        FetchFailed,
        "broke",
    ),
    "cut body": (Served(PAGE, ending="cut"), FetchFailed, "broke"),
    "cut chunked body": (Served(PAGE, ending="cut", drip=0.001, piece=100), FetchFailed, "broke"),
    "chunks that are none": (http("200 OK\ntransfer-encoding: chunked", b"zzz\r\nhello\r\n"), FetchFailed, "not HTTP"),
    "reset": (Served(ending="reset"), FetchFailed, "."),
    "silence": (Served(ending="silence"), FetchFailed, "sent nothing"),
    "not HTTP": (Served(raw=b"SSH-2.0-OpenSSH_9.6\r\n"), FetchFailed, "not HTTP"),
    "nothing at all": (Served(raw=b""), FetchFailed, "."),
    "a flood of headers": (
        http("200 OK\n" + "\n".join(f"x-{n}: {'y' * 200}" for n in range(2000)), PAGE.encode()),
        FetchFailed,
        ".",
    ),
    "one endless header": (http("200 OK\nx: " + "y" * 500_000), FetchFailed, "."),
    "a status that is none": (http("999999 Huh"), FetchFailed, "."),
    "a redirect to itself": (redirect("/hostile"), PageUnreadable, "in a circle"),
    "a permanent redirect to itself": (redirect("/hostile", 301), PageUnreadable, "in a circle"),
    "a redirect without end": (
        lambda request: redirect(f"/hostile?{request.target}x"),
        PageUnreadable,
        "more than 5 redirects",
    ),
    "a redirect with an endless body": (
        Served("x" * 1000, 302, headers={"location": "/hostile"}, endless=True),
        PageUnreadable,
        "circle",
    ),
    "a redirect to a private address": (redirect("http://10.0.0.1/"), FetchRefused, "allow_private_hosts"),
    "a redirect to this machine by another name": (redirect("http://localhost:1/"), FetchRefused, "localhost"),
    "a redirect to the metadata of a cloud": (redirect("http://169.254.169.254/latest/"), FetchRefused, "169.254"),
    "a redirect to a file": (redirect("file:///etc/passwd"), FetchRefused, "only http"),
    "a redirect with a password": (redirect("http://user:secret@127.0.0.1/"), FetchRefused, "no credentials"),
    "a redirect of 20,000 characters": (redirect("/" + "x" * 20_000), (PageUnreadable, FetchFailed), "."),
    "a meta refresh to and fro": (
        lambda request: meta_refresh("/hostile" if request.query else "/hostile?back=1"),
        PageUnreadable,
        "in a circle",
    ),
    "a meta refresh without end": (
        lambda request: meta_refresh(f"/hostile?n={int(request.query.get('n', '0')) + 1}"),
        PageUnreadable,
        "more than 5 redirects",
    ),
    "a meta refresh to a private address": (meta_refresh("http://192.168.0.1/"), FetchRefused, "allow_private_hosts"),
    "a cookie wall without end": (cookie_wall_without_end, PageUnreadable, "redirects"),
    "429 for an hour": (Served(status=429, headers={"retry-after": "3600"}), FetchFailed, "come back at"),
    "429 until a day that never comes": (
        Served(status=429, headers={"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}),
        FetchFailed,
        "come back at",
    ),
    "503 with nonsense": (Served(status=503, headers={"retry-after": "soon"}), FetchFailed, "answered 503"),
    "304 without a condition": (Served(status=304), PageUnreadable, "answered 304"),
    "206 without a range": (Served(PAGE, 206), PageUnreadable, "answered 206"),
    "a picture": (Served(b"\x89PNG\r\n\x1a\n" + bytes(1000), media_type="image/png"), PageUnreadable, "a picture"),
    "a picture, endless, said to be a page": (
        Served(b"\x89PNG\r\n\x1a\n" + bytes(1016), media_type="text/html", endless=True),
        PageUnreadable,
        "a picture",
    ),
    "a film, endless": (Served(bytes(1000), media_type="video/mp4", endless=True), PageUnreadable, "a film"),
    "an archive": (Served(b"PK\x03\x04" + bytes(100), media_type="application/zip"), PageUnreadable, "an archive"),
    "an empty page": ("", PageUnreadable, "no text"),
    "a page of blanks": ("<html><body> \n </body></html>", PageUnreadable, "no text"),
}

ENDS_IN_A_PAGE: dict[str, tuple[Any, str]] = {
    "HTML served as bytes": (Served(PAGE, media_type="application/octet-stream"), "study the comet"),
    "HTML served as text": (Served(PAGE, media_type="text/plain"), "study the comet"),
    "HTML served without a type": (http(f"200 OK\ncontent-length: {len(PAGE)}", PAGE.encode()), "study the comet"),
    "a type that is nonsense": (Served(PAGE, media_type=";;;=//"), "study the comet"),
    "a charset that does not exist": (Served(PAGE, media_type="text/html; charset=klingon-8"), "study the comet"),
    "a charset that is no charset": (Served(PAGE, media_type="text/html; charset=zlib"), "study the comet"),
    "a charset that lies": (
        Served(PAGE.replace("comet", "Комета").encode("utf-8"), media_type="text/html; charset=iso-8859-1"),
        "study the Комета",
    ),
    "bytes that are in no charset": (
        Served(PAGE.encode() + b"\xff\xfe\x80\xff", media_type="text/html; charset=utf-8"),
        "the comet",
    ),
    "UTF-16 with its mark": (Served(PAGE.encode("utf-16"), media_type="text/html"), "study the comet"),
    "a body longer than its length": (
        http("200 OK\ncontent-type: text/plain\ncontent-length: 9", b"Nine byte" + b"x" * 99),
        "Nine byte",
    ),
    "a body without a length": (http("200 OK\ncontent-type: text/html", PAGE.encode()), "study the comet"),
    "HTTP/1.0": (Served(raw=b"HTTP/1.0 200 OK\r\ncontent-type: text/html\r\n\r\n" + PAGE.encode()), "study the comet"),
    "deflate": (Served(zlib.compress(PAGE.encode()), headers={"content-encoding": "deflate"}), "study the comet"),
    "gzip": (Served(PAGE, gzip=True), "study the comet"),
    "an error page that says 200": ("<h1>Error 404</h1><p>Sorry, this page is not to be found.</p>", "Sorry, this page"),
    "tags without end": ("<div>" * 20_000 + WORDS, "study the comet"),
    "a consent wall": ("<h1>Before you go on</h1><p>We and our 800 partners value your privacy.</p>", "800 partners"),
    "headers that are nonsense": (
        Served(
            PAGE,
            headers={"cache-control": 'max-age=,="', "date": "yesterday", "age": "-5", "etag": '"', "vary": ",,", "expires": "0"},
        ),
        "study the comet",
    ),
    "a meta refresh to itself": (meta_refresh("/hostile"), "wait"),
    "a cookie that is nonsense": (
        Served(PAGE, headers={"set-cookie": "=;;;==\x7f; Max-Age=x; Expires=never"}),
        "study the comet",
    ),
}


@pytest.mark.parametrize("name", ENDS_IN_ERROR)
async def test_what_cannot_be_had_ends_in_a_typed_error_inside_its_limits(tmp_path: Path, name: str) -> None:
    answer, kind, words = ENDS_IN_ERROR[name]
    with WebServer({"/hostile": answer}) as web:
        async with opened(tmp_path, limits=IMPATIENT) as fetcher:
            async with asyncio.timeout(SECONDS):
                with pytest.raises(kind, match=words) as caught:
                    await fetcher.fetch(f"{web.url}/hostile")
            assert "secret" not in str(caught.value)
            assert len(web.requests) <= 7


@pytest.mark.parametrize("name", ENDS_IN_A_PAGE)
async def test_what_can_be_read_all_the_same_ends_in_a_page(tmp_path: Path, name: str) -> None:
    answer, words = ENDS_IN_A_PAGE[name]
    with WebServer({"/hostile": answer}) as web:
        async with opened(tmp_path) as fetcher:
            assert words in (await fetcher.fetch(f"{web.url}/hostile")).text
        async with opened(tmp_path) as fetcher:
            assert words in (await fetcher.fetch(f"{web.url}/hostile")).text


async def test_a_pdf_served_as_text_is_read_as_a_pdf(tmp_path: Path, one_page_pdf: bytes) -> None:
    with WebServer(
        {"/a": Served(one_page_pdf, media_type="text/plain"), "/b.pdf": Served(one_page_pdf, media_type="binary/octet-stream")}
    ) as web:
        async with opened(tmp_path) as fetcher:
            for path in ("/a", "/b.pdf"):
                page = await fetcher.fetch(web.url + path)
                assert (page.media_type, "815 kg" in page.text) == ("application/pdf", True)


async def test_after_all_of_them_the_fetcher_still_works_and_holds_no_connection_back(tmp_path: Path) -> None:
    """One fetcher, all hostile answers at once, fewer places than answers: no place is lost."""
    pages = {f"/{number}": answer for number, (answer, *_) in enumerate(ENDS_IN_ERROR.values()) if "429" not in str(answer)}
    pages = {path: answer for path, answer in pages.items() if not (isinstance(answer, Served) and answer.status in (429, 503))}
    with WebServer({**pages, "/good": PAGE}) as web:
        async with opened(tmp_path, limits=IMPATIENT, per_host=4, at_once=4) as fetcher:
            outcomes = await asyncio.gather(*(fetcher.fetch(web.url + path) for path in pages), return_exceptions=True)
            assert all(isinstance(outcome, ResearchError) for outcome in outcomes), outcomes
            pages_again = await asyncio.gather(*(fetcher.fetch(f"{web.url}/good?{n}") for n in range(12)))
            assert {page.title for page in pages_again} == {"The probe"}
        assert len(asked(web)) >= len(pages) + 12
