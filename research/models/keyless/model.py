"""The keyless model: it answers from structure and sentences alone, without a language model, a key or a network.

An honest general baseline. What it does, what it cannot, and how confidence is set: docs/keyless-model.md.
"""

from __future__ import annotations

import asyncio
import copy
import math
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, ParamSpec, TypeVar

from research.errors import BudgetExhausted, FetchFailed, FetchRefused, PageUnreadable
from research.evidence.ranking import words
from research.faults import shortened, unpointer
from research.models.keyless.answers import answer_question
from research.models.keyless.candidates import Asked, of_facts
from research.models.keyless.choosing import Backing, choose, merge, whole
from research.models.keyless.entities import Entity, aboutness, entity_of, mentions, name_for, with_name
from research.models.keyless.prose import of_sentences
from research.models.keyless.questions import Question, asked_for, less_exact, parts_of, question_of
from research.models.keyless.reading import ReadPage, Shelf
from research.models.keyless.scoring import SURE, scorer
from research.models.keyless.shown import of_shown
from research.models.keyless.spans import HOLDS
from research.models.keyless.unfit import why_unfit
from research.models.keyless.wording import marks, wording_of
from research.models.names import KEYLESS
from research.money.processors import ProcessorName
from research.money.usage_ledger import UsageLedger
from research.ports.model import Checker, ResearchTools
from research.ports.page import Hit
from research.ports.sessions import EarlierTask
from research.ports.tool_servers import ServerTool
from research.ports.work import Draft, FieldAnswer, FieldGrade, Grade, Investigated, Plan, SubQuery
from research.task.task import Task

P = ParamSpec("P")
R = TypeVar("R")

VERSION: Final = "22"
FIELDS_TOGETHER: Final = 2
"""Fields that share one sub-query, and so its search and its pages. One each finds no more, and costs twice as much."""
HITS: Final = 10
ENOUGH_PAGES: Final = 3
"""Pages read for a sub-query when the first ones answer: enough to see whether they agree."""
MOST_PAGES: Final = 5
BESIDE: Final = 3
"""Pages about something else (lists, neighbours) that are read beside one that is about the entity."""
ABOUT: Final = 0.6
"""How surely a page is about the entity to count as one of its pages."""

Chooser = Callable[[Question, Sequence[Backing]], FieldAnswer]
Answerer = Callable[[Question, str, Sequence[ReadPage]], FieldAnswer]


class KeylessModel:
    """The `Model` port without a language model. It keeps nothing but a cache of the pages it read last, so one instance may
    serve any number of tasks."""

    name = KEYLESS
    identity = f"extractive/{VERSION}"
    keyless = True

    def __init__(self, chooser: Chooser = choose, answerer: Answerer = answer_question) -> None:
        """
        Args:
            chooser: decides between the candidates of a field; another one than the model's own is for training.
            answerer: answers a question in plain words; likewise.
        """
        self._shelf = Shelf()
        self._deciding = chooser, answerer
        self._named_earlier = ""
        """What the task is about, where only an earlier one of its session names that."""

    def continuing(self, task: Task, earlier: Sequence[EarlierTask]) -> tuple[KeylessModel, str | None]:
        """It reads an earlier task's pages like any, and takes from it what a question is about that names nothing itself."""
        told = copy.copy(self)
        told._named_earlier, warning = name_for(task, earlier)
        return told, warning

    def unpriced(self, processor: ProcessorName) -> tuple[str, ...]:
        return ()

    async def plan(self, task: Task, max_subqueries: int, ledger: UsageLedger, server_tools: Sequence[ServerTool] = ()) -> Plan:
        """One sub-query a field; with more fields than sub-queries, neighbouring fields share one."""
        task = with_name(task, self._named_earlier)
        entity = entity_of(task)
        questions = [question_of(f) for f in task.output_schema.fields]
        groups = _groups(questions, max_subqueries)
        return Plan(subqueries=tuple(_subquery(task, entity, place, group) for place, group in enumerate(groups, start=1)))

    async def investigate(self, task: Task, subquery: SubQuery, tools: ResearchTools, ledger: UsageLedger) -> Draft:
        """Search, read the pages that are about the entity, and take from their structure and sentences what fits each field.

        A page that cannot be read is passed over; an exhausted budget ends the reading.
        """
        task = with_name(task, self._named_earlier)
        entity = entity_of(task)
        questions = [question_of(f) for f in task.output_schema.fields if f.name in subquery.fields]
        is_open = all(question.open for question in questions)
        anything = Entity("", entity.words, (), entity.objective, "")
        queries = [task.task] if is_open else _queries(task, entity, questions, subquery)
        read: list[ReadPage] = []
        with suppress(BudgetExhausted):
            async for page in self._pages(anything if is_open else entity, queries, tools):
                read.append(page)
                relevant = sum(p.about >= ABOUT for p in read)
                if len(read) >= (ENOUGH_PAGES if is_open else MOST_PAGES) or (relevant and len(read) - relevant >= BESIDE):
                    break
                may_do = relevant >= ENOUGH_PAGES or page.hit.url == tools.start  # the page to begin with may answer all
                if not is_open and may_do and await _beside(read, _are_sure, entity, questions, read):
                    break
        answers = await _beside(read, _answers, task, entity, questions, read, *self._deciding)
        return _draft(answers, tools.check)

    async def grade(
        self,
        task: Task,
        work: Sequence[Investigated],
        max_subqueries: int,
        ledger: UsageLedger,
        server_tools: Sequence[ServerTool] = (),
    ) -> Grade:
        """Grade each field by what was found. Fields that nothing answered are asked for once more, together, in the words of
        their descriptions."""
        grades: dict[str, FieldGrade] = {}
        questions = [question_of(f) for f in task.output_schema.fields]
        for question in questions:
            given = [a for done in work for a in done.answers if a.field == question.field and a.value is not None]
            merged = merge(question, given)
            is_conflicting = merged.conflicting or len({repr(a.value) for a in given}) > 1
            found: FieldGrade = "conflicting" if is_conflicting else "thin" if merged.confidence == "low" else "supported"
            grades[question.field] = "missing" if merged.value is None else found
        missing = [q for q in questions if grades[q.field] == "missing" and q.description]
        if not missing or max_subqueries < 1 or any(done.subquery.round > 1 for done in work):
            return Grade(fields=grades)
        task = with_name(task, self._named_earlier)
        entity = entity_of(task)
        descriptions = ", ".join(q.description or q.label for q in missing)
        again = SubQuery(
            index=len(work) + 1,
            question=f"{entity.name}: {descriptions}" if entity.named else f"{task.task} {descriptions}",
            fields=tuple(q.field for q in missing),
            label=f"again: {', '.join(q.label for q in missing)}"[:60],
            round=2,
        )
        return Grade(fields=grades, ask=(again,))

    async def synthesize(self, task: Task, work: Sequence[Investigated], check: Checker, ledger: UsageLedger) -> Draft:
        """Merge the answers of all sub-queries, field by field."""
        answers = tuple(
            merge(question_of(f), [a for done in work for a in done.answers if a.field == f.name])
            for f in task.output_schema.fields
        )
        return _draft(answers, check)

    async def _pages(self, entity: Entity, queries: Sequence[str], tools: ResearchTools) -> AsyncGenerator[ReadPage, None]:
        """Pages worth reading, the most promising first, as long as the tools allow; another query when the first runs dry.

        Raises:
            BudgetExhausted: no further page may be fetched.
        """
        seen = {tools.start}
        if tools.start is not None and (page := await self._page(Hit(url=tools.start, title="", snippet="", score=0.0), tools)):
            yield replace(page, about=1.0)  # the task says that it is about the entity
        waiting: dict[str, Hit] = {}
        for query in queries:
            if tools.tool_calls_left < 2:
                return
            found = {hit.url: hit for hit in await tools.search(query, HITS) if hit.url not in seen}
            waiting |= {url: hit for url, hit in found.items() if url not in waiting or _mentions(entity, hit)}
            may_ask = query is not queries[-1] and tools.tool_calls_left >= 2
            if may_ask and entity.named and not any(aboutness(entity, (hit.title,)) >= ABOUT for hit in waiting.values()):
                continue  # the next query may bring a page of the thing: these are read behind it
            for hit in _promising(entity, [*waiting.values()]):
                seen.add(hit.url)
                if page := await self._page(hit, tools):
                    yield replace(page, about=min(aboutness(entity, (hit.title, *page.reading.titles)), 0.99))
            waiting = {}

    async def _page(self, hit: Hit, tools: ResearchTools) -> ReadPage | None:
        """A page as it reads; None if there is nothing to read."""
        try:
            passages = await tools.read(hit.url)
        except (FetchRefused, PageUnreadable, FetchFailed):
            return None
        return ReadPage(hit, passages, await self._shelf.reading(passages)) if passages else None


def _groups(questions: Sequence[Question], most: int) -> list[list[Question]]:
    """At most `most` groups of neighbours of about `FIELDS_TOGETHER`, as even as can be."""
    count = max(1, min(most, math.ceil(len(questions) / FIELDS_TOGETHER)))
    bounds = [round(place * len(questions) / count) for place in range(count + 1)]
    return [list(questions[start:end]) for start, end in pairwise(bounds)]


def _subquery(task: Task, entity: Entity, index: int, group: Sequence[Question]) -> SubQuery:
    label = ", ".join(q.label for q in group)
    if all(q.open for q in group) or not entity.named:
        question = task.task if len(group) == len(task.output_schema.fields) else f"{task.task} ({label})"
    else:
        question = f"{entity.name}: {label}"
    return SubQuery(index=index, question=question, fields=tuple(q.field for q in group), label=label[:60])


def _queries(task: Task, entity: Entity, questions: Sequence[Question], subquery: SubQuery) -> list[str]:
    labels = " ".join(q.label for q in questions)
    if subquery.round > 1:
        return [subquery.question]
    edited = [subquery.question] if subquery.edited else []
    if not entity.named:
        return [*edited, f"{task.task} {labels}"]
    return [*edited, f"{entity.name} {labels}", f"{entity.name} {entity.context}".strip()]


def _promising(entity: Entity, hits: Sequence[Hit]) -> list[Hit]:
    """Hits in reading order: those whose title names the entity, then those that name it in a line of their snippet (a register),
    then those whose title names something like it."""
    if not entity.named:
        return list(hits)
    about = {hit.url: round(aboutness(entity, (hit.title,)), 1) for hit in hits}
    return sorted(hits, key=lambda hit: (about[hit.url] < ABOUT, not _mentions(entity, hit), -about[hit.url]))


def _mentions(entity: Entity, hit: Hit) -> bool:
    """Whether a line of a hit's snippet names the entity."""
    return any(mentions(entity, words(line)) for line in hit.snippet.splitlines())


async def _beside(read: Sequence[ReadPage], work: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Work on pages that were read: where one of them is large, beside the event loop."""
    if any(page.reading.is_large for page in read):
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)


def _are_sure(entity: Entity, questions: Sequence[Question], read: Sequence[ReadPage]) -> bool:
    """Whether every question has a candidate that needs no further page."""
    trusted = [page for page in read if not page.reading.suspected]
    return all(
        any(scorer().log_odds(q, c) >= SURE for page in trusted for c in of_facts(Asked(q, entity, page.about), page.reading))
        for q in questions
    )


def _answers(
    task: Task, entity: Entity, questions: Sequence[Question], read: Sequence[ReadPage], chooser: Chooser, answerer: Answerer
) -> tuple[FieldAnswer, ...]:
    return tuple(
        (_stated(q, task, entity, read, chooser) or answerer(q, task.task, read)) if q.open else _chosen(q, entity, read, chooser)
        for q in questions
    )


def _stated(question: Question, task: Task, entity: Entity, read: Sequence[ReadPage], chooser: Chooser) -> FieldAnswer | None:
    """What answers a question in plain words as it would a field: under a key that says the same (`Launch: 16 July 1969`, for
    when it was launched), in the page's data, or as what its layout shows."""
    asked = asked_for(task.task, entity.words) if entity.named else None
    if asked is None:
        return None
    about = (replace(page, about=aboutness(entity, (page.hit.title, *page.reading.titles))) for page in read)
    found = chooser(asked, [b for page in about for b in _backings(asked, entity, page) if b.candidate.source != "sentence"])
    wanted = HOLDS.get(wording_of(task.task).kind)
    if found.value is None or (wanted and wanted.isdisjoint(mark.kind for mark in marks(str(found.value)))):
        return None
    sure = "low" if found.confidence == "low" else "medium"  # the question may mean something else by its words
    return found.changed(field=question.field, value=str(found.value), confidence=sure)


def _chosen(question: Question, entity: Entity, read: Sequence[ReadPage], chooser: Chooser) -> FieldAnswer:
    """The answer of the pages; of an empty one the reason says what they have instead of a day, or under the field's own key."""
    if parts := parts_of(question):
        return whole(question, {name: _chosen(part, entity, read, chooser) for name, part in parts.items()})
    answer = chooser(question, [b for page in read for b in _backings(question, entity, page)])
    if answer.value is not None:
        return answer
    if question.kind == "date" and "format" in question.schema:
        part = _chosen(less_exact(question), entity, read, chooser)
        if part.value is not None and len(part.value) < len("YYYY-MM-DD"):
            return answer.changed(reasoning=f"{part.reasoning} The field asks for a day, YYYY-MM-DD; a text would take less.")
    asked = ((page.title, Asked(question, entity, page.about), page.reading) for page in read)
    return answer.changed(reasoning=why_unfit(question, asked) or answer.reasoning)


def _backings(question: Question, entity: Entity, page: ReadPage) -> Iterator[Backing]:
    asked = Asked(question, entity, page.about)
    for candidate in (*of_facts(asked, page.reading), *of_sentences(asked, page.reading), *of_shown(asked, page.reading)):
        ids = tuple(page.passages[place].id for place in candidate.places)
        yield Backing(candidate, page.passages[0].page_hash, page.title, ids, page.reading.suspected)


def _draft(answers: tuple[FieldAnswer, ...], check: Checker) -> Draft:
    """Answers as a draft. What does not fit the schema is withdrawn, and the reason says so."""
    wrong = {unpointer(fault.pointer)[0] for fault in check(Draft(answers=answers, summary="")) if fault.pointer}
    why = "What was found does not fit the schema and was withdrawn."
    left = tuple(
        FieldAnswer(field=a.field, reasoning=f"{why} {a.reasoning}") if a.field in wrong and a.value is not None else a
        for a in answers
    )
    found = "; ".join(f"{a.field}: {_brief(a.value)}" for a in left if a.value is not None)
    return Draft(answers=left, summary=found or "Nothing was found that answers this.")


def _brief(value: Any) -> str:
    return shortened(", ".join(map(str, value)) if isinstance(value, list) else str(value), 160)
