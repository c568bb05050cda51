"""The evidence of some rows, as the sheet loads it when one of their cells is opened: excerpts inside their pages' text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from research.ports.page import Page
from research.tables.report_page.sheet_rows import SheetRow

CONTEXT: Final = 600
"""Characters of the page that are kept before and after an excerpt."""

FindPage = Callable[[str], Page | None]
Span = tuple[int, int]


def evidence_of(rows: Sequence[SheetRow], find_page: FindPage) -> dict[str, Any]:
    """What the sheet shows beside the cells of some rows. Places are code points, as in the run folder.

    Args:
        find_page: a page by its hash; None if it is not stored.
    """
    spans: dict[str, list[Span]] = {}
    for row in rows:
        for cell in row.cells:
            for line in cell.lines:
                if line["page_hash"] and line["start"] is not None:
                    spans.setdefault(line["page_hash"], []).append((line["start"], line["end"]))
    numbers = {page_hash: number for number, page_hash in enumerate(spans)}
    return {
        "pages": [_page(page_hash, spans[page_hash], find_page(page_hash)) for page_hash in spans],
        "rows": {str(row.index): _row(row, numbers) for row in rows},
    }


def _page(page_hash: str, spans: Sequence[Span], page: Page | None) -> dict[str, Any]:
    text = page.text if page is not None else ""
    pieces = [{"at": start, "text": text[start:end]} for start, end in windows(spans, len(text))]
    about = {"id": page_id(page_hash), "size": len(text), "pieces": pieces}
    if page is None:
        return about
    known = {"published": page.published, "fetched": page.fetched_at.date().isoformat()}
    return {**about, "url": page.url, "title": page.title, **{name: value for name, value in known.items() if value}}


def page_id(page_hash: str) -> str:
    """What a page is called in the sheet."""
    return page_hash[:16]


def windows(spans: Sequence[Span], size: int) -> list[Span]:
    """The parts of a page around some excerpts, each with its context; what overlaps is one."""
    joined: list[Span] = []
    for start, end in sorted((max(start - CONTEXT, 0), min(end + CONTEXT, size)) for start, end in spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif start < end:
            joined.append((start, end))
    return joined


def _row(row: SheetRow, numbers: dict[str, int]) -> dict[str, Any]:
    run, used = row.run, row.usage
    warned = {(each["field"], each["text"]) for each in run.get("field_warnings") or ()}
    about = {
        "cells": [_cell(row, place, numbers) for place in range(len(row.cells))],
        "report": row.report,
        "warnings": [text for text in run.get("warnings") or () if text not in {text for _, text in warned}],
        "fieldWarnings": [list(each) for each in sorted(warned)],
        "completedAt": run["completed_at"].isoformat() if run.get("completed_at") else None,
        **{name: run.get(name) for name in ("error", "model", "tiers", "processor")},
        **{name: used.get(name) for name in ("seconds", "tool_calls", "pages_fetched", "search_queries")},
        **{name: used.get(f"tokens_{name}") for name in ("input", "output")},
    }
    return {name: value for name, value in about.items() if value not in (None, [], "")}


def _cell(row: SheetRow, place: int, numbers: dict[str, int]) -> dict[str, Any]:
    cell = row.cells[place]
    citations = [_citation(row, line, numbers) for line in cell.lines if line["url"] is not None]
    return {key: value for key, value in {"why": cell.reasoning, "cites": citations}.items() if value}


def _citation(row: SheetRow, line: dict[str, Any], numbers: dict[str, int]) -> dict[str, Any]:
    facts = row.sources.get(line["url"])
    shown = {
        "path": line["field"],
        "url": line["url"],
        "title": line["title"],
        "support": line["support"],
        "page": numbers.get(line["page_hash"]),
        "start": line["start"],
        "end": line["end"],
        "excerpt": line["excerpt"],
        "kind": facts.kind if facts else None,
        "suspected": facts.suspected_injection if facts else None,
    }
    return {name: value for name, value in shown.items() if value is not None}
