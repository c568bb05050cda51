"""What fetching takes: memory over thousands of hostile answers, and requests for a table whose rows share pages.

    python tests/benchmarks/fetch_bench.py [--fetches 2000] [--rows 1000] [--pages 50]

The servers are on loopback and in this process, so their memory is in the figures, too.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import gzip
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from research.errors import ResearchError
from research.pages.page_store import PageStore, StoringFetcher
from research.testing import Served, WebServer, redirect
from research.testing.loopback import HttpRequest
from research.web.opening import open_web
from research.web.settings import WebLimits, WebSettings

WORDS = "The probe was sent to study the comet at close range, and it did so for two years. " * 40
PAGE = f"<html><head><title>The probe</title></head><body><h1>The probe</h1><p>{WORDS}</p></body></html>"
BOMB = gzip.compress(bytes(50_000_000))
LIMITS = WebLimits(
    first_byte_seconds=1.0,
    idle_seconds=1.0,
    total_seconds=3.0,
    pace_grace_seconds=0.5,
    max_bytes=2_000_000,
    max_decoded_bytes=4_000_000,
)
SETTINGS = WebSettings(allow_private_hosts=("127.0.0.1",), host_delay_seconds=0.0, per_host=16, at_once=16)
IMPATIENT = SETTINGS.model_copy(update={"retry_seconds": 0.0, "limits": LIMITS})
"""For a server that exceeds every limit: seconds instead of minutes for each."""


def hostile(request: HttpRequest) -> str | Served:
    """Another answer for each number, a page among them."""
    kind = int(request.query["n"]) % 16
    answers: dict[int, str | Served] = {
        0: Served("x" * 3000, drip=0.1, piece=1),
        1: Served("<p>word</p>" * 1000, endless=True),
        2: Served(BOMB, headers={"content-encoding": "gzip"}),
        3: redirect(request.target),
        4: redirect("http://10.0.0.1/"),
        5: Served(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\nx"),
        6: Served(PAGE.encode() + b"\xff\xfe\x80", media_type="text/html; charset=klingon"),
        7: Served(PAGE, ending="cut", drip=0.001, piece=500),
        8: Served(status=302, headers={"location": request.target, "set-cookie": f"c{len(request.headers.get('cookie', ''))}=1"}),
        9: Served(status=500),
        10: Served(ending="silence"),
        11: Served(ending="reset"),
        12: Served(raw=b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 300_000 + b"\r\n\r\n"),
        13: Served(b"\x89PNG" + bytes(900_000), media_type="image/png"),
        14: Served(status=404),
    }
    return answers.get(kind, PAGE.replace("two years", f"{request.query['n']} years"))


def resident() -> float:
    """MB that this process holds now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this benchmark reads /proc")


async def memory(fetches: int, folder: Path) -> None:
    print(f"memory over {fetches:,} fetches of a hostile server, 16 kinds of answers, 16 at once")
    outcomes: Counter[str] = Counter()
    with WebServer({"/h": hostile}) as web:
        async with open_web(IMPATIENT, folder) as fetcher:

            async def one(number: int) -> None:
                try:
                    await fetcher.fetch(f"{web.url}/h?n={number}")
                    outcomes["Page"] += 1
                except ResearchError as error:
                    outcomes[type(error).__name__] += 1

            sizes: list[float] = []
            slowest = 0.0
            for start in range(0, fetches + 400, 200):
                began = time.monotonic()
                await asyncio.gather(*(one(number) for number in range(start, start + 200)))
                slowest = max(slowest, time.monotonic() - began)
                web.requests.clear()
                gc.collect()
                sizes.append(resident())
                print(f"  {start + 200:6,} fetches  {sizes[-1]:7.1f} MB{'  (warm-up)' if start < 400 else ''}")
    print(f"  outcomes {dict(outcomes)}; the slowest 200 took {slowest:.1f} s")
    print(f"  after warm-up {sizes[1]:.1f} MB, at the end {sizes[-1]:.1f} MB: {sizes[-1] - sizes[1]:+.1f} MB")


async def shared(rows: int, pages: int, folder: Path) -> None:
    print(f"{rows:,} rows that read {pages} pages among them, 5 each; then the same again")
    kinds = [{}, {"cache-control": "no-cache"}, {"cache-control": "max-age=0"}, {"cache-control": "max-age=600"}]
    site: dict[str, str | Served] = {
        f"/{number}": Served(PAGE.replace("two", str(number)), etag=True, headers=kinds[number % 4]) for number in range(pages)
    }
    with WebServer({"/robots.txt": Served("User-agent: *\nAllow: /", media_type="text/plain"), **site}) as web:
        for run in (1, 2):
            web.requests.clear()
            began = time.monotonic()
            async with open_web(SETTINGS, folder) as inner:
                fetcher = StoringFetcher(inner, PageStore(folder / f"pages{run}"))

                async def row(number: int, fetcher: StoringFetcher = fetcher) -> None:
                    for step in range(5):
                        await fetcher.fetch(f"{web.url}/{(number * 7 + step) % pages}")

                await asyncio.gather(*(row(number) for number in range(rows)))
            asked = Counter(request.target for request in web.requests)
            conditional = sum("if-none-match" in r.headers or "if-modified-since" in r.headers for r in web.requests)
            print(
                f"  run {run}: {len(web.requests)} requests ({asked['/robots.txt']} for robots.txt), {conditional} of them "
                f"conditional, {len(web.requests) - conditional} plain; most for one address: {max(asked.values(), default=0)}; "
                f"{time.monotonic() - began:.1f} s"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fetches", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--pages", type=int, default=50)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.rows:
            asyncio.run(shared(given.rows, given.pages, Path(folder) / "shared"))
        if given.fetches:
            asyncio.run(memory(given.fetches, Path(folder) / "memory"))


if __name__ == "__main__":
    sys.exit(main())
