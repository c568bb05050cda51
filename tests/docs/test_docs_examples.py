"""Every code block of the README and the docs is one that works: Python runs, commands are parsed by the program they call, data
is read by what reads it. A block that none of this covers has the language `text`."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.flows import load_flow_from_entrypoint

import flows
from flows.cli.app import app
from flows.enrichment import enrich
from research.money.processors import load_processors
from research.output_schema.output_spec import OutputSpec
from research.tables import open_run
from tests.docs.docs_blocks import DOCUMENTS, ROOT, RUN, Block, blocks, blocks_in, documents_with, lay_out

CHECKED = {"python", "sh", "json", "toml", "yaml", "text"}
CHECKED_ELSEWHERE = {"sql": ROOT / "tests" / "tables" / "test_tables_warehouse.py"}

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
    return folder


async def _make_work_pool(name: str) -> None:
    async with get_client() as client:
        await client.create_work_pool(WorkPoolCreate(name=name, type="process"))


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    monkeypatch.setenv("RESEARCH_CORPUS", "pages/")  # an example on something else does not say where to look
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


@pytest.mark.parametrize("block", blocks_in("json"), ids=lambda block: block.place)
def test_a_schema_is_one(block: Block) -> None:
    assert OutputSpec.parse(json.loads(block.code)).fields


@pytest.mark.parametrize("block", blocks_in("toml"), ids=lambda block: block.place)
def test_a_file_of_processors_is_one(block: Block, tmp_path: Path) -> None:
    (tmp_path / "processors.toml").write_text(block.code)
    assert load_processors(tmp_path / "processors.toml") != load_processors()


@pytest.mark.parametrize("block", blocks_in("yaml"), ids=lambda block: block.place)
def test_deployments_are_of_flows_that_take_their_parameters(block: Block) -> None:
    for deployment in yaml.safe_load(block.code):
        flow = load_flow_from_entrypoint(deployment["entrypoint"])
        flow.validate_parameters(deployment["parameters"])


def test_no_block_is_left_out() -> None:
    languages = {block.language for document in DOCUMENTS for block in blocks(document)}
    assert languages <= CHECKED | CHECKED_ELSEWHERE.keys()
    assert all("```sql" in test.read_text() for test in CHECKED_ELSEWHERE.values())


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
