"""The form in Prefect's UI by which people decide about rows that wait: what it shows, and what it says once it is filled in.

What models and tables wrote is shown as data. Prefect 3.8.8 has two UIs: titles and values are plain text in both, the text above
the form is Markdown in both, and the description of a field is plain in one and Markdown in the other. So foreign text stands in
titles and values, is escaped above the form, and a description has no words but ours. The older UI (V1) leaves no height to the
text above a long form: whatever one must know to fill in a field stands at that field.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from prefect.input import RunInput
from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, ValidationError, create_model

from flows.artifacts import plain
from flows.run.decisions import RowDecisions, fitting
from flows.run.row_numbers import as_ranges, row_numbers
from research.display.figures import count
from research.display.printable import printable
from research.errors import InvalidInput
from research.faults import complaint, shortened
from research.money.amounts import dollars
from research.tables.run_folder.open_questions import WaitingRow
from research.task.decisions import Answers, Decision, PlanDecision, Question

FORM_TASKS: Final = 20
"""Tasks whose plans or questions have fields of their own in one form. The others come in the next one."""
LONGEST_QUESTION: Final = 2_000
LONGEST_CHOICE: Final = 300
LONGEST_FIELDS: Final = 300
APPROVE: Final = "approve"
STOP: Final = "stop"
EVERYTHING: Final = "everything"
DECISIONS: Final = "decisions"
"""The part of an answer that no form shows: what the commands send, as JSON."""
_DECISIONS: Final[TypeAdapter[dict[int, Answers | PlanDecision]]] = TypeAdapter(dict[int, Answers | PlanDecision])


class Answer(RunInput):
    """What was filled in: by name the texts and lists of texts of any form."""

    model_config = ConfigDict(extra="allow")

    def text(self, name: str) -> str:
        """What stands in a field; nothing if it is not there, or empty."""
        value = (self.model_extra or {}).get(name)
        return "" if value is None else str(value).strip()

    def texts(self, name: str) -> list[str] | None:
        """The items of a list that are not empty; None: there is no such list."""
        value = (self.model_extra or {}).get(name)
        return [text for each in value if each is not None and (text := str(each).strip())] if isinstance(value, list) else None


NOTHING: Final = Answer()


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer decides."""

    decisions: RowDecisions
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why something in a field decides nothing, by the field's name."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Rows that ask the same, and so wait for one decision."""

    rows: list[WaitingRow]

    @property
    def first(self) -> WaitingRow:
        return self.rows[0]

    @property
    def is_plan(self) -> bool:
        return self.first.action.kind == "plan"

    @property
    def numbers(self) -> list[int]:
        return [each.row for each in self.rows]

    def question_field(self, question: Question) -> str:
        return f"row_{self.first.row}_{question.id}"

    @property
    def plan_field(self) -> str:
        return f"row_{self.first.row}"

    def also(self) -> str:
        """The other rows that are decided with the first."""
        rest = self.numbers[1:]
        return f" This is also about {_rows(rest)}, which {'asks' if len(rest) == 1 else 'ask'} the same." if rest else ""


def form_of(
    waiting: Sequence[WaitingRow],
    about: Mapping[int, str],
    before: Answer = NOTHING,
    refused: Mapping[str, str] | None = None,
) -> type[Answer]:
    """A form for rows that wait: which plans are approved and stopped, a list for each plan, a text for each question.

    Args:
        about: what people call each row.
        before: the answer before this one. What stood in it about rows that wait on is not typed twice.
        refused: why something of it decided nothing, by the field's name.
    """
    refused = refused or {}
    tasks = _tasks(waiting)
    plans = [each for each in tasks if each.is_plan]
    fields: dict[str, Any] = {}

    def add(name: str, kind: Any, default: Any, title: str, description: str) -> None:
        why = f"NOT TAKEN: {refused[name]} " if name in refused else ""
        place: dict[str, JsonValue] = {"position": len(fields)}
        fields[name] = (
            kind,
            Field(default=default, title=title, description=(why + description).strip(), json_schema_extra=place),
        )

    if plans:
        numbers = [row for each in plans for row in each.numbers]
        hidden = sum(each.is_plan for each in tasks[FORM_TASKS:])
        unseen = f" {count(hidden)} of these plans {'is' if hidden == 1 else 'are'} NOT SHOWN below." if hidden else ""
        add(
            APPROVE,
            str,
            as_ranges(numbers),
            "Rows to approve",
            "Their plans are carried out as they stand below. Rows are named by their places in the input: 0-9,12. "
            f"Rows that you take out wait on.{unseen}",
        )
        add(
            STOP,
            str,
            before.text(STOP) if STOP in refused else "",
            "Rows to stop",
            "They end as cancelled, and cost nothing more. They may be named above, too.",
        )
    for each in tasks[:FORM_TASKS]:
        label = printable(about[each.first.row], one_line=True)
        if each.is_plan:
            shown = [printable(query.question, one_line=True) for query in each.first.action.plan]
            default = before.texts(each.plan_field) or shown
            add(each.plan_field, list[str], default, f"Plan of {label}", _serves(each) + each.also())
        for question in each.first.action.questions:
            name = each.question_field(question)
            proposed = "The answers in brackets are proposed; any other will do." if question.choices else ""
            add(name, str, before.text(name), f"{label}: {_text_of(question)}", proposed + each.also())
    return create_model("Answer", __base__=Answer, **fields)


def _serves(waiting: _Waiting) -> str:
    """What a plan's sub-queries are for."""
    served = [", ".join(query.fields) for query in waiting.first.action.plan]
    fields = " · ".join(f"{place}. {names}" for place, names in enumerate(served, start=1) if names)
    words = "Its sub-queries: change, add, move and remove them."
    return f"{words} Output fields that they serve: {shortened(fields, LONGEST_FIELDS)}." if fields else words


def _text_of(question: Question) -> str:
    """A question and its choices, on one line."""
    text = shortened(_line(question.text), LONGEST_QUESTION)
    choices = " · ".join(shortened(_line(choice), LONGEST_CHOICE) for choice in question.choices)
    return f"{text} ({choices})" if choices else text


def _line(text: str) -> str:
    return printable(" ".join(text.split()), one_line=True)


def describe(waiting: Sequence[WaitingRow], refused: Mapping[str, str] | None = None) -> str:
    """What waits, as Markdown above the form."""
    tasks = _tasks(waiting)
    costs = [each.cost_usd for each in waiting]
    known = [cost for cost in costs if cost is not None]
    paid = dollars(sum(known)) if len(known) == len(costs) else "not known"
    parts = [
        f"**{waiting_for(waiting)}.** Cost of these rows so far: {paid}. What is left open waits on, for another form like this."
    ]
    if refused:
        parts.insert(0, "**Not all of the last answer was taken:** " + " ".join(plain(why) for why in refused.values()))
    if len(tasks) > FORM_TASKS:
        parts.append(
            f"The next form shows the {count(len(tasks) - FORM_TASKS)} others. `research approve RUN --edits FILE` and "
            "`research answer RUN FILE` decide about all of them at once, in a file."
        )
    return "\n\n".join(parts)


def waiting_for(waiting: Sequence[WaitingRow]) -> str:
    """What rows wait for: `3 rows with plans to approve, 1 row with questions to answer`."""
    plans = sum(each.action.kind == "plan" for each in waiting)
    parts = [(plans, "with plans to approve"), (len(waiting) - plans, "with questions to answer")]
    return ", ".join(f"{count(number, 'row')} {what}" for number, what in parts if number)


def rows_to_approve(form: Mapping[str, Any]) -> list[int]:
    """The rows with plans that a form is about, of its JSON Schema."""
    text = form.get("properties", {}).get(APPROVE, {}).get("default")
    return row_numbers(text) if text else []


def read_answer(answer: Answer, waiting: Sequence[WaitingRow], asked: Sequence[int]) -> Reading:
    """What an answer decides about rows that wait. What cannot be taken decides nothing, and the rest counts.

    Args:
        waiting: the rows that nobody has decided about yet.
        asked: the rows with plans that waited when the form was made.
    """
    refused: dict[str, str] = {}
    if not answer.model_extra:  # what the newer UI sends if somebody is quicker than its form (3.8.8), and other programs
        refused[EVERYTHING] = "The form came back empty."
    tasks = _tasks(waiting)
    found: dict[int, Decision] = dict(_plan_decisions(answer, tasks, frozenset(asked), refused))
    for each in tasks:
        for question in each.first.action.questions:
            name = each.question_field(question)
            if text := answer.text(name):
                try:
                    answers = Answers(answers={question.id: text}).answers
                except ValidationError as error:
                    refused[name] = f"An answer {_complaint(error)}."
                    continue
                earlier = found.get(each.first.row)
                found[each.first.row] = Answers(answers={**(earlier.answers if isinstance(earlier, Answers) else {}), **answers})
    if sent := answer.text(DECISIONS):
        try:
            found |= _DECISIONS.validate_json(sent)
        except ValidationError as error:
            refused[DECISIONS] = f"The decisions cannot be read: {_complaint(error)}."
    return Reading(fitting(found, waiting), refused)


def _plan_decisions(
    answer: Answer, tasks: Sequence[_Waiting], asked: frozenset[int], refused: dict[str, str]
) -> Iterator[tuple[int, Decision]]:
    chosen: dict[str, set[int]] = {}
    for name in (APPROVE, STOP):
        try:
            chosen[name] = set(row_numbers(text)) if (text := answer.text(name)) else set()
        except InvalidInput as error:
            refused[name] = str(error)
            continue
        if strangers := chosen[name] - asked:
            refused[name] = f"No plan of {_rows(strangers)} waits to be approved."
    if len(chosen) < 2:  # who cannot be read may have meant the same rows
        return
    for each in tasks:
        numbers = asked.intersection(each.numbers) if each.is_plan else frozenset()
        if numbers & chosen[STOP]:
            yield each.first.row, PlanDecision(decision="stop")
        elif numbers & chosen[APPROVE]:
            texts = answer.texts(each.plan_field)
            if texts == []:
                refused[each.plan_field] = "A plan without sub-queries cannot be approved: write one, or stop the row."
                continue
            try:
                yield each.first.row, PlanDecision(subqueries=_edited(each, texts))
            except ValidationError as error:
                refused[each.plan_field] = f"A sub-query {_complaint(error)}."


def _edited(waiting: _Waiting, texts: Sequence[str] | None) -> tuple[str, ...] | None:
    """The sub-queries of a list that was shown, as the plan has them where they were left as they are; None: all were."""
    plan = [query.question for query in waiting.first.action.plan]
    as_shown = {printable(question, one_line=True).strip(): question for question in plan}
    questions = [as_shown.get(text, text) for text in texts or ()]
    return None if not questions or questions == plan else tuple(questions)


def _tasks(waiting: Sequence[WaitingRow]) -> list[_Waiting]:
    """Rows that ask the same, together, in the order of their first ones."""
    of_task: dict[str, _Waiting] = {}
    for row in waiting:
        of_task.setdefault(row.task_id, _Waiting([])).rows.append(row)
    return list(of_task.values())


def _rows(numbers: Collection[int]) -> str:
    return f"{'row' if len(numbers) == 1 else 'rows'} {shortened(as_ranges(numbers), 80)}"


def _complaint(error: ValidationError) -> str:
    """What is wrong with a text."""
    return complaint(error.errors(include_url=False)[0])
