"""A run's options are declared once: the form, the command, Python and the docs show the same ones, and adding one is one field.

Golden files and the docs' table are written anew by `RENEW=1 python -m pytest tests/flows/test_flows_options.py`.
"""

from __future__ import annotations

import inspect
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from cyclopts import App
from prefect import flow
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from rich.console import Console

import flows
from flows.cli.app import app
from flows.cli.enrich import EnrichCommand
from flows.cli.find import FindCommand
from flows.cli.options import arguments, as_command
from flows.cli.refresh import RefreshCommand
from flows.cli.resynthesize import ResynthesizeCommand
from flows.cli.run import RunCommand
from flows.enrichment import enrich
from flows.finding import find
from flows.refreshing import refresh
from flows.resynthesis import resynthesize
from flows.run.declaration import REQUIRED, Option, names, takes, values
from flows.run.options import EnrichOptions, FindOptions, RefreshOptions, ResynthesizeOptions

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).with_name("golden")
PAGE = ROOT / "docs" / "cli.md"
RENEW = bool(os.environ.get("RENEW"))
HOW = "if that is meant: RENEW=1 python -m pytest tests/flows/test_flows_options.py"


def help_of(*command: str, of: App = app) -> str:
    text = io.StringIO()
    of.help_print(command, console=Console(file=text, width=100, color_system=None, force_terminal=False))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def form_of(function: Any) -> str:
    return json.dumps(parameter_schema(function).model_dump_for_openapi(), indent=1, ensure_ascii=False) + "\n"


def same(file: Path, text: str) -> None:
    if RENEW:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"{file.name} differs from what the declaration makes; {HOW}"


@pytest.mark.parametrize("name", ["enrich", "find", "refresh", "resynthesize", "run"])
def test_the_help_of_a_command_is_what_it_was(name: str) -> None:
    same(GOLDEN / f"{name}.help.txt", help_of(name))


@pytest.mark.parametrize("made", [enrich, find, refresh, resynthesize], ids=lambda made: made.name)
def test_the_form_of_a_deployment_is_what_it_was(made: Any) -> None:
    same(GOLDEN / f"{made.name}.form.json", form_of(made))


def test_a_flow_that_is_loaded_as_a_deployment_loads_it_has_the_same_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """`prefect deploy` and a worker load the file by its path, under a name of their own."""
    monkeypatch.chdir(ROOT)
    for made in (enrich, find, refresh, resynthesize):
        file = Path(inspect.getfile(made.fn)).relative_to(ROOT)
        assert form_of(load_flow_from_entrypoint(f"{file}:{made.name}")) == form_of(made)


def table_of(options: type) -> str:
    """The docs' table of a command's options."""

    def lines() -> Iterator[str]:
        yield "| option | parameter | |"
        yield "|---|---|---|"
        for name, option, part_of in arguments(options):
            if option.positional:
                continue
            said = option.option
            typed = name if option.type is bool else f"{name} {said.value or 'N'}"
            kinds = (option.type, *get_args(option.type))
            choices = [choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
            notes = [f"One of {', '.join(f'`{choice}`' for choice in choices)}."] if choices else []
            notes += [] if option.default in (None, False, REQUIRED) else [f"Default: `{option.default}`."]
            notes += ["May be given several times."] if list[str] in kinds and not said.commas else []
            python = option.name if part_of is None else f"{part_of}.{option.name}"
            command_only = option.name in ("yes", "dry_run")
            yield f"| `{typed}` | {'' if command_only else f'`{python}`'} | {' '.join([said.text, *notes])} |"

    return "\n".join(lines()) + "\n"


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("enrich", EnrichCommand),
        ("find", FindCommand),
        ("refresh", RefreshCommand),
        ("resynthesize", ResynthesizeCommand),
        ("run", RunCommand),
    ],
)
def test_the_docs_table_is_made_from_the_declaration(command: str, options: type) -> None:
    page, begins, ends = PAGE.read_text(encoding="utf-8"), f"<!-- options of {command} -->\n", "<!-- end -->"
    head, tail = page.split(begins)
    same(PAGE, head + begins + table_of(options) + ends + tail.split(ends, 1)[1])


def test_python_takes_what_the_flow_takes() -> None:
    assert set(names(EnrichOptions)) < set(inspect.signature(flows.enrich).parameters)
    assert set(names(FindOptions)) < set(inspect.signature(flows.find).parameters)
    assert set(names(RefreshOptions)) < set(inspect.signature(flows.refresh).parameters)
    assert set(names(ResynthesizeOptions)) < set(inspect.signature(flows.resynthesize).parameters)
    with pytest.raises(TypeError, match=r"no option 'concurency'; did you mean \"concurrency\""):
        flows.enrich("t.csv", concurency=2).send(None)  # type: ignore[call-arg]


def test_no_help_text_is_written_twice() -> None:
    source = (ROOT / "flows" / "run" / "options.py").read_text()
    texts = re.findall(r'"([A-Z][^"]{30,})"', source)
    assert len(texts) == len(set(texts)) > 20


@dataclass(frozen=True, kw_only=True)
class WithAnother(EnrichOptions):
    """The declaration with one more field."""

    colour: Annotated[int | None, Option("How blue the answers are.", within=(1, 9))] = None


def test_a_new_option_is_one_field() -> None:
    """The form, the command, Python's keywords and the docs' table have it, with its help and its range."""
    heard: list[WithAnother] = []

    @takes(WithAnother)
    async def made(table: str, **options: Any) -> None:
        """A flow."""
        heard.append(WithAnother(table, **options))

    assert inspect.signature(made).parameters["colour"].default is None
    asked = flow(made).parameters.properties["colour"]
    assert asked["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": 9}
    assert asked["description"] == "How blue the answers are. From 1 to 9."

    @as_command(WithAnother)
    def command(options: WithAnother, output: Any) -> int:
        """A command."""
        heard.append(options)
        return 0

    typed = App(name="typed", result_action="return_value")
    typed.default(command)
    typed(["t.csv", "--colour", "7"], exit_on_error=False)
    assert (heard[0].colour, heard[0].table) == (7, "t.csv")
    with pytest.raises(Exception, match="<= 9"):
        typed(["t.csv", "--colour", "10"], exit_on_error=False, print_error=False)
    assert "How blue the answers are. From 1 to 9." in " ".join(help_of(of=typed).split())
    assert "| `--colour N` | `colour` | How blue the answers are. From 1 to 9. |" in table_of(WithAnother)


READ: list[tuple[str, Callable[[EnrichOptions], Any], Any]] = [
    ("--search brave,,exa", lambda o: o.search, ["brave", "exa"]),
    ("--file a --file b", lambda o: o.files, ["a", "b"]),
    ("", lambda o: (o.files, o.source_policy, o.search), (None, None, None)),
    (
        "--include-domain .gov --include-domain a.org --after-date 2020-01-01",
        lambda o: o.source_policy,
        {"include_domains": [".gov", "a.org"], "after_date": "2020-01-01"},
    ),
    ("--schema s.json --out runs/x", lambda o: (o.output_schema, o.out), ("s.json", "runs/x")),
]


def test_a_tilde_in_a_path_is_the_home_folder_whoever_states_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """No shell reads a form, a keyword or `--out=~/x`; and some libraries would read it where others make a folder named `~`."""
    monkeypatch.setenv("HOME", "/home/ada")
    asked = EnrichOptions("~/t.csv", out="~/run", export="~/x.csv", reuse="~/old", output_schema="~/s.json", files=["~/a", "b"])
    assert (asked.table, asked.out, asked.export) == ("/home/ada/t.csv", "/home/ada/run", "/home/ada/x.csv")
    assert (asked.reuse, asked.output_schema, asked.files) == ("/home/ada/old", "/home/ada/s.json", ["/home/ada/a", "b"])
    assert RefreshOptions("~/run").run == "/home/ada/run"
    kept = EnrichOptions("~$book.xlsx", out="s3://bucket/~/run", objective="~/x", output_schema={"a": "~/x"})
    assert (kept.table, kept.out, kept.objective) == ("~$book.xlsx", "s3://bucket/~/run", "~/x")
    assert kept.output_schema == {"a": "~/x"}


@pytest.mark.parametrize(("line", "of", "expected"), READ)
def test_what_is_typed_becomes_the_flow_s_parameters(line: str, of: Callable[[EnrichOptions], Any], expected: Any) -> None:
    heard: list[EnrichOptions] = []

    @as_command(EnrichOptions)
    def command(options: EnrichOptions, output: Any) -> int:
        """A command."""
        heard.append(options)
        return 0

    typed = App(name="typed", result_action="return_value")
    typed.default(command)
    typed(["t.csv", *line.split()], exit_on_error=False)
    assert of(heard[0]) == expected
    assert enrich.validate_parameters(values(heard[0], EnrichOptions)) == values(heard[0], EnrichOptions)
