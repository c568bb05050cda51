"""What a robots.txt allows, and how it is asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_opened import IMPATIENT, PAGE, asked, opened

from research.errors import FetchFailed, FetchRefused
from research.task.source_policy import SourcePolicy
from research.testing import ScriptedResolver, Served, WebServer, redirect
from research.web.robots import RobotsRules

SITE = "https://example.com"


@pytest.mark.parametrize(
    ("robots", "path", "allowed"),
    [
        ("User-agent: *\nDisallow: /private", "/private/1", False),
        ("User-agent: *\nDisallow: /private", "/public", True),
        ("User-agent: research-flows\nDisallow: /\n\nUser-agent: *\nAllow: /", "/a", False),
        ("User-agent: Research-Flows/2.0 (the robot)\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow: /\nUser-agent: research-flows\nAllow: /", "/a", True),
        ("User-agent: research\nDisallow: /", "/a", True),  # the beginning of our name is another robot
        ("User-agent: research-flows-images\nDisallow: /", "/a", True),
        ("User-agent: research-flows\nSomething: else\nUser-agent: other\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow: /p\nAllow: /page", "/page", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf?x=1", True),
        ("\ufeffUser-agent: *\nDisallow: /", "/a", False),
        ("user agent : *\ndisalow: /", "/a", False),
        ("User-agent: *\nDisallow:", "/a", True),
        ("<html>not found</html>", "/a", True),
        ("", "/a", True),
        ("User-agent: *\nDisallow: /", "/robots.txt", True),
    ],
)
def test_the_rules_for_us_are_found_and_applied(robots: str, path: str, allowed: bool) -> None:
    assert RobotsRules(robots).allows(SITE + path) is allowed


@pytest.mark.parametrize(
    ("robots", "seconds"),
    [
        ("User-agent: *\nCrawl-delay: 2.5", 2.5),
        ("User-agent: other\nCrawl-delay: 2.5", 0.0),
        ("User-agent: *\nRequest-rate: 1/10s", 10.0),
        ("User-agent: *\nCrawl-delay: nan", 0.0),
    ],
)
def test_a_crawl_delay_is_read(robots: str, seconds: float) -> None:
    assert RobotsRules(robots).crawl_delay == seconds


LINES = st.sampled_from(
    ["User-agent: *", "User-agent: research-flows", "Disallow: /", "Allow: /a", "Crawl-delay: 1", "", "#", ":", "x"]
)


@given(st.lists(LINES | st.text(max_size=30), max_size=30).map("\n".join), st.text(max_size=20))
def test_any_file_can_be_read_and_says_yes_or_no(robots: str, path: str) -> None:
    rules = RobotsRules(robots)
    assert rules.allows(f"{SITE}/{path}") in (True, False)
    assert rules.crawl_delay >= 0


async def test_a_page_that_robots_txt_forbids_is_never_asked_for_and_the_setting_is_named(tmp_path: Path) -> None:
    robots = Served("User-agent: *\nDisallow: /private", media_type="text/plain")
    with WebServer({"/robots.txt": robots, "/private": PAGE, "/open": PAGE}) as web:
        async with opened(tmp_path, obey_robots=True) as fetcher:
            with pytest.raises(FetchRefused, match=r"/robots\.txt forbids it to research-flows.*obey_robots"):
                await fetcher.fetch(f"{web.url}/private")
            assert (await fetcher.fetch(f"{web.url}/open")).title == "The probe"
        assert asked(web) == ["/robots.txt", "/open"]


async def test_robots_txt_can_be_left_unasked(tmp_path: Path) -> None:
    with WebServer({"/robots.txt": "User-agent: *\nDisallow: /", "/private": PAGE}) as web:
        async with opened(tmp_path, obey_robots=False) as fetcher:
            await fetcher.fetch(f"{web.url}/private")
        assert asked(web) == ["/private"]


async def test_a_redirect_to_a_forbidden_page_is_not_followed(tmp_path: Path) -> None:
    with WebServer({"/robots.txt": "User-agent: *\nDisallow: /private", "/a": redirect("/private"), "/private": PAGE}) as web:
        async with opened(tmp_path, obey_robots=True) as fetcher:
            with pytest.raises(FetchRefused, match="forbids it"):
                await fetcher.fetch(f"{web.url}/a")
        assert asked(web) == ["/robots.txt", "/a"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_site_without_a_robots_txt_allows_everything(tmp_path: Path, status: int) -> None:
    with WebServer({"/robots.txt": Served("User-agent: *\nDisallow: /", status), "/a": PAGE}) as web:
        async with opened(tmp_path, obey_robots=True) as fetcher:
            assert (await fetcher.fetch(f"{web.url}/a")).title == "The probe"


@pytest.mark.parametrize(
    "broken", [Served(status=500), Served(status=503), Served(status=429), Served(ending="reset"), Served(ending="silence")]
)
async def test_a_site_whose_robots_txt_cannot_be_had_is_left_alone_for_now(tmp_path: Path, broken: Served) -> None:
    with WebServer({"/robots.txt": broken, "/a": PAGE}) as web:
        async with opened(tmp_path, obey_robots=True, limits=IMPATIENT) as fetcher:
            for _ in range(3):
                with pytest.raises(FetchFailed, match=r"not read for now, because its robots\.txt cannot be had"):
                    await fetcher.fetch(f"{web.url}/a")
        assert asked(web) == ["/robots.txt"]


async def test_redirects_of_a_robots_txt_are_followed(tmp_path: Path) -> None:
    pages = {"/robots.txt": redirect("/r2"), "/r2": redirect("/r3", 301), "/r3": "User-agent: *\nDisallow: /", "/a": PAGE}
    with WebServer(pages) as web:
        async with opened(tmp_path, obey_robots=True) as fetcher:
            with pytest.raises(FetchRefused, match="forbids it"):
                await fetcher.fetch(f"{web.url}/a")


async def test_a_robots_txt_that_redirects_in_a_circle_forbids_nothing(tmp_path: Path) -> None:
    with WebServer({"/robots.txt": redirect("/robots.txt"), "/a": PAGE}) as web:
        async with opened(tmp_path, obey_robots=True) as fetcher:
            await fetcher.fetch(f"{web.url}/a")
        assert len(web.requests) <= 7


async def test_not_even_a_robots_txt_leads_outside_the_source_policy(tmp_path: Path) -> None:
    resolver = ScriptedResolver({"a.example": [["127.0.0.1"]], "b.example": [["127.0.0.1"]]})
    with WebServer({}) as elsewhere:
        port = int(elsewhere.url.rsplit(":", 1)[1])
        with WebServer({"/robots.txt": redirect(f"http://b.example:{port}/robots.txt"), "/a": PAGE}) as web:
            here = int(web.url.rsplit(":", 1)[1])
            reach = {"allow_private_hosts": ("127.0.0.0/8",), "allow_ports": (here, port)}
            async with opened(tmp_path, resolver=resolver, obey_robots=True, **reach) as fetcher:
                policy = SourcePolicy(include_domains=("a.example",))
                assert (await fetcher.fetch(f"http://a.example:{here}/a", policy=policy)).title == "The probe"
                assert (resolver.asked, asked(elsewhere)) == (["a.example"], [])
                await fetcher.fetch(f"http://a.example:{here}/a")  # who has no policy may be led anywhere
        assert asked(elsewhere) == ["/robots.txt"]


async def test_only_the_beginning_of_an_endless_robots_txt_is_read(tmp_path: Path) -> None:
    robots = Served("User-agent: *\nDisallow: /private\n" + "#" * 1000 + "\n", endless=True, media_type="text/plain")
    with WebServer({"/robots.txt": robots, "/a": PAGE, "/private": PAGE}) as web:
        async with opened(
            tmp_path, obey_robots=True, limits={"max_bytes": 10_000_000, "max_decoded_bytes": 10_000_000}
        ) as fetcher:
            assert (await fetcher.fetch(f"{web.url}/a")).title == "The probe"
            with pytest.raises(FetchRefused):
                await fetcher.fetch(f"{web.url}/private")


async def test_many_pages_of_a_site_ask_for_its_robots_txt_once(tmp_path: Path) -> None:
    with WebServer({"/robots.txt": Served("", delay=0.1), **{f"/{n}": PAGE for n in range(20)}}) as web:
        async with opened(tmp_path, obey_robots=True) as fetcher:
            await asyncio.gather(*(fetcher.fetch(f"{web.url}/{n}") for n in range(20)))
        assert asked(web).count("/robots.txt") == 1
        assert len(web.requests) == 21
