"""A result comes back as it was written, and usages add up."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from research.money.usage import Tokens, Usage
from research.result.publish import as_text, contract, publish
from research.result.result import SECOND_NAMES, Citation, Excerpt, FieldBasis, Finding, Result, Source, lowest

CONTRACT = Path(__file__).parents[2] / "schemas" / "contract"
NOW = datetime(2026, 1, 31, 9, 15, tzinfo=UTC)

FULL = Result(
    task_id="t-1",
    status="completed",
    task="Who?",
    processor="core",
    model="extractive",
    metadata={"owner": "me"},
    fields=["name"],
    output_schema={"type": "object"},
    output={"name": "Ada", "when": None},
    basis=[
        FieldBasis(
            field="name",
            citations=[
                Citation(
                    url="https://example.com/",
                    title="Ada",
                    excerpts=[Excerpt(text="Ada", page_hash="0" * 64, start=3, end=6, support="stated")],
                )
            ],
            reasoning="It says so.",
            confidence="high",
        )
    ],
    usage=Usage(tool_calls=2, tokens=Tokens(input=None, output=7)),
    cost_usd=0.25,
    findings=[Finding(subquery="Who?", answer="Ada")],
    sources_detailed=[Source(index=1, url="https://example.com/", title="Ada", domain="example.com", fetched=NOW)],
    session_id="s-1",
    created_at=NOW,
    modified_at=NOW,
    completed_at=NOW,
)


def test_a_result_comes_back_as_it_was_written() -> None:
    """Also with the names that are written twice."""
    assert Result.model_validate_json(FULL.model_dump_json()) == FULL
    assert Result.model_validate(FULL.model_dump()) == FULL


def test_the_contracts_second_names_are_written() -> None:
    written = json.loads(FULL.model_dump_json())
    assert set(written) >= SECOND_NAMES == set(Result.model_computed_fields)
    assert written["run_id"] == written["task_id"] == "t-1"
    assert written["query"] == written["task"]
    assert written["interaction_id"] == written["session_id"] == "s-1"
    assert written["createdAt"] == written["created_at"] == "2026-01-31T09:15:00Z"
    assert written["completedAt"] == written["completed_at"]
    assert written["is_active"] is False


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValidationError):
        Result.model_validate({**FULL.model_dump(), "statuss": "x"})


def test_moments_are_utc_and_never_without_a_zone() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    assert Result.model_validate({**FULL.model_dump(), "created_at": elsewhere}).model_dump_json() == FULL.model_dump_json()
    with pytest.raises(ValidationError):
        Result.model_validate({**FULL.model_dump(), "created_at": NOW.replace(tzinfo=None)})


def test_confidence_is_the_lowest_of_the_fields() -> None:
    assert FULL.confidence == "high"
    assert lowest(["high", "low", "medium"]) == "low"
    assert lowest(["high", None]) is None
    assert lowest([]) is None


COUNT = st.integers(0, 10**9)
USAGES = st.builds(
    Usage,
    tool_calls=COUNT,
    search_queries=COUNT,
    pages_fetched=COUNT,
    tokens=st.builds(Tokens, input=st.none() | COUNT, output=COUNT, cache_read=st.none() | COUNT, cache_write=COUNT),
    planner_calls=COUNT,
    grader_calls=COUNT,
    synth_calls=COUNT,
    scratchpad_mode=st.none() | st.sampled_from(["bm25", "full"]),
    scratchpad_chunks_indexed=COUNT,
    scratchpad_chunks_used=COUNT,
    scratchpad_searches=COUNT,
    scratchpad_tool_turns=COUNT,
)


@given(USAGES, USAGES, USAGES)
def test_usages_add_up_in_any_grouping(one: Usage, two: Usage, three: Usage) -> None:
    assert (one + two) + three == one + (two + three)
    assert one + Usage() == one == Usage() + one
    assert (one + two).tool_calls == one.tool_calls + two.tool_calls


@given(USAGES, USAGES)
def test_usages_add_up_in_any_order(one: Usage, two: Usage) -> None:
    """All but the name of the scratchpad's mode, which is that of the first."""
    assert (one + two).model_dump(exclude={"scratchpad_mode"}) == (two + one).model_dump(exclude={"scratchpad_mode"})


@given(USAGES)
def test_unknown_stays_unknown(usage: Usage) -> None:
    """None is not zero."""
    assert (usage + Usage(tokens=Tokens(input=None))).tokens.input is None


# The published schemas


@pytest.mark.parametrize("name", contract())
def test_the_published_schemas_are_those_of_the_models(name: str) -> None:
    """If this fails, the contract has changed. Read `docs/contract.md`, then run `python -m research.result.publish`."""
    published = (CONTRACT / name).read_text(encoding="utf-8")
    assert published == as_text(contract()[name]), (
        "run `python -m research.result.publish`, and see docs/contract.md on breaking changes"
    )
    Draft202012Validator.check_schema(json.loads(published))


def test_nothing_else_is_published() -> None:
    assert {file.name for file in CONTRACT.iterdir()} == set(contract())


def test_publishing_writes_every_schema(tmp_path: Path) -> None:
    assert {file.name for file in publish(tmp_path / "new")} == set(contract())


def test_a_written_result_fits_its_published_schema() -> None:
    check = Draft202012Validator(json.loads((CONTRACT / "result.schema.json").read_text(encoding="utf-8")))
    assert [error.message for error in check.iter_errors(json.loads(FULL.model_dump_json()))] == []
