"""Writes the review sheet of a run: one HTML file that needs no network and no other file."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from html import escape
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeVar

from research.errors import PageUnreadable
from research.ports.page import Page
from research.tables.layout.cell_text import is_json
from research.tables.layout.durable import flush, temporary
from research.tables.layout.made_tables import CHANGES, read_made
from research.tables.layout.reviews import latest, read_reviews
from research.tables.report_page.assets import asset, policy, script, style
from research.tables.report_page.chunks import chunk
from research.tables.report_page.evidence import evidence_of, page_id
from research.tables.report_page.grid_block import grid_block
from research.tables.report_page.sheet_rows import KINDS, SheetRow, sheet_rows
from research.tables.run_folder.request import label_columns
from research.tables.run_folder.run_folder import RunFolder
from research.tables.run_folder.run_lock import now
from research.tables.run_folder.run_pages import RunPages

EmbedPages = Literal["cited", "all"]
"""`cited`: what stands around the excerpts. `all`: the whole text of every page that a cell cites."""
_Item = TypeVar("_Item")
FILE: Final = "report.html"
_ROWS_A_BLOCK: Final = 1_000
"""Rows of the table that are packed together."""
_ROWS_AN_EVIDENCE: Final = 25
"""Rows whose evidence is unpacked together, when a cell of one of them is opened."""


def write_report(run: RunFolder, out: Path | None = None, *, embed_pages: EmbedPages = "cited") -> Path:
    """Write the sheet of a run; one that still goes on has the rows that are committed. An earlier file is replaced in one step.

    Args:
        out: where to; default `report.html` in the run folder.

    Returns: the file.
    """
    target = out or run.path / FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    made = temporary(target)
    try:
        with made.open("w", encoding="utf-8", newline="\n") as file, tempfile.TemporaryFile("w+", encoding="utf-8") as later:
            _write(run, file, later, embed_pages)
        flush(made)
        made.replace(target)
    finally:
        made.unlink(missing_ok=True)
    return target


def _write(run: RunFolder, file: IO[str], later: IO[str], embed_pages: EmbedPages) -> None:
    """The table's rows come first, then what runs, then the evidence: the table is there before the file is read to its end."""
    nonce, script_text, style_text = secrets.token_urlsafe(16), script(), style()
    name = run.path.resolve().name
    head = asset("sheet.html").split("<!-- data -->")
    parts = {
        "title": escape(f"{name}: review"),
        "policy": escape(policy(script_text, style_text, nonce)),
        "style": style_text,
        "nonce": nonce,
    }
    file.write(_filled(head[0], parts))
    pages = RunPages(run)
    blocks = rows = 0
    embedded: set[str] = set()
    for block in _batched(sheet_rows(run), _ROWS_A_BLOCK):
        file.write(chunk(f"rows-{blocks}", grid_block(block, len(run.columns.outputs))))
        blocks += 1
        for few in _batched(block, _ROWS_AN_EVIDENCE):
            later.write(chunk(f"evidence-{rows // _ROWS_AN_EVIDENCE}", evidence_of(few, lambda key: _find(pages, key))))
            rows += len(few)
        if embed_pages == "all":
            later.writelines(_whole_pages(block, pages, embedded))
    file.write(chunk("about", {**_about(run), "name": name, "blocks": blocks, "rows": rows, "pages": embed_pages}))
    file.write(f"<script>{script_text}</script>\n")
    later.seek(0)
    shutil.copyfileobj(later, file, 1 << 20)
    file.write(head[1])


def _batched(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    left = iter(items)
    while few := list(islice(left, size)):
        yield few


def _filled(template: str, parts: dict[str, str]) -> str:
    for name, text in parts.items():
        template = template.replace("{{" + name + "}}", text)
    return template


def _find(pages: RunPages, page_hash: str) -> Page | None:
    try:
        return pages.get(page_hash)
    except PageUnreadable:
        return None


def _whole_pages(rows: list[SheetRow], pages: RunPages, embedded: set[str]) -> Iterator[str]:
    for row in rows:
        for line in (line for cell in row.cells for line in cell.lines if line["page_hash"]):
            page_hash = line["page_hash"]
            if page_hash not in embedded:
                embedded.add(page_hash)
                if (page := _find(pages, page_hash)) is not None:
                    yield chunk(f"page-{page_id(page_hash)}", page.text)


def _about(run: RunFolder) -> dict[str, Any]:
    """What the sheet says of the run, and what it has to know of its columns."""
    columns, request = run.columns, run.request
    fields = [
        {
            "name": output.field,
            "column": output.column,
            "description": output.description,
            "schema": output.schema,
            "isJson": is_json(columns.schema.field(output.column)),
            "type": str(columns.schema.field(output.column).type),
        }
        for output in columns.outputs
    ]
    return {
        "format": 1,
        "run": run.key,
        "status": run.status,
        "objective": (request.get("objective") or {}).get("template") if isinstance(request.get("objective"), dict) else None,
        "summary": run.summary,
        "madeAt": now(),
        "inputs": list(columns.inputs),
        "labels": [columns.inputs.index(name) for name in label_columns(request, columns.inputs)],
        "fields": fields,
        "kinds": KINDS,
        "decisions": list(_decisions(run)),
        "changes": list(_changes(run)),
        "rowsAnEvidence": _ROWS_AN_EVIDENCE,
    }


def _changes(run: RunFolder) -> Iterator[dict[str, Any]]:
    """Of a refresh, what became of each cell since the run before."""
    table = read_made(run.path, CHANGES)
    if table is not None:
        names = ("row_index", "field", "change", "why", "old_value")
        for line in table.select(list(names)).to_pylist():
            if line["row_index"] is not None and line["field"] is not None:
                row, field, change, why, old = (line[name] for name in names)
                yield {"row": row, "field": field, "change": change, "why": why, "old": old}


def _decisions(run: RunFolder) -> Iterator[dict[str, Any]]:
    """What has been decided already: of each cell the decision that counts, and the last note."""
    stored = read_reviews(run.path).to_pylist()
    notes = {(each["row_index"], each["field"]): each for each in stored if each["note"]}
    counts = {**notes, **latest(stored)}
    for cell, each in counts.items():
        shown = {"row": cell[0], "field": cell[1], "decision": each["decision"], "value": each["value"], "found": each["found"]}
        note = notes[cell]["note"] if cell in notes else None
        yield {**shown, "note": note, "reviewer": each["reviewer"], "at": each["decided_at"].isoformat()}
