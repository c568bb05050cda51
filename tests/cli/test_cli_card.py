"""The card that `research run` prints."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from rich.console import Console

from flows.cli.run import card
from research.money.usage import Usage
from research.result.result import Result, Source

NOW = datetime.now(UTC)


def footer(searches: int, fetched: int, read: list[str]) -> str:
    sources = [
        Source(index=place, url=url, title="", domain="x", fetched=NOW if url in read else None, read=url in read)
        for place, url in enumerate([*read, "corpus://only-considered.md"], start=1)
    ]
    usage = Usage(search_queries=searches, pages_fetched=fetched)
    about = {"task_id": "t", "task": "Who?", "processor": "core", "model": "extractive", "status": "completed", "cost_usd": 0.0}
    screen = io.StringIO()
    Console(file=screen, width=120).print(card(Result(**about, output={}, usage=usage, sources_detailed=sources)))
    return screen.getvalue()


def test_pages_are_counted_once_however_many_sub_queries_read_them() -> None:
    pages = [f"corpus://{name}.md" for name in "abcd"]
    assert "3 searches · 4 pages · " in footer(3, 7, pages)


def test_one_search_and_one_page_are_no_plural() -> None:
    assert "1 search · 1 page · " in footer(1, 1, ["corpus://a.md"])
