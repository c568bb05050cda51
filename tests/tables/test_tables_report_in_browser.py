"""The review sheet in a browser: what it calls a row, how it writes moments, and how a decision is typed and exported."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from run_samples import REQUEST, completed, create, page

from research.tables.report_page.report import write_report
from research.web.browser import NAMES

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("playwright") is None or CHROMIUM is None,
    reason="needs the `browser` extra and an installed Chromium",
)
INPUTS = pa.schema([("number", pa.string()), ("mission", pa.string())])
ASKED = REQUEST | {"objective": {"template": "Who flies {mission}?", "column": None}}


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a run of two rows, whose objective names the second column."""
    run = create(tmp_path_factory.mktemp("runs") / "missions-3f9a1c20", request=ASKED, inputs=INPUTS)
    rows = pa.record_batch([["001", "002"], ["Mission 0", "Mission 1"]], schema=INPUTS)
    with run.lock():
        run.write_shard(0, rows, 0, [completed(0), completed(1)], [page(0), page(1)])
        run.finish()
    return write_report(run)


@pytest.fixture
def tab(sheet: Path) -> Iterator[Tab]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        opened = browser.new_context(viewport={"width": 1300, "height": 800}, locale="en-US").new_page()
        opened.goto(sheet.as_uri())
        opened.wait_for_selector("body[data-ready]")
        yield opened
        browser.close()


def test_a_row_is_called_by_the_column_that_the_objective_names(tab: Tab) -> None:
    rows = tab.locator(".grid-canvas-right .slick-row")
    rows.nth(1).locator(".slick-cell.cell").first.click()
    assert tab.locator("#audit .where span").first.inner_text() == "Mission 1"


def test_enter_saves_a_correction_and_shift_enter_begins_a_new_line(tab: Tab) -> None:
    tab.keyboard.press("c")
    assert "Enter saves, Shift Enter begins a new line" in tab.locator(".editor").inner_text()
    tab.locator("#typed").fill("Agency")
    tab.keyboard.press("Shift+Enter")
    tab.keyboard.type("of Space")
    assert tab.locator("#typed").input_value() == "Agency\nof Space"
    tab.keyboard.press("Enter")
    assert tab.locator(".editor").count() == 0
    assert tab.locator("#decision .d-correct").inner_text().replace("\n", " ").count("Agency of Space") == 1
    tab.keyboard.press("?")
    assert "Enter saves" in tab.locator("#keys").inner_text()


def test_a_value_that_is_corrected_to_itself_is_accepted(tab: Tab) -> None:
    tab.keyboard.press("c")
    tab.keyboard.press("Enter")
    assert tab.locator("#decision .d-accept").count() == 1
    assert tab.locator("#decision .d-correct").count() == 0


def test_enter_on_a_button_of_the_form_presses_that_button(tab: Tab) -> None:
    tab.keyboard.press("c")
    tab.locator("#typed").fill("Agency")
    tab.locator(".editor .cancel").focus()
    tab.keyboard.press("Enter")
    assert tab.locator(".editor, #decision .d-correct").count() == 0


def test_moments_are_written_as_everywhere_else_whatever_the_browser_s_language(tab: Tab) -> None:
    tab.keyboard.press("a")
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d\b"
    assert re.search(rf"as of {moment}", tab.locator("#facts").inner_text())
    assert re.search(rf"accepted by you · {moment}$", tab.locator("#decision .decided p").first.inner_text())
    tab.locator("#audit summary", has_text="Row").click()
    assert re.search(rf"Completed\s+{moment}", tab.locator("#audit .evidence").inner_text())


def test_decisions_are_exported_to_a_file_named_by_the_run_and_the_moment(tab: Tab, tmp_path: Path) -> None:
    tab.keyboard.press("a")
    tab.fill("#reviewer", "Ada")
    with tab.expect_download() as download:
        tab.click("#export")
    assert re.fullmatch(r"missions-3f9a1c20-review-\d{14}\.json", download.value.suggested_filename)
    download.value.save_as(tmp_path / "decisions.json")
    (decision,) = json.loads((tmp_path / "decisions.json").read_text())["decisions"]
    assert (decision["field"], decision["decision"], decision["reviewer"]) == ("operator", "accept", "Ada")


def test_what_is_left_to_decide_is_counted_in_words(tab: Tab) -> None:
    counted = tab.locator("#progress")
    before = re.fullmatch(r"(\d+) of (\d+) doubtful cells left to decide", counted.inner_text())
    assert before is not None
    assert before[1] == before[2]
    tab.keyboard.press("d")
    tab.keyboard.press("r")
    assert counted.inner_text() == f"{int(before[1]) - 1} of {before[2]} doubtful cells left to decide"
