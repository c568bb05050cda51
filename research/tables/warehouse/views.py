"""The views of `research.duckdb`: the questions that people ask of a run, as SQL that they can read."""

# ruff: noqa: S608 (the SQL is made of our own names and of quoted ones; values are bound or quoted)

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from research.tables.inputs.database import literal, quoted
from research.tables.layout.columns import JSON_TEXT
from research.tables.layout.result_columns import ResultColumns
from research.tables.warehouse.review_views import DECISIONS, reviewed_results

CONTEXT: int = 200
"""Characters of the page that `evidence` shows before and after an excerpt."""

_LOWEST = "min_by(confidence, CASE confidence WHEN 'low' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END)"


@dataclass(frozen=True, slots=True)
class View:
    """One view: its name, what a person reads about it, its SELECT."""

    name: str
    comment: str
    sql: str


def views(columns: ResultColumns, names: Sequence[str]) -> Iterator[View]:
    """The views, each after those it reads.

    Args:
        names: what DuckDB calls the columns of `results`, in order. It renames those that differ in case alone.
    """
    called = dict(zip(columns.schema.names, names, strict=True))
    run = {name: quoted(called[column]) for name, column in columns.run.items()}
    yield View("decisions", "Per cell, what people decided about it last; whether they disagree.", DECISIONS)
    yield View(
        "reviewed_results",
        "results with people's decisions applied: what was rejected is null, what was corrected is the right value.",
        reviewed_results(columns, called, run["row_index"]),
    )
    yield View(
        "cells",
        "One row per input row and output field: its value as text, how sure it is, why, and what people decided.",
        _cells(columns, called, run),
    )
    yield View(
        "low_confidence",
        "Cells worth a second look: a value whose confidence is low, or that has none.",
        "SELECT row_index, field, value, confidence, p_correct, reasoning FROM cells "
        "WHERE value IS NOT NULL AND (confidence = 'low' OR confidence IS NULL) ORDER BY row_index, field",
    )
    yield View(
        "unsupported",
        "Cells whose value no excerpt supports (support is none everywhere, or there is no excerpt).",
        "SELECT row_index, field, value, confidence, reasoning FROM cells "
        "WHERE value IS NOT NULL AND supporting = 0 ORDER BY row_index, field",
    )
    yield View(
        "failed_rows", "Rows that are not completed: the input's columns, and what went wrong.", _failed(columns, called, run)
    )
    yield View(
        "spend", "By processor and model: rows, tasks (equal rows share one), US dollars, tokens, tool calls.", _spend(run)
    )
    yield View(
        "evidence", "Every excerpt beside its cell's value, its page, and what stands around it there.", _evidence(columns)
    )
    yield View(
        "suspicious_sources",
        "Pages that look as if they try to instruct a model: their words, how many rows read them, how many cells cite them.",
        _SUSPICIOUS,
    )
    yield View(
        "open_questions",
        "What rows wait for: questions to answer (research answer), plans to approve (research approve).",
        "SELECT row_index, question_id, kind, text, choices, fields FROM questions WHERE answer IS NULL ORDER BY row_index",
    )
    yield View("coverage", "Per output field: how many rows have a value, and how sure they are.", _COVERAGE)


def _cells(columns: ResultColumns, called: Mapping[str, str], run: Mapping[str, str]) -> str:
    values = []
    for output in columns.outputs:
        column = quoted(called[output.column])
        kind = columns.schema.field(output.column)
        is_json = (kind.metadata or {}).items() >= JSON_TEXT.items()
        text = (
            f"json_extract_string({column}, '$')"
            if is_json
            else f"to_json({column})"
            if pa.types.is_nested(kind.type)
            else column
        )
        value = f"CASE WHEN {column} IS NOT NULL THEN CAST({text} AS VARCHAR) END"
        values.append(
            f"SELECT {run['row_index']} AS row_index, {literal(output.field)} AS field, {value} AS value, "
            f"{run['status']} AS status FROM results"
        )
    none = "SELECT 0::BIGINT AS row_index, '' AS field, '' AS value, '' AS status WHERE false"
    return f"""
WITH {of_field(columns)}, cell_basis AS (
    SELECT row_index, name AS field, any_value(reasoning) FILTER (WHERE basis.field = name) AS reasoning,
           coalesce(any_value(confidence) FILTER (WHERE basis.field = name), {_LOWEST}) AS confidence,
           coalesce(any_value(p_correct) FILTER (WHERE basis.field = name), min(p_correct)) AS p_correct,
           count(excerpt) AS excerpts, count(*) FILTER (WHERE support IN ('stated', 'inferred')) AS supporting
    FROM basis JOIN of_field ON of_field.path = basis.field GROUP BY row_index, name
)
SELECT cell.row_index, cell.field, cell.value, cell_basis.confidence, cell_basis.p_correct, cell_basis.reasoning,
       coalesce(cell_basis.excerpts, 0) AS excerpts, coalesce(cell_basis.supporting, 0) AS supporting, cell.status,
       decisions.decision, CASE WHEN decisions.decision = 'correct' THEN decisions.value END AS corrected
FROM ({" UNION ALL ".join(values) or none}) AS cell LEFT JOIN cell_basis USING (row_index, field)
LEFT JOIN decisions USING (row_index, field)"""


def of_field(columns: ResultColumns) -> str:
    """Which output field (`name`) a basis path belongs to: the longest that begins it. `key_people.0.name` is of `key_people`."""
    fields = ", ".join(f"({literal(output.field)})" for output in columns.outputs) or "('')"
    return f"""of_field AS (
    SELECT path, arg_max(name, length(name)) AS name
    FROM (SELECT DISTINCT field AS path FROM basis) JOIN (VALUES {fields}) AS known(name)
      ON path = name OR starts_with(path, name || '.')
    GROUP BY path
)"""


def _failed(columns: ResultColumns, called: Mapping[str, str], run: Mapping[str, str]) -> str:
    inputs = [quoted(called[name]) for name in columns.inputs]
    outcome = [run[name] for name in ("status", "error", "warnings", "cost_usd", "task_id")]
    return (
        f"SELECT {', '.join([run['row_index'], *inputs, *outcome])} FROM results "
        f"WHERE {run['status']} NOT IN ('completed', 'action_required') ORDER BY 1"
    )


def _spend(run: Mapping[str, str]) -> str:
    of = {name: f"results.{column}" for name, column in run.items()}
    return f"""
WITH tasks AS (
    SELECT {of["processor"]} AS processor, {of["model"]} AS model, any_value({of["status"]}) AS status, count(*) AS of_rows,
           max(usage.cost_usd) AS cost_usd, max(usage.tokens_input) AS tokens_input, max(usage.tokens_output) AS tokens_output,
           max(usage.tool_calls) AS tool_calls, max(usage.pages_fetched) AS pages_fetched, max(usage.seconds) AS seconds
    FROM results JOIN usage ON usage.row_index = {of["row_index"]}
    GROUP BY {of["processor"]}, {of["model"]}, {of["task_id"]}
)
SELECT processor, model, sum(of_rows)::BIGINT AS "rows", count(*) AS tasks,
       coalesce(sum(of_rows) FILTER (WHERE status = 'completed'), 0)::BIGINT AS completed,
       coalesce(sum(of_rows) FILTER (WHERE status NOT IN ('completed', 'action_required')), 0)::BIGINT AS failed,
       coalesce(sum(of_rows) FILTER (WHERE status = 'action_required'), 0)::BIGINT AS waiting,
       sum(cost_usd) AS cost_usd, count(*) FILTER (WHERE cost_usd IS NULL) AS tasks_of_unknown_cost,
       sum(tokens_input)::BIGINT AS tokens_input, sum(tokens_output)::BIGINT AS tokens_output,
       sum(tool_calls)::BIGINT AS tool_calls, sum(pages_fetched)::BIGINT AS pages_fetched, sum(seconds) AS seconds
FROM tasks GROUP BY processor, model ORDER BY processor, model"""


_POINTER = "replace(replace(replace(substr(basis.field, length(of_field.name) + 1), '~', '~0'), '/', '~1'), '.', '/')"
"""The JSON Pointer of a part in its field's value. A name that holds a dot itself is not found there."""


def _evidence(columns: ResultColumns) -> str:
    return f"""
WITH {of_field(columns)}
SELECT basis.row_index, basis.field,
       CASE WHEN basis.field = of_field.name THEN cells.value
            WHEN json_valid(cells.value) THEN
                json_extract_string(cells.value, {_POINTER})
       END AS value,
       basis.confidence, basis.support, basis.excerpt, pages.title AS page_title, coalesce(pages.url, basis.url) AS page_url,
       substr(pages.text, greatest(basis.start - {CONTEXT}, 0) + 1, least(basis.start, {CONTEXT})) AS before,
       substr(pages.text, basis."end" + 1, {CONTEXT}) AS after,
       basis.page_hash, basis.start, basis."end", basis.reasoning
FROM basis
LEFT JOIN of_field ON of_field.path = basis.field
LEFT JOIN cells ON cells.row_index = basis.row_index AND cells.field = of_field.name
LEFT JOIN pages ON pages.page_hash = basis.page_hash
WHERE basis.url IS NOT NULL"""


_SUSPICIOUS = """
WITH cited AS (SELECT url, count(DISTINCT (row_index, field)) AS cells FROM basis WHERE excerpt IS NOT NULL GROUP BY url)
SELECT url, any_value(sources.title) AS title, any_value(quality.suspected_injection) AS suspected_injection,
       any_value(quality.kind) AS kind, count(DISTINCT row_index) AS "rows", coalesce(any_value(cited.cells), 0) AS cells,
       any_value(page_hash) AS page_hash
FROM sources LEFT JOIN cited USING (url) WHERE quality.suspected_injection IS NOT NULL GROUP BY url ORDER BY cells DESC, url"""

_COVERAGE = """
SELECT field, count(*) AS "rows", count(value) AS filled, count(*) - count(value) AS empty,
       round(count(value) / count(*), 4) AS filled_share,
       count(*) FILTER (WHERE value IS NOT NULL AND confidence = 'high') AS high,
       count(*) FILTER (WHERE value IS NOT NULL AND confidence = 'medium') AS medium,
       count(*) FILTER (WHERE value IS NOT NULL AND confidence = 'low') AS low,
       count(*) FILTER (WHERE value IS NOT NULL AND confidence IS NULL) AS without_confidence
FROM cells GROUP BY field ORDER BY field"""
