"""No network is nobody's trouble but the network's: fetches wait together. A host that is not there is its page's alone."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from web_opened import PAGE, quick

from research.concurrency.outages import Notice, Outages, OutageTimes, ServicePaused, ServiceResumed, counted_as
from research.errors import FetchFailed, ServiceUnavailable
from research.ports.page import Page
from research.testing import WebServer
from research.web.fetcher import WebFetcher
from research.web.network import WITNESS
from research.web.opening import open_web

HASTE = 40
"""A second of these tests' clock is so many of ours."""


def clock() -> float:
    return time.monotonic() * HASTE


async def sleep(seconds: float) -> None:
    await asyncio.sleep(seconds / HASTE)


class NameService:
    """Knows every name that begins with `here`, and the witness, while it is up."""

    def __init__(self, *, up: bool) -> None:
        self.up = up

    async def resolve(self, host: str) -> Sequence[str]:
        if self.up and (host == WITNESS or host.startswith("here")):
            return ["127.0.0.1"]
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


async def fetch_all(folder: Path, hosts: list[str], names: NameService, patience: float, up_after: float | None = None):
    """What each fetch came to, and what was announced."""
    notices: list[Notice] = []
    outages = Outages(OutageTimes(patience=patience), clock=clock, sleep=sleep)
    outages.listener = notices.append

    async def fetch(fetcher: WebFetcher, host: str, port: int) -> Page:
        with counted_as(host):
            return await fetcher.fetch(f"http://{host}:{port}/")

    async def restore() -> None:
        if up_after is not None:
            await sleep(up_after)
            names.up = True

    with WebServer({"/": PAGE}) as web:
        port = int(web.url.rsplit(":", 1)[1])
        settings = quick(retry_seconds=30.0, allow_ports=(port,))
        async with open_web(settings, folder, resolver=names, outages=outages, clock=clock, sleep=sleep) as fetcher:
            running = [asyncio.create_task(fetch(fetcher, host, port)) for host in hosts]
            await restore()
            return await asyncio.gather(*running, return_exceptions=True), notices


async def test_without_a_network_fetches_wait_and_all_arrive_once_it_is_back(tmp_path: Path) -> None:
    hosts = [f"here{number}.example" for number in range(8)]
    pages, notices = await fetch_all(tmp_path, hosts, NameService(up=False), patience=600, up_after=30)
    assert [page.title for page in pages] == ["The probe"] * 8, pages
    assert isinstance(notices[0], ServicePaused)
    assert notices[0].service == "the web"
    assert "no host could be connected to" in notices[0].why
    assert isinstance(notices[-1], ServiceResumed)


async def test_a_network_that_does_not_come_back_interrupts_when_patience_ends(tmp_path: Path) -> None:
    hosts = [f"here{number}.example" for number in range(8)]
    ended, notices = await fetch_all(tmp_path, hosts, NameService(up=False), patience=20)
    assert {type(each) for each in ended} == {ServiceUnavailable}
    assert max(each.waiting for each in notices if isinstance(each, ServicePaused)) == 8


async def test_names_that_do_not_exist_are_their_pages_trouble_however_many_they_are(tmp_path: Path) -> None:
    """A table of companies that are gone is no outage: the name service answers for a name that exists."""
    hosts = [f"gone{number}.example" for number in range(12)]
    ended, notices = await fetch_all(tmp_path, hosts, NameService(up=True), patience=600)
    assert {type(each) for each in ended} == {FetchFailed}
    assert notices == []


@pytest.mark.parametrize("count", [5, 12])
async def test_machines_that_refuse_connections_are_there(tmp_path: Path, count: int) -> None:
    outages = Outages(OutageTimes(patience=60), clock=clock, sleep=sleep)
    ports = []
    for _ in range(count):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            ports.append(listener.getsockname()[1])
    settings = quick(retry_seconds=20.0)
    async with open_web(settings, tmp_path, outages=outages, clock=clock, sleep=sleep) as fetcher:
        fetches = (fetcher.fetch(f"http://127.0.0.1:{port}/") for port in ports)
        ended = await asyncio.gather(*fetches, return_exceptions=True)
    assert {type(each) for each in ended} == {FetchFailed}
