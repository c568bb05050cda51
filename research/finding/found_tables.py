"""The tables of what was found: made from a run folder whose rows are candidates, whenever it ends.

    found/found.parquet, found.csv   one row a candidate that meets every condition: its name, each condition's value, how sure it
                                     is, the excerpt that admits it and that excerpt's page
    found/not_found.parquet          the other candidates that were judged, and why each is not a row
    found/matches.parquet            one row a candidate, condition and excerpt, with its place in the page
    found/find.json                  what was looked for, and the counts

They hold nothing that the run folder does not: they can be made again at any time.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from research.finding.admission import Judgement, judge
from research.ports.conditions import FindPlan
from research.result.result import Confidence, FieldBasis, Result
from research.tables.export.csv_file import as_text, harmless
from research.tables.layout.durable import write_json, write_whole
from research.tables.run_folder.run_folder import RunFolder

FOLDER: Final = "found"
FOUND: Final = "found.parquet"
FOUND_CSV: Final = "found.csv"
NOT_FOUND: Final = "not_found.parquet"
MATCHES: Final = "matches.parquet"
SUMMARY: Final = "find.json"
NAME, URL, MENTION = "name", "url", "mention"
"""Columns of the table of candidates."""

_TEXT: Final[pa.DataType] = pa.string()
_INT: Final[pa.DataType] = pa.int64()
_NOT_FOUND: Final = pa.schema([("row_index", _INT), (NAME, _TEXT), (URL, _TEXT), (MENTION, _TEXT), ("reason", _TEXT)])
_MATCHES: Final = pa.schema(
    [
        ("row_index", _INT),
        (NAME, _TEXT),
        ("condition", _TEXT),
        ("verdict", _TEXT),
        ("value", _TEXT),
        ("confidence", _TEXT),
        ("reasoning", _TEXT),
        (URL, _TEXT),
        ("title", _TEXT),
        ("excerpt", _TEXT),
        ("page_hash", _TEXT),
        ("start", _INT),
        ("end", _INT),
    ]
)
_TYPES: Final[Mapping[str, pa.DataType]] = {"yes": pa.bool_(), "number": pa.float64()}


@dataclass(frozen=True, slots=True)
class JudgedCandidate:
    """One candidate that was judged."""

    row_index: int
    name: str
    url: str
    mention: str
    judgement: Judgement


def judgement_of(plan: FindPlan, result: Result, least: Confidence, name: str, names: Collection[str]) -> Judgement:
    """What a candidate's result comes to.

    Args:
        name: the candidate's.
        names: the keys of all candidates' names.
    """
    output = result.output if isinstance(result.output, dict) else {}
    basis = [
        {"field": part.field, "confidence": part.confidence, "reasoning": part.reasoning, **place}
        for part in result.basis
        for place in (_places_of(part) or (_NOWHERE,))
    ]
    error = result.error if result.status != "completed" else None
    return judge(plan, output, basis, least, error, name=name, names=names)


_NOWHERE: Final[Mapping[str, Any]] = dict.fromkeys(("url", "title", "excerpt", "page_hash", "start", "end", "support"))


def _places_of(part: FieldBasis) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "url": citation.url,
            "title": citation.title,
            "excerpt": excerpt.text,
            "page_hash": excerpt.page_hash,
            "start": excerpt.start,
            "end": excerpt.end,
            "support": excerpt.support,
        }
        for citation in part.citations
        for excerpt in citation.excerpts
    ]


def judged(folder: RunFolder, plan: FindPlan, least: Confidence, names: Collection[str]) -> Iterator[JudgedCandidate]:
    """The candidates that a run folder holds, in its order.

    Args:
        names: the keys of all candidates' names.
    """
    columns = folder.columns
    for shard in folder.committed_shards():
        results, basis = folder.read("results", shard), folder.read("basis", shard)
        of_row: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for line in basis.to_pylist():
            of_row[line["row_index"]].append(line)
        values = {output.field: output.json_values(results[output.column]) for output in columns.outputs}
        for place, row in enumerate(results.to_pylist()):
            index = row[columns.row_index]
            found = {name: column[place] for name, column in values.items()}
            error = None if row[columns.run["status"]] == "completed" else str(row[columns.run["error"]] or "it failed")
            judgement = judge(plan, found, of_row[index], least, error, name=row[NAME], names=names)
            yield JudgedCandidate(index, row[NAME], row[URL] or "", row[MENTION] or "", judgement)


def write_found(
    folder: RunFolder,
    plan: FindPlan,
    *,
    objective: str,
    least: Confidence,
    limit: int,
    names: Collection[str],
    own_words: Sequence[str] = (),
    beyond: int = 0,
) -> Mapping[str, Any]:
    """Write the tables. Returns what `find.json` says.

    Args:
        limit: rows that are wanted at most; what is found beyond it is in `not_found`, with that reason.
        names: the keys of all candidates' names, judged or not.
        own_words: conditions that are a yes or no in their own words, and were judged by code alone.
        beyond: candidates that pages name and nobody judges, as there are more than were asked for.
    """
    there = list(judged(folder, plan, least, names))
    admitted = [each for each in there if each.judgement.is_admitted]
    found, over = admitted[:limit], admitted[limit:]
    place = folder.path / FOLDER
    place.mkdir(exist_ok=True)
    table = _found_table(plan, found)
    _write_parquet(place / FOUND, table)
    write_whole(place / FOUND_CSV, _as_csv(table))
    others = [(each, each.judgement.reason) for each in there if not each.judgement.is_admitted]
    others += [(each, f"it meets every condition, and the limit of {limit} rows was reached") for each in over]
    rows = [
        {"row_index": each.row_index, NAME: each.name, URL: each.url, MENTION: each.mention, "reason": reason}
        for each, reason in sorted(others, key=lambda pair: pair[0].row_index)
    ]
    _write_parquet(place / NOT_FOUND, pa.Table.from_pylist(rows, _NOT_FOUND))
    _write_parquet(place / MATCHES, pa.Table.from_pylist(list(_match_rows(there)), _MATCHES))
    summary = {
        "objective": objective,
        "kind": plan.kind,
        "conditions": [condition.model_dump(mode="json", exclude_defaults=True) for condition in plan.conditions],
        "confidence": least,
        "limit": limit,
        "found": len(found),
        "judged": len(there),
        "candidates": len(names),
        "beyond": beyond,
        "unsure": sum(each.judgement.is_unsure for each in there),
        "reasons": dict(Counter(lack for each in there for lack in each.judgement.lacks).most_common()),
        "own_words": list(own_words),
    }
    write_json(place / SUMMARY, summary)
    return summary


def read_summary(run: Path) -> dict[str, Any] | None:
    """What `find.json` of a run folder says; None: it is no run of find, or has not ended yet."""
    try:
        summary = json.loads((run / FOLDER / SUMMARY).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) else None


def read_verdicts(run: Path) -> dict[tuple[int, str], str]:
    """The verdicts of a find by row and condition; {} of any other run, and before the find has ended."""
    file = run / FOLDER / MATCHES
    if not file.exists():
        return {}
    lines = pq.read_table(file, columns=["row_index", "condition", "verdict"]).to_pylist()
    return {(line["row_index"], line["condition"]): line["verdict"] for line in lines}


def _found_table(plan: FindPlan, found: Sequence[JudgedCandidate]) -> pa.Table:
    rows = []
    for each in found:
        row: dict[str, Any] = {"row_index": each.row_index, NAME: each.name, URL: each.url}
        for match in each.judgement.matches:
            best = match.evidence[0]
            row[match.condition] = match.value
            row[f"{match.condition}_confidence"] = match.confidence
            row[f"{match.condition}_excerpt"] = best.excerpt
            row[f"{match.condition}_url"] = best.url
        rows.append(row)
    return pa.Table.from_pylist(rows, _found_schema(plan))


def _found_schema(plan: FindPlan) -> pa.Schema:
    fields = [("row_index", _INT), (NAME, _TEXT), (URL, _TEXT)]
    for condition in plan.conditions:
        fields.append((condition.name, _TYPES.get(condition.kind, _TEXT)))
        fields += [(f"{condition.name}_{part}", _TEXT) for part in ("confidence", "excerpt", "url")]
    return pa.schema(fields)


def _match_rows(there: Sequence[JudgedCandidate]) -> Iterator[dict[str, Any]]:
    for each in there:
        for match in each.judgement.matches:
            about = {
                "row_index": each.row_index,
                NAME: each.name,
                "condition": match.condition,
                "verdict": match.verdict,
                "value": None if match.value is None else as_text(match.value),
                "confidence": match.confidence,
                "reasoning": match.reasoning,
            }
            yield from ({**about, **evidence.model_dump()} for evidence in match.evidence)
            if not match.evidence:
                yield about


def _as_csv(table: pa.Table) -> bytes:
    """For people: Excel knows it as UTF-8, and no cell of it is run as a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table.column_names)
    for row in table.to_pylist():
        writer.writerow([harmless(as_text(value)) for value in row.values()])
    return text.getvalue().encode("utf-8-sig")


def _write_parquet(path: Path, table: pa.Table) -> None:
    data = io.BytesIO()
    pq.write_table(table, data)
    write_whole(path, data.getvalue())
