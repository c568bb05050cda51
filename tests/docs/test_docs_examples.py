"""Every code block of the README and the docs is one that works: Python runs, commands are parsed by the program they call, data
is read by what reads it. A block that none of this covers has the language `text`."""

from __future__ import annotations

import ast
import asyncio
import base64
import inspect
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.flows import load_flow_from_entrypoint

import flows
from flows.cli.app import app, main
from flows.enrichment import enrich
from flows.run.mcp_servers import read_servers
from flows.run.options import EnrichOptions
from flows.run.request import Request
from research.money.processors import load_processors
from research.output_schema.output_spec import OutputSpec
from research.tables import open_run
from research.task.agents import read_profile
from research.task.task import Task
from tests.docs.docs_blocks import DOCUMENTS, ROOT, RUN, Block, blocks, blocks_in, documents_with, lay_out

CHECKED = {"python", "sh", "json", "toml", "yaml", "text"}
CHECKED_ELSEWHERE = {
    "sql": ROOT / "tests" / "tables" / "test_tables_warehouse.py",
    "http": ROOT / "tests" / "serve" / "test_serve_docs.py",
}

PRINTED = {"docs/web.md": "True Voyager 1 text/html\n"}
"""What the examples of a page print, where that is the point of them."""
PROMISED: dict[str, Callable[[dict[str, Any]], bool]] = {
    "README.md": lambda names: names["result"].output == {"operator": "NASA"},
    "docs/python.md": lambda names: (names["result"].output, names["summary"].completed) == ({"operator": "NASA"}, 20),
    "docs/run-folder.md": lambda names: names["cell"].value == "1977-09-05",
    "docs/resynthesize.md": lambda names: open_run(names["done"].run).cell(17, "mass_kg").value == 721.9,
    "docs/calibration.md": lambda names: 0.97 < names["made"].overall["medium"].p_correct < 1,
    "docs/tables.md": lambda names: names["row"] == {"mission": "Voyager 1", "year": 1977},
}
"""What holds when the examples of a page have run."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, prefect_server: None) -> Path:
    """A folder with all that the examples name, an earlier run included."""
    folder = tmp_path_factory.mktemp("docs")
    lay_out(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        options = {"output_schema": "mission.json", "objective": "Facts about {mission}", "corpus": "pages/", "out": str(RUN)}
        asyncio.run(flows.enrich("missions.csv", **options))
        asyncio.run(_make_work_pool("research"))
        for copy in COPIES:
            shutil.copytree(folder / RUN, folder / copy)
    return folder


COPIES = ("runs/demo", "runs/companies-3f9a1c20")
"""Run folders that examples name beside `RUN`."""
NOT_RUN = {
    "answer": "needs a run that waits for answers: tests/flows/test_flows_waiting.py",
    "approve": "needs a run that waits for a decision: tests/flows/test_flows_pilot_approval.py",
    "monitor": "needs a Prefect server of one's own: tests/flows/test_flows_monitors.py",
    "review": "needs a file of decisions: tests/tables/test_tables_review.py",
    "run": "asks on: tests/cli/test_cli_input.py",
}
"""Commands that are not run here, and where they are."""
DRY = ("enrich", "find", "refresh", "resume", "resynthesize")
"""Commands that check everything and then say what they would do."""
ELSEWHERE = ("s3://", "workers:", "dask:", "/shared/", "claude_web", "ddgs", "qwen3")
"""What an example names that is not here: a storage, a pool, a scheduler, a service."""


async def _make_work_pool(name: str) -> None:
    async with get_client() as client:
        # A process may come back to this module after another one, at the same server.
        await client.create_work_pool(WorkPoolCreate(name=name, type="process"), overwrite=True)


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    monkeypatch.setenv("RESEARCH_CORPUS", "pages/")  # an example on something else does not say where to look
    monkeypatch.setenv("RESEARCH_WEBHOOK_SECRET", "whsec_" + base64.b64encode(bytes(32)).decode())  # a page writes whsec_…
    return place


@pytest.mark.parametrize("document", documents_with("python"))
def test_the_python_of_a_page_runs_from_top_to_bottom(document: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(document):
        if block.language == "python":
            run_python(block, names)
    if document in PRINTED:
        assert capsys.readouterr().out == PRINTED[document]
    assert PROMISED.get(document, bool)(names)


@pytest.mark.parametrize("block", blocks_in("sh"), ids=lambda block: block.place)
def test_a_command_is_one_that_the_shell_and_the_program_understand(block: Block, here: Path) -> None:
    subprocess.run(["bash", "-n"], input=block.code, text=True, check=True, timeout=30)
    for words in commands(block.code):
        match words:
            case ["research", *arguments]:
                app.parse_args(arguments, exit_on_error=False, print_error=False)
            case ["make", target]:
                assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
            case ["prefect", "deployment", "run", name, *parameters]:
                assert name == f"{enrich.name}/enrich"
                known = inspect.signature(enrich.fn).parameters
                assert [each for each in parameters if each != "--param" and each.split("=")[0] not in known] == []


@pytest.mark.parametrize(
    "block", [block for block in blocks_in("sh") if "research " in block.code], ids=lambda block: block.place
)
def test_a_command_does_what_is_written(block: Block, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run in a folder with the files that it names; one that would research says what it would do."""
    for words in commands(block.code):
        if words[:1] != ["research"] or words[1] in NOT_RUN or any(each in " ".join(words) for each in ELSEWHERE):
            continue
        code = main([*words[1:], *(["--dry-run"] if words[1] in DRY and "--dry-run" not in words else [])])
        assert code == 0 or words[1] == "doctor", capsys.readouterr().err


@pytest.mark.parametrize("block", [block for block in blocks_in("sh") if "prefect deployment run" in block.code])
def test_a_deployment_run_is_a_request_that_can_be_researched(block: Block, here: Path) -> None:
    """With what `prefect.yaml` says for it, and what the command says instead."""
    (deployment,) = [
        each for each in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"] if each["name"] == "enrich"
    ]
    for words in commands(block.code):
        if words[:3] == ["prefect", "deployment", "run"]:
            stated = dict(each.split("=", 1) for each in words[4:] if each != "--param")
            asked = {**deployment["parameters"], **{name: yaml.safe_load(value) for name, value in stated.items()}}
            assert Request.of(EnrichOptions(**asked)).table.row_count


@pytest.mark.parametrize("block", blocks_in("json"), ids=lambda block: block.place)
def test_a_schema_is_one(block: Block) -> None:
    assert OutputSpec.parse(json.loads(block.code)).fields


@pytest.mark.parametrize("block", blocks_in("toml"), ids=lambda block: block.place)
def test_a_file_of_processors_or_servers_or_an_agents_profile_is_one(block: Block, tmp_path: Path) -> None:
    (tmp_path / "processors.toml").write_text(block.code)
    if block.place.startswith("docs/agents.md"):
        assert read_profile(tmp_path / "processors.toml").instructions
        return
    if "[[mcp_servers]]" in block.code:
        assert Task.model_validate(
            {"task": "x", "mcp_servers": read_servers([str(tmp_path / "processors.toml")]), "secrets": ["CRM_TOKEN"]}
        )
        return
    assert load_processors(tmp_path / "processors.toml") != load_processors()


@pytest.mark.parametrize("block", blocks_in("yaml"), ids=lambda block: block.place)
def test_deployments_are_of_flows_that_take_their_parameters(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])  # Prefect leaves a loaded flow's folder on it
    for deployment in yaml.safe_load(block.code):
        flow = load_flow_from_entrypoint(deployment["entrypoint"])
        flow.validate_parameters(deployment["parameters"])


def test_no_block_is_left_out() -> None:
    languages = {block.language for document in DOCUMENTS for block in blocks(document)}
    assert languages <= CHECKED | CHECKED_ELSEWHERE.keys()
    assert all(language in test.read_text() for language, test in CHECKED_ELSEWHERE.items())


def run_python(block: Block, names: dict[str, Any]) -> None:
    """Run a block as a notebook would: `await` works at the top. Tests that it defines are run too."""
    before = set(names)
    source = "\n" * (block.line - 1) + block.code  # errors name the line of the page
    compiled = compile(source, block.document, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    _finish(eval(compiled, names))  # noqa: S307 - our own page
    for name in names.keys() - before:
        if name.startswith("test_"):
            _finish(names[name]())


def _finish(outcome: Any) -> None:
    if inspect.iscoroutine(outcome):
        asyncio.run(outcome)


def commands(code: str) -> list[list[str]]:
    """The words of each command: lines that go on are one, pipes end one, and the text of a here-document is none."""
    joined = re.sub(r"<<'(\w+)'.*?^\1$", "", code.replace("\\\n", " "), flags=re.MULTILINE | re.DOTALL)
    return [shlex.split(line.split("|")[0], comments=True) for line in joined.splitlines()]
