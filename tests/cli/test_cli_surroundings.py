"""A fault of the surroundings is one sentence that names the variable or the folder, with exit code 2, before work begins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_desk import Command

ASK = ("--schema", "mission.json", "--corpus", "pages")
SECRET = "sk-ant-a-secret-that-nobody-sees"  # noqa: S105


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PREFECT_API_URL", "http://127.0.0.1:9/api", "127.0.0.1:9/api does not answer"),
        ("HTTPS_PROXY", "ftp://proxy", "HTTPS_PROXY='ftp://proxy' is not the address of a proxy"),
        ("PREFECT_HOME", "/dev/null/home", "nothing can be written to /dev/null/home"),
        ("RESEARCH_CACHE_DIR", "/dev/null/cache", "nothing can be written to /dev/null/cache"),
        ("RESEARCH_OUTAGES_AFTER", "soon", "RESEARCH_OUTAGES_AFTER"),
    ],
)
def test_the_variable_is_named_before_the_corpus_is_read(
    research: Command, desk: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    if variable == "PREFECT_API_URL":
        from prefect.settings import PREFECT_API_URL, temporary_settings

        with temporary_settings({PREFECT_API_URL: value}):
            monkeypatch.setenv(variable, value)
            ran = research("enrich", "missions.csv", *ASK)
    else:
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        monkeypatch.setenv(variable, value)
        ran = research("enrich", "missions.csv", *ASK)
    assert ran.code == 2
    assert message in " ".join(ran.err.split())
    assert "bug" not in ran.err
    assert "reading the corpus" not in ran.err
    assert not (desk / "runs").exists()


def test_a_command_says_nothing_after_its_last_word(tmp_path: Path) -> None:
    """Libraries of C++ would complain on stderr of what is still alive when the interpreter is taken apart."""
    command = [sys.executable, "-m", "flows.cli", "keys", "add", "alice", "--folder", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr.count("\n")) == (0, 1), ran.stderr  # the note beside the key


def test_stdout_that_lacks_letters_that_is_closed_or_full_is_no_bug(desk: Path) -> None:
    """One process: what an ASCII locale cannot show is escaped, in JSON as JSON escapes it."""
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "flows.cli", "run", "Über Giotto – wer betreibt ihn? 🐲", *ASK]
    ran = subprocess.run(command, env=environment, capture_output=True, cwd=desk)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.decode("ascii"))["task"] == "Über Giotto – wer betreibt ihn? 🐲"
    told = f"{sys.executable} -m flows.cli --help"
    assert subprocess.run(f"{told} >&-", shell=True, cwd=desk, capture_output=True).returncode == 0  # noqa: S602
    if Path("/dev/full").exists():
        check = f"{sys.executable} -m flows.cli schema check mission.json"
        full = subprocess.run(f"{check} >/dev/full", shell=True, cwd=desk, capture_output=True, text=True)  # noqa: S602
        assert (full.returncode, full.stderr.split(".")[0]) == (4, "error: stdout cannot be written: No space left on device")
    with subprocess.Popen([sys.executable, "-m", "flows.cli", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as piped:
        assert piped.stdout is not None
        piped.stdout.close()
        assert piped.stderr is not None
        assert piped.stderr.read() == b""
    assert piped.returncode == 0


def test_doctor_says_what_is_there_and_never_a_key(research: Command, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{SECRET}@proxy:3128")
    monkeypatch.setenv("NO_PROXY", "localhost,a b")
    monkeypatch.setenv("RESEARCH_SEARCH", "local")
    monkeypatch.setenv("RESEARCH_TOKEN", SECRET)
    (desk / "cache" / "index").mkdir(parents=True)
    (desk / "cache" / "index" / "one").write_bytes(bytes(5000))
    ran = research("doctor", "--json")
    [report] = ran.lines
    found = {each["what"].strip(): each for each in report["findings"]}
    assert SECRET not in ran.out + ran.err
    assert found["ANTHROPIC_API_KEY"]["found"] == "set"
    assert found["EXA_API_KEY"]["found"] == "not set"
    assert found["RESEARCH_SEARCH"]["found"] == "local"
    assert found["index/"]["found"] == "5 kB"
    assert found["HTTPS_PROXY"]["found"] == "…@proxy:3128"
    assert found["NO_PROXY"]["advice"].startswith("a b names no host")
    assert {"Python", "prefect", "duckdb", "cache", "Prefect's folder", "temporary files", "server"} <= set(found)
    assert report["problems"] >= 1
    assert ran.code == 2


def test_doctor_names_what_is_wrong_and_goes_on(research: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESEARCH_CACHE_DIR", "/dev/null/cache")
    monkeypatch.setenv("ALL_PROXY", "ftp://proxy")
    monkeypatch.setenv("RESEARCH_OUTAGES_AFTER", "soon")
    ran = research("doctor")
    assert ran.code == 2
    shown = " ".join(ran.out.split())
    assert "RESEARCH_OUTAGES_AFTER" in shown
    assert "ALL_PROXY='ftp://proxy' is not the address of a proxy" in shown
    assert "to put right" in shown
