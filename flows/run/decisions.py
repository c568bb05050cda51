"""What people have decided about the tasks of a run, in its folder: `.state/decisions.jsonl`, a line a decision.

    {"digest":"0f3c…","task_id":"81ab…","at":"2026-11-29T14:27:04Z","decision":{"decision":"approve","subqueries":null}}

Rows that ask the same are one task, and one decision is about all of them. Only the process that holds the run folder's lock
writes here; the last decision about a thing counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from flows.run.writable import RUN_FOLDER
from research.durable.lines import append, json_line, read_json_line
from research.durable.surroundings import writing
from research.errors import Fault, NotWaiting
from research.pipeline import NOTHING_DECIDED
from research.result.result import utc_now
from research.tables.run_folder.open_questions import WaitingRow, waiting_rows
from research.tables.run_folder.run_folder import RunFolder
from research.task.decisions import Answers, Decided, Decision, PlanDecision, refuse_unfit

FILE: Final = "decisions.jsonl"

RowDecisions = Mapping[int, Decision]
"""Decisions about rows, by their places in the input."""
DecisionsOf = Callable[[Sequence[WaitingRow]], RowDecisions]
"""Makes decisions of the rows that wait."""


class Decisions:
    """The decisions in a run folder."""

    def __init__(self, state: Path) -> None:
        self._file = state / FILE
        self._of: dict[str, Decided] = {}
        try:
            lines = self._file.read_bytes().split(b"\n")
        except FileNotFoundError:
            lines = []
        for line in lines:
            if line and (document := read_json_line(line)) is not None:
                self._note(document["task_id"], _decision(document["decision"]))

    def __bool__(self) -> bool:
        return bool(self._of)

    def of(self, task_id: str) -> Decided:
        """What was decided about a task."""
        return self._of.get(task_id, NOTHING_DECIDED)

    def settle(self, waiting: WaitingRow) -> bool:
        """Whether something was decided about what a row waits for, so that it can go on."""
        decided = self.of(waiting.task_id)
        if waiting.action.kind == "plan":
            return decided.plan is not None
        return any(question.id in decided.answers for question in waiting.action.questions)

    def add(self, task_id: str, decision: Decision) -> None:
        """Write a decision down.

        Raises:
            SurroundingsFault: it cannot be written.
        """
        line = {"task_id": task_id, "at": utc_now().isoformat(), "decision": decision.model_dump(mode="json")}
        with writing(self._file.parent.parent, RUN_FOLDER, "--out"):
            append(self._file, json_line(line))
        self._note(task_id, decision)

    def _note(self, task_id: str, decision: Decision) -> None:
        self._of[task_id] = self.of(task_id).with_decision(decision)


def decide(folder: RunFolder, given: RowDecisions | DecisionsOf) -> Decisions:
    """The decisions in a run folder, with others about its rows.

    Args:
        given: decisions by row, or what makes them of the rows that wait and that nobody has decided about yet: it may decide
            again what it has decided before the process was killed.

    Raises:
        NotWaiting: a row does not wait for its decision. Nothing is written.
    """
    decisions = Decisions(folder.state)
    if not given:
        return decisions
    waiting = {each.row: each for each in waiting_rows(folder)}
    rows = given([each for each in waiting.values() if not decisions.settle(each)]) if callable(given) else given
    refuse_unfit_rows(rows, waiting)
    for row, decision in rows.items():
        decisions.add(waiting[row].task_id, decision)
    return decisions


def refuse_unfit_rows(rows: RowDecisions, waiting: Mapping[int, WaitingRow]) -> None:
    """See that every decision is about a row that waits for it, and that rows which ask the same are answered alike.

    Raises:
        NotWaiting: names each row.
    """
    faults: list[Fault] = []
    of_task: dict[str, tuple[int, Decision]] = {}
    for row, decision in rows.items():
        found = waiting.get(row)
        if found is None:
            faults.append(Fault(f"/{row}", "the task waits for no decision: leave its row out."))
            continue
        try:
            refuse_unfit(found.action, decision)
        except NotWaiting as error:
            faults.append(Fault(f"/{row}", str(error)))
            continue
        first, same = of_task.setdefault(found.task_id, (row, decision))
        if same != decision:
            faults.append(Fault(f"/{row}", f"it asks the same as row {first}, and is decided otherwise: decide them alike"))
    if faults:
        raise NotWaiting("These decisions cannot be taken; nothing was stored:", faults)


def fitting(rows: RowDecisions, waiting: Sequence[WaitingRow]) -> RowDecisions:
    """Those of some decisions whose rows still wait for them: a form may be read again that was taken before."""
    of_row = {each.row: each for each in waiting}
    found: dict[int, Decision] = {}
    for row, decision in rows.items():
        try:
            refuse_unfit_rows({**found, row: decision}, of_row)
        except NotWaiting:
            continue
        found[row] = decision
    return found


def undecided(folder: RunFolder, decisions: Decisions) -> Iterable[int]:
    """The rows that wait for people who have decided nothing yet."""
    return [each.row for each in waiting_rows(folder) if not decisions.settle(each)]


def _decision(document: Mapping[str, object]) -> Decision:
    return Answers.model_validate(document) if "answers" in document else PlanDecision.model_validate(document)
