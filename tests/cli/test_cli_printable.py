"""What others wrote reaches no terminal, log, name or report raw: not its escape sequences, nor what turns the writing round."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.panel import Panel
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from flows import artifacts
from flows.cli.app import main
from flows.cli.run import card
from flows.cli.terminal import err, note, out, print_json
from flows.run.task_labels import row_label
from research.display.printable import printable, printable_json, printable_logger
from research.errors import FetchRefused, InvalidInput
from research.ports.work import SubQuery
from research.result.result import Citation, FieldBasis, Result, utc_now
from research.steps.labels import subquery_label

HOSTILE = "a\x1b]0;owned\x07\x1b[2Jb\x9b31mc\rd\u202ee\u2066f\u200bg\ufeffh\u2028i\x7fj\x00k"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def captured(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed; the program's own colours are not (there is no terminal)."""
    printed = capsys.readouterr()
    return printed.out + printed.err


def _table() -> Table:
    table = Table("field", HOSTILE, title=HOSTILE)
    table.add_row("a", Text(HOSTILE))
    return table


def _result() -> Result:
    now = utc_now()
    cited = [Citation(url=f"https://x.example/{HOSTILE}", title=HOSTILE, excerpts=[])]
    return Result(
        task_id="1",
        status="completed",
        task=HOSTILE,
        processor="base",
        model=HOSTILE,
        output={"name": HOSTILE},
        basis=[FieldBasis(field="name", citations=cited, reasoning=HOSTILE, confidence="low")],
        report=f"{HOSTILE} [1]",
        warnings=[HOSTILE],
        fields=["name"],
        output_schema={},
        created_at=now,
        modified_at=now,
    )


PRINTERS: dict[str, Callable[[], Any]] = {
    "a note": lambda: note(HOSTILE),
    "a cell": lambda: out().print(_table()),
    "a panel": lambda: out().print(Panel(HOSTILE, title=HOSTILE)),
    "a result": lambda: out().print(card(_result())),
    "text with markup": lambda: err().print(HOSTILE),
    "JSON": lambda: print_json({HOSTILE: [HOSTILE]}),
    "a wrong command": lambda: main([f"enrich{HOSTILE}"]),
    "a wrong path": lambda: main(["show", f"/nowhere/{HOSTILE.replace(chr(0), '')}"]),
    "a wrong path, as JSON": lambda: main(["show", f"/nowhere/{HOSTILE.replace(chr(0), '')}", "--json"]),
    "a traceback": lambda: main(["show", f"/nowhere/{HOSTILE.replace(chr(0), '')}", "--debug"]),
}


@pytest.mark.parametrize("printer", PRINTERS.values(), ids=PRINTERS)
def test_nothing_that_a_terminal_obeys_is_printed(printer: Callable[[], Any], capsys: pytest.CaptureFixture[str]) -> None:
    printer()
    printed = captured(capsys)
    assert printed
    assert not RAW.search(printed)


def test_the_programs_own_colours_and_bars_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal, styles and the bar's movements are written; a note above the bar is harmless."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    console = err()
    with Progress(console=console) as progress:
        progress.add_task("rows", total=2)
        console.print(Text(HOSTILE, style="bold red"))
    written = screen.getvalue()
    assert "\x1b[1;31m" in written
    assert "\\x1b]0;owned" in written
    assert "\x1b]0;owned" not in written
    assert "\u202e" not in written


def test_errors_names_and_reports_are_harmless() -> None:
    shown = [
        str(FetchRefused(HOSTILE)),
        str(InvalidInput(HOSTILE)),
        row_label(3, {"name": HOSTILE}),
        subquery_label(SubQuery(index=1, question=HOSTILE, fields=("a",))),
        artifacts.plain(HOSTILE),
        artifacts.table(("a", "b"), [(HOSTILE, 1)]),
    ]
    assert [text for text in shown if RAW.search(text)] == []


@pytest.mark.parametrize(
    "text",
    ["[x](javascript:alert(1))", "<img src=x onerror=alert(1)>", "![a](https://evil.example/?d)", "a | b", "`c`", "# d", "\\"],
)
def test_a_report_shows_markdown_and_html_and_does_nothing_else(text: str) -> None:
    from markdown_it import MarkdownIt

    html = MarkdownIt("gfm-like", {"linkify": False}).render(f"| a |\n| --- |\n| {artifacts.plain(text)} |\n")
    assert not re.search(r"<(?!/?(?:table|thead|tbody|tr|th|td)>)", html)
    assert html.count("<td") == 1


def test_a_log_line_and_its_traceback_are_harmless() -> None:
    stream = io.StringIO()
    logger = printable_logger("research.tests.printable")
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        logger.exception("row failed: %s %s", HOSTILE, error)
    finally:
        logger.removeHandler(handler)
    assert "row failed" in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert not RAW.search(stream.getvalue())


def test_escapes_keep_the_text_readable_and_json_keeps_it_whole() -> None:
    """Other scripts, pictures made of several characters and line breaks are text."""
    for text in ("Zürich 東京\n\tمی‌خواهم", "👩‍👧 ok", "क्‍ष", "plain"):
        assert printable(text) == text
    assert printable("a\x1b[0m\r\nb", one_line=True) == "a\\x1b[0m\\r\\nb"
    odd = HOSTILE + "\ud800\U000e0041"
    assert json.loads(printable_json(json.dumps({"a": odd}, ensure_ascii=False))) == {"a": odd}
