"""Whether text of pages and cells can run anything in the review sheet: opened and clicked through in Chromium.

    python tests/benchmarks/report_hostile.py [--screenshot FILE]

Every text of a run (names of columns, cells, titles, addresses, excerpts, warnings, notes, reports) is one that would run if it
were taken for markup. Every cell is opened, every button of the evidence pressed, a decision typed, exported, the sheet loaded
again, and the decisions imported. Without Chromium it says so and ends. Exit code 1 if anything ran or left the file.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1] / "tables"))

from run_samples import START, completed, create, page

from research.output_schema.output_spec import OutputSpec
from research.ports.page import page_hash
from research.result.result import Citation, Excerpt, FieldBasis, Source, SourceQuality
from research.tables.report_page.report import write_report

HOSTILE: Final = (
    "</script><script>window.ran=1</script>",
    '<img src=x onerror="window.ran=2">',
    "javascript:window.ran=3",
    "data:text/html,<script>parent.ran=4</script>",
    '"><svg onload=window.ran=5>',
    "{{nonce}}<!-- data -->",
    "[x](javascript:window.ran=6) **b** [ok](https://ok.example)\n\n- <iframe srcdoc='<script>top.ran=7</script>'>",
)
FIELD: Final = "operator<b onclick=window.ran=8>"


def make_sheet(folder: Path) -> Path:
    spec = OutputSpec.parse({FIELD: "who <img src=x onerror=window.ran=9>"})
    run = create(
        folder / "<img src=x onerror=window.ran=10>", spec=spec, inputs=pa.schema([("<i>m</i>", pa.string())]), shard_size=20
    )
    results, pages = [], []
    for row, words in enumerate(HOSTILE):
        text = f"{words} {row}"
        bad = page(0).model_copy(update={"url": words, "title": words, "text": text, "page_hash": page_hash(text)})
        excerpt = Excerpt(text=words, page_hash=bad.page_hash, start=0, end=len(words), support="against")
        cites = [Citation(url=words, title=words, excerpts=[excerpt])]
        quality = SourceQuality(domain="x", suspected_injection=words)
        about = {"domain": "x", "fetched": START, "page_hash": bad.page_hash}
        changes: dict[str, Any] = {
            "output": {FIELD: words},
            "basis": [FieldBasis(field=FIELD, citations=cites, reasoning=words, confidence="low")],
            "sources_detailed": [Source(index=1, url=words, title=words, read=True, quality=quality, **about)],
            "warnings": [words],
            "report": words,
            "findings": [],
        }
        results.append(completed(row, **changes))
        pages.append(bad)
    with run.lock():
        run.write_shard(0, pa.record_batch([list(HOSTILE)], names=["<i>m</i>"]), 0, results, pages)
        run.finish()
    return write_report(run, folder / "sheet.html", embed_pages="all")


def click_through(sheet: Path, exported: Path, screenshot: Path | None) -> list[str]:
    """Everything that went wrong."""
    from playwright.sync_api import sync_playwright

    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        tab = browser.new_page(viewport={"width": 1300, "height": 800})
        tab.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(("file:", "blob:")) else None)
        tab.on("dialog", lambda dialog: dialog.accept())  # that decisions would be lost, on leaving the page
        tab.goto(sheet.as_uri())
        tab.wait_for_selector("body[data-ready]")
        for row in range(len(HOSTILE)):
            tab.locator(".slick-cell.cell").nth(row).click()
            tab.wait_for_selector("#audit .page")
            for button in tab.locator("#audit .more button").all():
                button.click()
            tab.locator(".slick-cell.l1").nth(row).click()
            for summary in tab.locator("#audit summary").all():
                summary.click()
        tab.locator(".slick-cell.cell").first.click()
        for key, typed in (("c", HOSTILE[0]), ("n", HOSTILE[1])):
            tab.keyboard.press(key)
            tab.locator("#typed").fill(typed)
            tab.locator(".editor .main").click()
        tab.fill("#reviewer", HOSTILE[1])
        with tab.expect_download() as download:
            tab.click("#export")
        download.value.save_as(exported)
        tab.evaluate("localStorage.clear()")
        tab.reload()
        tab.wait_for_selector("body[data-ready]")
        tab.set_input_files("#file", exported)
        tab.wait_for_selector(".slick-cell.d-correct")
        if screenshot:
            tab.screenshot(path=screenshot)
        addresses = tab.evaluate("[...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))")
        wrong += [f"a link to {address}" for address in addresses if not address.startswith(("#", "https://ok.example"))]
        wrong += tab.evaluate("[...document.querySelectorAll('main :is(img, svg, script, iframe)')].map((e) => e.outerHTML)")
        wrong += [f"ran: {tab.evaluate('window.ran')}"] if tab.evaluate("window.ran") is not None else []
        browser.close()
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--screenshot", type=Path)
    options = parser.parse_args()
    if shutil.which("chromium") is None:
        print("No Chromium is installed here: nothing was tried.")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        wrong = click_through(make_sheet(Path(scratch)), Path(scratch, "decisions.json"), options.screenshot)
    print("\n".join(wrong) if wrong else f"{len(HOSTILE)} hostile texts in every place: none ran, nothing left the file")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
