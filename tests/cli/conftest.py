"""A small corpus, schema and table; commands run in this process, as a shell would run them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_desk import Command, Ran

from flows.cli import main

PAGES = {"Voyager 1": ("NASA", "5 September 1977"), "Giotto": ("ESA", "2 July 1985")}
PAGE = "<html><body><h1>{}</h1><table><tr><th>Operator</th><td>{}</td></tr><tr><th>Launched</th><td>{}</td></tr></table>"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: `missions.csv`, `mission.json` and `pages/`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESEARCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("RESEARCH_CORPUS", raising=False)
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "WARNING")  # what the command would set for its own process
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    (tmp_path / "pages").mkdir()
    for name, facts in PAGES.items():
        (tmp_path / "pages" / f"{name}.html").write_text(PAGE.format(name, *facts))
    (tmp_path / "missions.csv").write_text("mission,code,question\nVoyager 1,007,Who operates Voyager 1?\nGiotto,008,\n")
    (tmp_path / "mission.json").write_text('{"operator": "who operates it", "launched": "date"}')
    return tmp_path


@pytest.fixture
def research(desk: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """`research("enrich", …)` runs that command on the desk."""

    def command(*arguments: str) -> Ran:
        capsys.readouterr()
        code = main(arguments)
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return command
