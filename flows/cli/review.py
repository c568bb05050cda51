"""`research review apply` and `research review show`: people's decisions, into the run folder and out of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cyclopts import App
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from flows.cli.named_run import open_named
from flows.cli.terminal import Exit, Output, note, out, print_json, shown

if TYPE_CHECKING:
    from research.tables.review.apply import Applied

NONE = Output()
review: Final = App(name="review", help="Take in what people decided in the review sheet.")


@review.command(name="apply")
def apply_file(run: str, file: Path, /, *, output: Output = NONE) -> int:
    """Store the decisions that a review sheet exported in the run folder, beside what was found; nothing found is changed.

    Args:
        run: the run folder, or its URL.
        file: the file that the review sheet exported.
    """
    from flows.run.applying import apply_to

    applied = apply_to(run, file)
    if output.json:
        print_json({**asdict(applied), "file": None if applied.file is None else applied.file.name})
        return Exit.OK
    _tell(applied)
    return Exit.OK


@review.command
def show(run: str, /, *, output: Output = NONE) -> int:
    """Show the decisions of a run: of each cell the one that counts, and every note.

    Args:
        run: the run folder, or its URL.
    """
    from research.tables.layout.reviews import latest, read_reviews

    folder = open_named(run)
    decisions = read_reviews(folder.path).to_pylist()
    if output.json:
        for decision in decisions:
            print_json(decision)
        return Exit.OK
    counts = {id(each) for each in latest(decisions).values()}
    shown_ones = [each for each in decisions if each["decision"] == "note" or id(each) in counts]
    table = Table("row", "field", "decision", "found", "right", "by", "when", "note", box=SIMPLE, padding=(0, 1, 0, 0))
    for each in sorted(shown_ones, key=lambda one: (one["row_index"], one["field"], one["decided_at"])):
        table.add_row(*map(Text, _cells(each)))
    if shown_ones:
        out().print(table)
    note(f"{len(decisions)} decisions about {len({(one['row_index'], one['field']) for one in decisions})} cells")
    return Exit.OK


def _cells(decision: dict[str, Any]) -> tuple[str, ...]:
    right = shown(decision["value"]) if decision["decision"] == "correct" else ""
    when = f"{decision['decided_at']:%Y-%m-%d %H:%M}"
    told = (decision["decision"], shown(decision["found"]), right, decision["reviewer"] or "–", when, decision["note"] or "")
    return (str(decision["row_index"]), decision["field"], *told)


def _tell(applied: Applied) -> None:
    there = f"; {applied.already_there} were there already" if applied.already_there else ""
    out().print(f"{applied.stored} decisions stored{there}", markup=False)
    if applied.outdated:
        note(f"{applied.outdated} of them are about values that are others by now: they are kept, and change nothing")
    if not applied.is_in_database:
        note("research.duckdb gets them when the run ends")
    elif applied.stored:
        note("FROM reviewed_results in research.duckdb: the results with the decisions applied")
