"""While rows are researched, Python's garbage collector leaves alone what the command has imported."""

from __future__ import annotations

import gc

from flows.cli.collector import imports_left_alone
from flows.run.events import Event, RowFinished, ShardCommitted


def _row(number: int) -> RowFinished:
    return RowFinished(
        row=number, status="completed", confidence=None, cost_usd=0.0, seconds=0.1, cached=False, error=None, label="a row"
    )


def test_a_full_collection_of_a_run_does_not_visit_what_was_imported_before():
    """The first row and the first commit import more; what later rows leave behind is collected as ever."""
    heard: list[Event] = []
    imported: list[list[int]] = []
    counts = [gc.get_freeze_count()]
    with imports_left_alone(heard.append) as listen:
        for event in (_row(0), _row(1), ShardCommitted(0, 0, 2, 0, 0), _row(2)):
            imported += [[] for _ in range(1000)]
            listen(event)
            counts.append(gc.get_freeze_count())
    before, first, second, committed, later = counts
    assert first > before + 1000
    assert second <= first
    assert committed > second + 1000
    assert later <= committed
    assert gc.get_freeze_count() == 0
    assert len(heard) == 4
