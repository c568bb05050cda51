"""The fetcher renders pages that JavaScript makes, where that is turned on, and fetches for them as politely as for itself."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from research.errors import FetchRefused, NeedsBrowser
from research.task.source_policy import SourcePolicy
from research.testing import WebServer
from research.testing.web_server import Served, redirect
from research.web.browser import NAMES
from tests.web.web_opened import PAGE, asked, opened

needs_chromium = pytest.mark.skipif(
    importlib.util.find_spec("playwright") is None or not any(map(shutil.which, NAMES)),
    reason="needs the `browser` extra and an installed Chromium",
)
SHELL = '<html><head><title>Lamps</title></head><body><div id="root"></div><script src="/app.js"></script></body></html>'
SCRIPT = """
for (const from of ['/api/lamp', '/private/price', '%(other)s/price']) fetch(from)
  .then((answer) => answer.ok ? answer.text() : '')
  .then((text) => { document.getElementById('root').innerHTML += text; }, () => {});
"""


def site(other: str = "") -> dict[str, str | Served]:
    return {
        "/": SHELL,
        "/app.js": Served(SCRIPT % {"other": other}, media_type="text/javascript"),
        "/api/lamp": redirect("/api/lamp/1"),
        "/api/lamp/1": "<p>Lamp X weighs 815 g.</p>",
        "/private/price": "<p>It costs 1 EUR.</p>",
        "/robots.txt": Served("User-agent: *\nDisallow: /private/", media_type="text/plain"),
        "/plain": PAGE,
    }


async def test_without_the_setting_a_page_of_javascript_says_what_it_needs(tmp_path: Path) -> None:
    with WebServer(site()) as web:
        async with opened(tmp_path) as fetcher:
            with pytest.raises(NeedsBrowser, match="browser"):
                await fetcher.fetch(f"{web.url}/")
        assert asked(web) == ["/"]


@needs_chromium
async def test_with_it_the_page_is_rendered_from_what_robots_and_guard_let_through(tmp_path: Path) -> None:
    with WebServer({"/price": "<p>It costs 2 EUR.</p>"}) as inside, WebServer(site(inside.url)) as web:
        here = web.url.removeprefix("http://")
        async with opened(tmp_path, browser=True, obey_robots=True, allow_private_hosts=(here,)) as fetcher:
            page = await fetcher.fetch(f"{web.url}/#top", keep_html=True)
            assert fetcher.identity.endswith("/browser")
        assert inside.requests == []
        assert "/private/price" not in asked(web)
    assert "Lamp X weighs 815 g." in page.text
    assert "EUR" not in page.text
    assert (page.url, page.final_url, page.title) == (f"http://{here}/#top", f"http://{here}/", "Lamps")
    assert page.html is not None
    assert "815 g" in page.html


@needs_chromium
async def test_what_a_page_loads_is_held_to_the_source_policy(tmp_path: Path) -> None:
    with (
        WebServer({"/price": "<p>It costs 2 EUR.</p>"}) as other,
        WebServer(site(other.url.replace("127.0.0.1", "localhost"))) as web,
    ):
        policy = SourcePolicy(include_domains=["127.0.0.1"])
        async with opened(tmp_path, browser=True, allow_private_hosts=("127.0.0.1", "localhost")) as fetcher:
            page = await fetcher.fetch(f"{web.url}/", policy=policy)
            with pytest.raises(FetchRefused):
                await fetcher.fetch(f"{other.url.replace('127.0.0.1', 'localhost')}/price", policy=policy)
        assert other.requests == []
    assert "Lamp X" in page.text


@needs_chromium
async def test_a_page_that_needs_no_browser_starts_none(tmp_path: Path) -> None:
    with WebServer(site()) as web:
        async with opened(tmp_path, browser=True) as fetcher:
            assert "probe" in (await fetcher.fetch(f"{web.url}/plain")).text
        assert asked(web) == ["/plain"]
