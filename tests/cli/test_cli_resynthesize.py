"""`research resynthesize`, and `research enrich --reuse`: what a person types, and what is said before anything runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from cli_desk import Command

from research.tables import open_run
from research.testing import Answer, ModelServer, Request, call, structured, tool_calls

ENRICH = ("enrich", "missions.csv", "--corpus", "pages", "--objective", "Facts about {mission}")


@pytest.fixture
def old(research: Command, desk: Path) -> Path:
    """A finished run that knows operators, and a schema with one more field."""
    (desk / "narrow.json").write_text('{"operator": "who operates it"}')
    assert research(*ENRICH, "--schema", "narrow.json", "--out", "old").code == 0
    return desk / "old"


@pytest.mark.usefixtures("prefect_server")
def test_a_column_is_added_from_the_stored_pages_alone(research: Command, desk: Path, old: Path) -> None:
    shutil.rmtree(desk / "pages")
    planned = research("resynthesize", "old", "--schema", "mission.json", "--dry-run", "--json").lines[0]
    assert planned["reuse"] == {
        "run": "old",
        "fields_kept": ["operator"],
        "fields_researched": ["launched"],
        "rows_kept": 2,
        "rows_not_kept": 0,
    }
    said = research("resynthesize", "old", "--schema", "mission.json", "--dry-run").out
    assert "operator, from old, for 2 rows" in said
    assert "launched for these rows" in said

    ran = research("resynthesize", "old", "--schema", "mission.json", "--out", "new")
    assert (ran.code, "2 rows: 2 completed" in ran.out) == (0, True)
    rows = research("show", "new", "--json").lines
    assert [(row["operator"], row["launched"]) for row in rows] == [("NASA", "1977-09-05"), ("ESA", "1985-07-02")]
    assert research("verify", "new").code == 0

    every = research("resynthesize", "old", "--all", "--dry-run", "--json").lines[0]["reuse"]
    assert (every["fields_kept"], every["fields_researched"]) == ([], ["operator"])


@pytest.mark.usefixtures("prefect_server")
def test_enrich_reuse_researches_only_the_new_field_and_the_plan_says_so(research: Command, desk: Path, old: Path) -> None:
    (desk / "missions.csv").write_text((desk / "missions.csv").read_text() + "Sputnik 1,009,\n")
    wider = (*ENRICH, "--schema", "mission.json", "--reuse", "old", "--out", "new")
    planned = research(*wider, "--dry-run")
    assert "launched for these rows" in planned.out
    assert "every field for 1 row that old has not" in planned.out
    assert research(*wider).code == 0
    assert research("verify", "new").code == 0
    assert [row["launched"] for row in research("show", "new", "--json").lines] == ["1977-09-05", "1985-07-02", None]

    other = research("enrich", "missions.csv", "--corpus", "pages", "--reuse", "old", "--schema", "mission.json")
    assert other.code == 2
    assert "asked something else" in other.err
    assert "/objective/template" in other.err


@pytest.mark.usefixtures("prefect_server")
def test_another_schema_in_the_same_folder_and_a_request_for_nothing_say_what_to_do(research: Command, old: Path) -> None:
    refused = research(*ENRICH, "--schema", "mission.json", "--out", "old")
    assert refused.code == 2
    assert "--reuse old" in refused.err
    nothing = research("resynthesize", "old")
    assert nothing.code == 2
    assert "give another schema with --schema" in nothing.err
    assert research("resynthesize", "pages", "--all").code == 2


def researcher(request: Request) -> Answer:
    """Searches once, reads the first page, and answers each field that it is asked with the line that names it."""
    done = request.tool_results
    if not done:
        return tool_calls(call("search", query="words that stand on no page"))
    if done[-1].name == "search":
        url = re.search(r"url: (\S+)", done[-1].text)
        assert url, done[-1].text
        return tool_calls(call("read", url=url[1], about="facts"))
    asked = set(re.findall(r"`(operator|launched)`", str(request.messages[0]["content"])))
    lines = {"operator": r"Operator: (\w+)", "launched": r"Launched: ([\w ]+)"}
    passage = re.search(r"(?m)^(p\d+)\n(?:    .*\n)*?    Operator", done[-1].text)
    assert passage, done[-1].text
    answers = []
    for field in sorted(asked):
        stated = re.search(lines[field], done[-1].text)
        assert stated
        value = {"5 September 1977": "1977-09-05", "2 July 1985": "1985-07-02"}.get(stated[1], stated[1])
        answers.append(
            {
                "field": field,
                "value": value,
                "passages": [passage[1]],
                "against": [],
                "reasoning": "It says.",
                "confidence": "high",
            }
        )
    return structured({"answers": answers, "not_found": [], "summary": ""})


@pytest.mark.usefixtures("prefect_server")
def test_claude_answers_from_stored_pages_within_its_tool_budget_and_only_the_new_field_is_asked(
    research: Command, desk: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(desk / "pages")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    with ModelServer(researcher) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        command = ("resynthesize", "old", "--schema", "mission.json", "--model", "claude", "--out", "new")
        assert research(*command, "--dry-run", "--json").lines[0]["estimate"]["rows"] == 2
        assert server.requests == []
        ran = research(*command, "--json")
        assert ran.code == 0
        assert 0 < ran.lines[-1]["spent_usd"] < 1
        assert all("`operator`" not in str(request.messages[0]["content"]) for request in server.requests)
    rows = research("show", "new", "--json").lines
    assert [(row["operator"], row["launched"]) for row in rows] == [("NASA", "1977-09-05"), ("ESA", "1985-07-02")]
    usage = open_run(desk / "new").usage()
    assert usage[["tool_calls", "search_queries", "pages_fetched"]].to_numpy().tolist() == [[2, 0, 0]] * 2
    assert research("verify", "new").code == 0
