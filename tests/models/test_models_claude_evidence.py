"""Whatever the model says of its sources, what reaches the basis stands letter for letter in a page that was read."""

from __future__ import annotations

import asyncio
import random
import re
from typing import Any

from claude_doubles import (
    GAZETTE,
    PAGES,
    SCHEMA,
    VOYAGER,
    answer,
    ask,
    ask_model,
    claude,
    found,
    passage_with,
    role_of,
    task,
)

from research.result.result import Result
from research.testing import ModelServer, Pages, Reply, Request, call, structured, tool_calls

PAGE = next(iter(PAGES))
READS = tool_calls(call("read", url=PAGE, about="launch"))
WRONG = {
    "launched": ["1977-09-06", "1979-09-05", "1977-05-09"],
    "operator": ["National Aeronautics", "ESA", "NASA and ESA", "JPL"],
}
PARAPHRASED = "The probe left Earth in early autumn of 1977, run by the American space agency."


def check(result: Result, shelf: Pages) -> int:
    """How many excerpts the basis has; each is a copy of the place it points at."""
    count = 0
    for basis in result.basis:
        for citation in basis.citations:
            for excerpt in citation.excerpts:
                page = shelf.recall(excerpt.page_hash)
                assert page.text[excerpt.start : excerpt.end] == excerpt.text
                assert citation.url == page.url
                count += 1
        value = result.output[basis.field] if isinstance(result.output, dict) else None
        supported = any(e.support in ("stated", "inferred") for c in basis.citations for e in c.excerpts)
        assert supported == (value is not None) == (basis.confidence is not None)
    return count


def lies(seed: int) -> Any:
    """An answer whose ids, values, offsets and quotes may all be made up; it is never mended."""
    draw = random.Random(seed)

    def rule(request: Request) -> Reply:
        if role_of(request) == "judge":
            shown = re.findall(r"passages: (.*)", request.text)
            claims = [
                {"claim": n, "passages": draw.choice([["s1p99"], ["p1"], ids.split(", "), []])} for n, ids in enumerate(shown, 1)
            ]
            return structured({"claims": [*claims, {"claim": 77, "passages": ["s1p1"]}]})
        if not request.tool_results:
            return READS
        entries = []
        for name, wrong in WRONG.items():
            right = passage_with(request, "5 September 1977" if name == "launched" else "Operator")
            value = draw.choice([*wrong, {"launched": "1977-09-05", "operator": "NASA"}[name]])
            ids = draw.sample(["p0", "p99", "s1p1", "p1", "p2", "p3", right, "p3:120-140", f"{PAGE}#p3", PARAPHRASED], 3)
            entry = found(name, value, *ids, against=draw.sample(["p98", "p1", "p2"], 1))
            entries.append({**entry, "quote": PARAPHRASED, "start": 3, "end": 9})
        summary = f"{PARAPHRASED} [p2] [p99] [7]"
        return answer(*entries, summary=summary).anyway()

    return rule


def test_of_answers_full_of_lies_nothing_that_is_not_a_copy_reaches_the_basis():
    """Invented ids, wrong offsets, paraphrased quotes, and a judge that makes things up as well."""
    answers = 60  # 300 in tests/benchmarks/claude_bench.py
    excerpts, values = look_at(answers)
    assert excerpts > answers / 3, "the test shall have something to look at"
    assert 0 < values < 2 * answers


def look_at(answers: int) -> tuple[int, int]:
    """Check so many answers; how many excerpts and how many values reached the basis."""

    async def all_of_them() -> tuple[int, int]:
        excerpts = values = 0
        rule: dict[str, Any] = {}
        with ModelServer(lambda request: rule["now"](request)) as server:
            async with claude(server) as model:
                for seed in range(answers):
                    rule["now"] = lies(seed)
                    shelf = Pages({PAGE: VOYAGER})
                    result = await ask_model(model, task(), shelf)
                    assert result.status == "completed", result.error
                    excerpts += check(result, shelf)
                    assert isinstance(result.output, dict)
                    values += sum(value is not None for value in result.output.values())
                    assert PARAPHRASED not in result.model_dump_json(include={"basis"})
                    numbers = {int(n) for n in re.findall(r"\[(\d+)\]", result.findings[0].answer)}
                    assert numbers <= {source.index for source in result.sources_detailed}
        return excerpts, values

    return asyncio.run(all_of_them())


async def test_a_value_that_its_passage_does_not_state_is_dropped_unless_a_judge_says_it_follows():
    said = answer(found("operator", "the American space agency", "p2"), missing=["launched"])

    def judging(passages: list[str]) -> Any:
        return lambda request: (
            structured({"claims": [{"claim": 1, "passages": passages}]}) if role_of(request) == "judge" else script(request)
        )

    def script(request: Request) -> Reply:
        return said if request.tool_results else READS

    with ModelServer(judging(["s1p2"])) as server:
        kept = await ask(server)
        judge = next(r for r in server.requests if role_of(r) == "judge")
        assert judge.model == "claude-haiku-5-5"
        assert sum(role_of(r) == "judge" for r in server.requests) == 1
    with ModelServer(judging([])) as server:
        dropped = await ask(server)
    assert isinstance(kept.output, dict)
    assert isinstance(dropped.output, dict)
    assert kept.output["operator"] == "the American space agency"
    assert [(b.confidence, [e.support for c in b.citations for e in c.excerpts]) for b in kept.basis][1] == (
        "medium",
        ["inferred"],
    )
    assert dropped.output["operator"] is None


async def test_what_stands_there_needs_no_judge():
    def script(request: Request) -> Reply:
        if not request.tool_results:
            return READS
        return answer(found("operator", "NASA", passage_with(request, "Operator")), missing=["launched"])

    with ModelServer(script) as server:
        await ask(server)
        assert [role_of(request) for request in server.requests] == ["investigate", "investigate"]


async def test_sources_that_disagree_are_both_shown():
    def script(request: Request) -> Reply:
        if not request.tool_results:
            return tool_calls(*(call("read", url=url, about="launch") for url in PAGES))
        right, wrong = passage_with(request, "on 5 September 1977"), passage_with(request, "on 6 September 1977")
        return answer(found("launched", "1977-09-05", right, against=[wrong]), missing=["operator"])

    with ModelServer(script) as server:
        result = await ask(server, pages=Pages({**dict(zip(PAGES, (VOYAGER, GAZETTE), strict=True))}))
    shown = {c.url: [(e.text, e.support) for e in c.excerpts] for c in result.basis[0].citations}
    assert [support for pieces in shown.values() for _, support in pieces] == ["stated", "against"]
    assert "6 September 1977" in shown["https://gazette.example/1977"][0][0]
    assert result.basis[0].confidence == "medium"
    assert "`launched`: sources disagree; its basis shows both sides" in result.warnings
    assert set(SCHEMA) == {b.field for b in result.basis}
