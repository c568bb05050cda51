"""The small web serves what a fetcher must stand: codes, redirects, gzip, drips, resets."""

from __future__ import annotations

import httpx
import pytest

from research.testing import Served, WebServer, redirect


def test_pages_are_served_by_path_and_query():
    """A page by its path, or by path and query; 404 for what is not there."""
    with WebServer({"/a": "plain", "/a?page=2": b"two", "/who": lambda request: request.headers["user-agent"]}) as web:
        assert [httpx.get(web.url + path).text for path in ("/a", "/a?page=1", "/a?page=2")] == ["plain", "plain", "two"]
        assert httpx.get(f"{web.url}/who", headers={"user-agent": "me"}).text == "me"
        assert httpx.get(f"{web.url}/b").status_code == 404
        assert [request.target for request in web.requests][:3] == ["/a", "/a?page=1", "/a?page=2"]


def test_a_script_goes_on_with_its_last_answer():
    """Fails once, then works for ever."""
    with WebServer({"/": [Served(status=503), "up"]}) as web:
        assert [httpx.get(web.url).status_code for _ in range(3)] == [503, 200, 200]


def test_head_and_304_have_no_body():
    """HEAD tells the length; a client with the ETag is told that nothing changed; the connection lives on."""
    with WebServer({"/": Served("hello", etag=True)}) as web, httpx.Client(base_url=web.url) as client:
        head = client.head("/")
        assert (head.headers["content-length"], head.content) == ("5", b"")
        again = client.get("/", headers={"if-none-match": head.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get("/").text == "hello"


def test_redirects_may_loop_or_leave():
    """Where a location points is the client's business: the server sends what it is told."""
    with WebServer({"/loop": redirect("/loop"), "/out": redirect("http://169.254.169.254/latest", 307)}) as web:
        with pytest.raises(httpx.TooManyRedirects):
            httpx.get(f"{web.url}/loop", follow_redirects=True)
        assert httpx.get(f"{web.url}/out").headers["location"] == "http://169.254.169.254/latest"


def test_a_drip_comes_piece_by_piece_and_whole():
    """Gzip or not. The first piece is there while the second is an hour away."""
    pages = {
        "/hour": Served("x" * 50, drip=3600, piece=10),
        "/": Served("x" * 50, drip=0.002, piece=10),
        "/z": Served("x" * 5000, drip=0.002, piece=10, gzip=True),
    }
    with WebServer(pages) as web:
        with httpx.stream("GET", f"{web.url}/hour") as answer:
            assert next(answer.iter_raw()) == b"x" * 10
        assert httpx.get(web.url).text == "x" * 50
        assert httpx.get(f"{web.url}/z").text == "x" * 5000


@pytest.mark.parametrize(
    ("ending", "error"), [("cut", httpx.RemoteProtocolError), ("reset", httpx.ReadError), ("silence", httpx.ReadTimeout)]
)
def test_answers_can_end_badly(ending, error):
    """Half a body, a reset, or nothing at all."""
    with WebServer({"/": Served("x" * 1000, ending=ending)}) as web, pytest.raises(error):
        httpx.get(web.url, timeout=0.5)


def test_a_page_that_fails_is_the_tests_fault():
    """A bug in a page's function is a 500 for the client, and raised on leaving."""
    web = WebServer({"/": lambda request: {}["missing"]}).start()
    assert httpx.get(web.url).status_code == 500
    with pytest.raises(KeyError, match="missing"):
        web.__exit__(None, None, None)


def test_a_body_without_end_is_only_made_as_fast_as_it_is_taken():
    """Megabytes are read, then the client hangs up; the server lives on."""
    with WebServer({"/": Served("word " * 200, endless=True), "/after": "still here"}) as web:
        with httpx.stream("GET", web.url) as response:
            read = 0
            for chunk in response.iter_raw():
                read += len(chunk)
                if read > 3_000_000:
                    break
        assert httpx.get(f"{web.url}/after").text == "still here"


def test_what_is_not_http_is_sent_as_it_is():
    """Byte for byte, and then the connection closes."""
    lies = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\nabc"
    with WebServer({"/nonsense": Served(raw=b"hello\r\n\r\n"), "/lies": Served(raw=lies)}) as web:
        for path in ("/nonsense", "/lies"):
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.get(web.url + path)
