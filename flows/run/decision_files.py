"""Files that people fill in: the questions of a run's rows to answer, the sub-queries of their plans to edit.

By the name's ending CSV (also for `.txt` and none), JSON (a list of objects) or JSON lines. A line is a question, or a sub-query;
what people do not fill in is left for another time.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from flows.run.decisions import refuse_unfit_rows
from flows.run.task_labels import row_label
from research.errors import Fault, InvalidInput
from research.faults import nearest, validation_faults
from research.tables.export.csv_file import harmless
from research.tables.run_folder.open_questions import WaitingRow
from research.tables.run_folder.request import label_columns
from research.tables.run_folder.run_folder import RunFolder
from research.task.decisions import Answers, Decision, PlanDecision

ANSWER_COLUMNS: Final = ("row", "about", "question_id", "question", "choices", "answer")
PLAN_COLUMNS: Final = ("row", "about", "subquery", "fields")
BETWEEN: Final = " | "
"""Between the choices of a question, and between the fields of a sub-query."""

Line = dict[str, Any]


def labels(folder: RunFolder, waiting: Sequence[WaitingRow]) -> dict[int, str]:
    """What people call rows that wait. Private columns name none."""
    named_by = label_columns(folder.request, folder.columns.inputs)
    return {each.row: row_label(each.row, {name: each.values[name] for name in named_by}) for each in waiting}


def write_questions(file: Path, waiting: Sequence[WaitingRow], about: Mapping[int, str]) -> None:
    """Write a file with every open question, to be answered in its column `answer`.

    Raises:
        InvalidInput: it cannot be written.
    """
    lines = [
        {
            "row": each.row,
            "about": about[each.row],
            "question_id": question.id,
            "question": question.text,
            "choices": BETWEEN.join(question.choices),
            "answer": "",
        }
        for each in waiting
        for question in each.action.questions
    ]
    _write(file, ANSWER_COLUMNS, lines)


def write_plans(file: Path, waiting: Sequence[WaitingRow], about: Mapping[int, str]) -> None:
    """Write a file with the plan of every row, a line a sub-query, to be edited.

    Raises:
        InvalidInput: it cannot be written.
    """
    lines = [
        {"row": each.row, "about": about[each.row], "subquery": query.question, "fields": BETWEEN.join(query.fields)}
        for each in waiting
        for query in each.action.plan
    ]
    _write(file, PLAN_COLUMNS, lines)


def read_answers(file: Path, waiting: Sequence[WaitingRow]) -> dict[int, Decision]:
    """The answers of a file, by row.

    Raises:
        InvalidInput: it cannot be read, or does not fit what is asked; each place is named.
    """
    answers: dict[int, dict[str, str]] = {}
    for row, line in _lines(file, ("row", "question_id", "answer")):
        if answer := str(line["answer"] or "").strip():
            answers.setdefault(row, {})[str(line["question_id"])] = answer
    if not answers:
        raise InvalidInput(f"{file} answers no question: fill in its column `answer`.")
    decisions: dict[int, Decision] = {row: _decision(file, row, Answers, {"answers": of_row}) for row, of_row in answers.items()}
    refuse_unfit_rows(decisions, {each.row: each for each in waiting})
    return decisions


def read_plans(file: Path, waiting: Sequence[WaitingRow]) -> dict[int, Decision]:
    """The plans of a file, by row: approved as they are there.

    Raises:
        InvalidInput: it cannot be read, or does not fit what waits; each place is named.
    """
    edited: dict[int, list[str]] = {}
    for row, line in _lines(file, ("row", "subquery")):
        if text := str(line["subquery"] or "").strip():
            edited.setdefault(row, []).append(text)
    if not edited:
        raise InvalidInput(f"{file} holds no sub-query.")
    known = {each.row: each for each in waiting}
    decisions: dict[int, Decision] = {}
    for row, texts in edited.items():
        found = known.get(row)
        plan = [] if found is None else [query.question for query in found.action.plan]
        as_written = {harmless(question): question for question in plan}
        questions = [as_written.get(text, text) for text in texts]
        same = None if questions == plan else questions
        decisions[row] = _decision(file, row, PlanDecision, {"subqueries": same})
    refuse_unfit_rows(decisions, known)
    return decisions


def _decision(file: Path, row: int, kind: type[Answers] | type[PlanDecision], document: Mapping[str, Any]) -> Decision:
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise InvalidInput(f"{file}: what it says of row {row} cannot be taken:", validation_faults(error)) from None


def _write(file: Path, columns: Sequence[str], lines: Sequence[Line]) -> None:
    try:
        match file.suffix.lower():
            case ".json":
                file.write_text(json.dumps(list(lines), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            case ".jsonl" | ".ndjson":
                text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
                file.write_text(text, encoding="utf-8")
            case _:
                with file.open("w", encoding="utf-8-sig", errors="replace", newline="") as out:
                    writer = csv.writer(out)
                    writer.writerow(columns)
                    writer.writerows([harmless(str(line[name])) for name in columns] for line in lines)
    except OSError as error:
        raise InvalidInput(f"{file} cannot be written: {error.strerror or error}") from error


def _lines(file: Path, wanted: Sequence[str]) -> Iterator[tuple[int, Line]]:
    """Each line of a file with its row.

    Raises:
        InvalidInput: it cannot be read, or lacks a column, or a row is no number.
    """
    for place, line in enumerate(_read(file), start=1):
        if missing := [name for name in wanted if name not in line]:
            near = nearest(missing[0], [str(name) for name in line])
            raise InvalidInput(f"{file}: entry {place} has no {missing[0]!r}{near}; it has {', '.join(map(str, line))}")
        try:
            row = int(str(line["row"]).strip())
        except ValueError:
            fault = Fault(f"/{place}/row", f"must be a row's place in the input, not {str(line['row'])!r:.80}")
            raise InvalidInput(f"{file} cannot be read:", [fault]) from None
        yield row, line


def _read(file: Path) -> list[Line]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        match file.suffix.lower():
            case ".json":
                found = json.loads(text)
            case ".jsonl" | ".ndjson":
                found = [json.loads(line) for line in text.splitlines() if line.strip()]
            case _:
                dialect = csv.Sniffer().sniff(text.splitlines()[0], ",;\t") if text.strip() else csv.excel
                found = list(csv.DictReader(text.splitlines(keepends=True), dialect=dialect))
    except (ValueError, RecursionError, csv.Error) as error:
        raise InvalidInput(f"{file} cannot be read: {error}") from error
    if not isinstance(found, list) or not all(isinstance(line, dict) for line in found):
        raise InvalidInput(f"{file} must be a list of objects, one a question or a sub-query.")
    return found
