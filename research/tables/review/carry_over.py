"""Carries decisions from one run over to another one that asked some of the same: a resynthesis, a refresh."""

from __future__ import annotations

from collections import defaultdict

from research.identity import canonical_json
from research.tables.layout.reviews import Decision, read_reviews
from research.tables.review.apply import store, unstored
from research.tables.review.run_cells import RunRow, rows_of
from research.tables.run_folder.run_folder import RunFolder


def carry_over(earlier: RunFolder, run: RunFolder) -> int:
    """Store in a run what holds of an earlier run's decisions (`carried_over`). Returns how many were new."""
    new = unstored(run.path, carried_over(earlier, run))
    if new:
        store(run.path, new)
    return len(new)


def carried_over(earlier: RunFolder, run: RunFolder) -> list[Decision]:
    """The decisions of an earlier run that hold in another one: about a field with the same schema, in the same input row,
    whatever its place, whose value is the one that was decided about, or the right one. Notes are carried with their cell.

    Rows are matched by their content; of equal rows, by their order.
    """
    decisions = read_reviews(earlier.path).to_pylist()
    fields = _same_fields(earlier, run)
    wanted = {decision["row_key"] for decision in decisions if decision["field"] in fields}
    if not wanted:
        return []
    here = _by_key(run, fields, wanted)
    order = {key: [row.index for row in rows] for key, rows in _by_key(earlier, [], wanted).items()}
    carried = []
    for decision in decisions:
        key = decision["row_key"]
        if decision["field"] not in fields or decision["row_index"] not in order.get(key, ()):
            continue
        place = order[key].index(decision["row_index"])
        if place < len(here.get(key, ())) and _holds(decision, here[key][place]):
            source = decision["carried_from"] or earlier.key
            carried.append({**decision, "row_index": here[key][place].index, "carried_from": source})
    return carried


def _holds(decision: Decision, row: RunRow) -> bool:
    text = row.texts[decision["field"]]
    is_right = decision["decision"] == "correct" and text == decision["value"]
    return decision["decision"] == "note" or bool(text == decision["found"]) or is_right


def _same_fields(earlier: RunFolder, run: RunFolder) -> list[str]:
    before = {output.field: canonical_json(output.schema) for output in earlier.columns.outputs}
    return [o.field for o in run.columns.outputs if before.get(o.field) == canonical_json(o.schema)]


def _by_key(run: RunFolder, fields: list[str], wanted: set[str]) -> dict[str, list[RunRow]]:
    rows: defaultdict[str, list[RunRow]] = defaultdict(list)
    for row in rows_of(run, fields):
        if row.key in wanted:
            rows[row.key].append(row)
    return dict(rows)
