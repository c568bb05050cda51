"""What a refresh changed, as `research show RUN --changes` lists it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.table import Column, Table
from rich.text import Text

from flows.cli.terminal import note, out, print_json, shown
from research.display.figures import count

if TYPE_CHECKING:
    from research.tables.run_folder.run_folder import RunFolder


def show_changes(run: RunFolder, row: int | None, field: str | None, limit: int, as_json: bool) -> None:
    """List the cells that a refresh changed.

    Args:
        row: only this row, by its place in the refreshed run's input.
        field: only this field.
        limit: most of them.

    Raises:
        InvalidRun: the run is no refresh, or it has not ended.
    """
    from research.tables.layout.made_tables import CHANGES, read_made
    from research.tables.run_folder.request import label_columns

    table = read_made(run.path, CHANGES)
    if table is None:
        raise _has_none(run)
    asked = [line for line in table.to_pylist() if row in (None, line["row_index"]) and field in (None, line["field"])]
    changes = [line for line in asked if line["change"] != "confirmed"]
    if as_json:
        for line in changes[:limit]:
            print_json(line | {"checked_at": line["checked_at"] and line["checked_at"].isoformat()})
        return
    labels = label_columns(run.request, run.columns.inputs)
    if changes:
        out().print(changes_table(changes[:limit], labels))
    counts = Counter(line["change"] for line in changes)
    told = ", ".join(f"{number:,} {kind}" for kind, number in counts.items()) or "nothing has changed"
    note(f"{told}; {len(asked) - len(changes):,} confirmed")
    if len(changes) > limit:
        note(f"the first {count(limit)} of {count(len(changes), 'change')}; --limit shows more")


def changes_table(changes: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Table:
    """The changes, each with what its row is called by.

    Args:
        changes: lines of the table `changes`.
        labels: the columns that say what a row is, the best first.
    """
    names = [_name(json.loads(line["row_key"]), labels) for line in changes]
    called = ", ".join(dict.fromkeys(column for name in names for column in name))
    titles = ("row", called, "field", "change", "before", "after", "why")
    table = Table(*(Column(Text(shown(title))) for title in titles), box=SIMPLE, padding=(0, 1, 0, 0))
    for line, name in zip(changes, names, strict=True):
        cells = (line["row_index"], ", ".join(shown(value) for value in name.values()), line["field"], line["change"])
        table.add_row(*(Text(shown(cell)) for cell in (*cells, line["old_value"], line["new_value"], line["why"])))
    return table


def _name(key: Mapping[str, Any], labels: Sequence[str]) -> Mapping[str, Any]:
    """What a row is called, by column: the one that the objective names, if it is known by that; else all that it is known by."""
    named = [label for label in labels if key.get(label) not in (None, "")]
    return {named[0]: key[named[0]]} if named else key


def _has_none(run: RunFolder) -> Exception:
    from research.errors import InvalidRun
    from research.tables.changes.series import newest

    if "refresh" in run.request:
        return InvalidRun(f"{run.path} has not ended ({run.status}): what it changed is known then. Run its command again.")
    last = newest(run) if run.status == "finished" else run
    if last.key != run.key:
        return InvalidRun(f"{run.path} is the first run of its series, which changed nothing: name the newest, {last.path}")
    return InvalidRun(f"{run.path} is no refresh, so it changed nothing: research refresh {run.path} looks what is new since")
