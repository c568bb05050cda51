"""What people read: names of task runs, the report in the UI, and which errors are tried again."""

from __future__ import annotations

import asyncio
import string
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from flows_doubles import below_prefect, planets, reader
from hypothesis import given
from hypothesis import strategies as st
from prefect.flows import load_flow_from_entrypoint
from prefect.states import Failed

from flows import artifacts
from flows.engines.shards_flow import FLOW
from flows.enrichment import enrich
from flows.run.second_look import second_look
from flows.run.task_labels import row_label, shard_label
from flows.tasks import is_transient
from research import errors
from research.ports.work import SubQuery
from research.steps.labels import subquery_label

flow_module = sys.modules["flows.enrichment"]


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({"id": 7, "name": "Voyager 1"}, "row 17 · Voyager 1"),
        ({"id": "0042", "year": 1977, "name": "Voyager\n 1"}, "row 17 · Voyager 1"),
        ({"id": 7, "name": None}, "row 17"),
        ({"name": "x" * 200}, "row 17 · " + "x" * 59 + "…"),
    ],
)
def test_a_row_is_called_by_its_place_and_its_first_cell_that_reads_like_a_name(values: dict[str, object], label: str) -> None:
    assert row_label(17, values) == label


def test_a_sub_query_is_called_by_its_label_or_its_question() -> None:
    subquery = SubQuery(index=2, question="When was it launched?", fields=("launched",), label="launch date")
    assert subquery_label(subquery) == "sub-query 2 · launch date"
    assert subquery_label(subquery.model_copy(update={"label": ""})) == "sub-query 2 · When was it launched?"


def test_a_shard_is_called_by_its_rows() -> None:
    assert shard_label(2, 200, 100) == "shard 2 · rows 200-299"


async def test_only_transient_errors_are_tried_again_and_a_model_s_silence_is_not() -> None:
    """A model has had its whole time budget when it is given up."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    again = {kind for kind in kinds if await is_transient(None, None, Failed(data=kind("why")))}  # type: ignore[arg-type]
    assert again == {kind for kind in kinds if issubclass(kind, errors.TransientError)} - {errors.ModelUnavailable}
    assert again >= {errors.SearchFailed, errors.FetchFailed}
    assert not await is_transient(None, None, Failed(data=ValueError("a bug")))  # type: ignore[arg-type]


@given(st.text(alphabet=string.printable, max_size=80))
def test_text_from_a_page_cannot_become_markdown(text: str) -> None:
    """Every punctuation mark is escaped and no line is broken: nothing is a link, an image, a heading, a cell or HTML."""
    shown = artifacts.plain(text)
    assert "\n" not in shown
    bare = shown.replace("\\\\", "")
    assert all(bare[i - 1 : i] == "\\" for i, c in enumerate(bare) if c in string.punctuation and c != "\\")
    assert shown.replace("\\", "") == " ".join(text.split()).replace("\\", "")


def test_the_deployment_is_of_this_flow_with_parameters_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`prefect.yaml` at the root: its entry point is the flow, and its defaults pass the flow's own check."""
    root = Path(__file__).parents[2]
    monkeypatch.setattr(sys, "path", [*sys.path])  # Prefect leaves a loaded flow's folder on it
    deployments = {each["name"]: each for each in yaml.safe_load((root / "prefect.yaml").read_text())["deployments"]}
    assert load_flow_from_entrypoint(deployments["shards"]["entrypoint"]).name == FLOW
    refresh = load_flow_from_entrypoint(deployments["refresh"]["entrypoint"])
    assert refresh.validate_parameters(deployments["refresh"]["parameters"])
    deployment = deployments["enrich"]
    file, name = deployment["entrypoint"].split(":")
    assert (root / file).samefile(flow_module.__file__)
    assert enrich.validate_parameters(deployment["parameters"])["table"] == "data/missions.csv"
    assert getattr(flow_module, name) is enrich
    for path in ("table", "output_schema", "corpus"):
        assert (root / deployment["parameters"][path]).exists()


def test_the_report_shows_what_came_of_a_run_and_no_text_of_a_page_becomes_markup(tmp_path: Path) -> None:
    """A failed row whose error is an attack in Markdown and HTML is shown as the text that it is."""
    attack = "| [click](javascript:alert(1)) <img src=x onerror=alert(1)> ![](http://tracker/)"

    def hook(name: str, _: SubQuery) -> None:
        if name == "Planet 1":
            raise errors.PageUnreadable(attack)

    table = tmp_path / "planets.csv"
    pd.DataFrame(planets(3)).to_csv(table, index=False)
    run = asyncio.run(below_prefect(table, tmp_path / "run", model=reader(hook)))
    report = artifacts.report(run, [("rows", 3), ("failed", 1)], second_look(run, artifacts.LOW_CELLS))
    assert "| rows | 3 |" in report
    assert "| moons | 2 | 67 \\% | 1 | 2 | 0 | 0 | 0 |" in report
    (line,) = [line for line in report.splitlines() if "click" in line]
    assert line.startswith("| 1 | PageUnreadable")
    assert "](" not in report
    assert " <img" not in report
