"""How long the review sheet of a large run takes in Chromium: to open, sort, filter, search, look at a cell, correct it, export.

    python tests/benchmarks/report_bench.py [--rows 10000] [--fields 12] [--folder DIR] [--screenshots DIR] [--embed-pages all]

Makes a run of that size in `--folder` (default: a temporary one; an existing run there is used again), writes its sheet, opens it
with Playwright in the Chromium that is installed, and prints a line a step: milliseconds, the median of three where a step can be
repeated. Then it takes the exported decisions in. Without Chromium it says so and ends.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from research.money.usage import Tokens, Usage
from research.output_schema.output_spec import OutputSpec
from research.ports.page import Page, page_hash
from research.result.result import Citation, Excerpt, FieldBasis, Result, Source, SourceQuality
from research.tables import RunFolder
from research.tables.report_page.report import write_report
from research.tables.review.apply import apply_decisions

NOW: Final = datetime(2026, 1, 2, tzinfo=UTC)
SHARD: Final = 200
TEXT: Final = (
    "company founded headquarters revenue product market growth report annual chief executive office region software energy "
    "transport insurance European figure statement board shares profit customers employees factory research service network"
)
WORDS: Final = TEXT.split()
COUNTRIES: Final = ["NO", "DE", "FR", "JP"]
FORMS: Final = ["public", "private", "state", "cooperative"]
Make = Callable[[random.Random], Any]
Made = tuple[str, dict[str, Any], Make]
KINDS: Final[tuple[Made, ...]] = (
    ("number", {"type": "integer"}, lambda rng: rng.randrange(10, 90_000)),
    ("name", {"type": "string"}, lambda rng: " ".join(rng.sample(WORDS, 2)).title()),
    ("day", {"type": "string", "format": "date"}, lambda rng: f"{rng.randrange(1900, 2025)}-0{rng.randrange(1, 9)}-17"),
    ("form", {"enum": FORMS}, lambda rng: rng.choice(FORMS)),
)


def fields_of(count: int) -> list[Made]:
    return [(f"{name}_{n // 4 + 1}", schema, make) for n in range(count) for name, schema, make in [KINDS[n % 4]]]


def line(name: str, value: Any) -> str:
    return f"{name.replace('_', ' ').title()}: {value}"


def page_of(row: int, side: int, facts: dict[str, Any], rng: random.Random) -> Page:
    paragraphs = [" ".join(rng.choices(WORDS, k=60)) + "." for _ in range(3)]
    paragraphs += [f"{line(name, value)}\n{' '.join(rng.choices(WORDS, k=18))}." for name, value in facts.items()]
    text = "\n\n".join([f"Organisation {row}", *paragraphs])
    url = f"https://site{side}.example/organisations/{row}"
    return Page(
        page_hash=page_hash(text),
        url=url,
        final_url=url,
        title=f"Organisation {row}: profile {side}",
        media_type="text/html",
        fetched_at=NOW,
        published="2025-11-03",
        text=text,
        extraction_version="1",
    )


def result_of(row: int, fields: list[Made], rng: random.Random) -> tuple[Result, list[Page]]:
    """A row's result and the two pages that it rests on; the second contradicts the first field. One in a hundred failed."""
    about: dict[str, Any] = {"task_id": f"t{row}", "task": f"Facts on organisation {row}", "processor": "core", "model": "double"}
    if rng.random() < 0.01:
        error = "the search provider answered 503"
        return Result(**about, status="failed", error=error, created_at=NOW, modified_at=NOW, cost_usd=0.0002), []
    facts = {name: make(rng) for name, _, make in fields}
    first, _, make = fields[0]
    other = {**facts, first: make(rng)}
    pages = [page_of(row, 1, facts, rng), page_of(row, 2, other, rng)]
    output = {name: None if rng.random() < 0.05 else value for name, value in facts.items()}
    basis = []
    for name in facts:
        if output[name] is None:
            basis.append(FieldBasis(field=name, reasoning="No page states it."))
            continue
        confidence: Any = rng.choices(["high", "medium", "low"], [70, 22, 8])[0]
        cites = [citation(pages[0], line(name, facts[name]), "stated")]
        if name == first and confidence == "low":
            cites.append(citation(pages[1], line(name, other[name]), "against"))
        elif name != first and rng.random() < 0.3:
            cites.append(citation(pages[1], line(name, facts[name]), "stated"))
        why = f"The page's line “{name}” says {facts[name]}."
        basis.append(FieldBasis(field=name, citations=cites, reasoning=why, confidence=confidence))
    result = Result(
        **about,
        status="completed",
        output=output,
        basis=basis,
        usage=Usage(tool_calls=3, pages_fetched=2, tokens=Tokens(input=900, output=150)),
        cost_usd=0.0031,
        sources_detailed=[source(place, page) for place, page in enumerate(pages)],
        created_at=NOW,
        completed_at=NOW,
    )
    return result, pages


def source(place: int, page: Page) -> Source:
    quality = SourceQuality(domain="example", kind=("official", "news")[place])
    about = {"url": page.url, "title": page.title, "page_hash": page.page_hash}
    return Source(index=place + 1, domain="example", fetched=NOW, read=True, quality=quality, **about)


def citation(page: Page, words: str, support: Any) -> Citation:
    start = page.text.index(words)
    excerpt = Excerpt(text=words, page_hash=page.page_hash, start=start, end=start + len(words), support=support)
    return Citation(url=page.url, title=page.title, excerpts=[excerpt])


def make_run(path: Path, rows: int, field_count: int) -> RunFolder:
    """A finished run of that size, written through the run folder's own writer."""
    fields = fields_of(field_count)
    properties = {name: schema for name, schema, _ in fields}
    spec = OutputSpec.parse({"type": "object", "properties": properties, "additionalProperties": False})
    inputs = pa.schema([(name, pa.string()) for name in ("organisation", "country", "id")])
    request = {"table": {"name": "organisations"}, "objective": {"template": "Facts on {organisation}"}, "rows": rows}
    run = RunFolder.create(path, request, input_schema=inputs, spec=spec, settings={"shard_size": SHARD})
    rng = random.Random(7)
    with run.lock():
        for shard, first in enumerate(range(0, rows, SHARD)):
            places = range(first, min(first + SHARD, rows))
            made = [result_of(row, fields, rng) for row in places]
            columns = [
                [f"Organisation {row}" for row in places],
                [rng.choice(COUNTRIES) for _ in places],
                [f"{row:06}" for row in places],
            ]
            pages = [page for _, pages in made for page in pages]
            run.write_shard(shard, pa.record_batch(columns, schema=inputs), first, [result for result, _ in made], pages)
        run.finish(rows=rows)
    return run


def browse(sheet: Path, exported: Path, screenshots: Path | None) -> Iterator[tuple[str, float]]:
    """Steps in the browser, each with its milliseconds."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1440, "height": 860}, accept_downloads=True)
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: faults.append(request.url) if not request.url.startswith(("file:", "blob:")) else None)

        def opened() -> float:
            start = time.perf_counter()
            page.goto(sheet.resolve().as_uri(), wait_until="commit")
            page.wait_for_selector("body[data-ready]")  # what is polled by eval is forbidden by the sheet's policy
            return (time.perf_counter() - start) * 1000

        def shoot(name: str) -> None:
            if screenshots:
                page.wait_for_timeout(300)
                page.screenshot(path=screenshots / f"{name}.png")

        def timed(script: str) -> float:
            """Milliseconds from an act to the frame after it."""
            wait = "await new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
            return float(
                page.evaluate(
                    f"(async () => {{ const from = performance.now(); {script}; {wait}; return performance.now() - from; }})()"
                )
            )

        def chosen(element: str, value: str) -> str:
            return f"const e = document.getElementById('{element}'); e.value = '{value}'; e.dispatchEvent(new Event('change'))"

        yield "open", statistics.median(opened() for _ in range(3))
        yield "page's own clock until it can be used", float(page.evaluate("document.body.dataset.ready"))
        shoot("open")
        yield "sort by a number", statistics.median(timed(chosen("sort", value)) for value in ("value-0", "value-1", "value-0"))
        yield "sort by doubt", timed(chosen("sort", "doubt-0"))
        shoot("sorted")
        yield "filter: low confidence", timed("document.querySelector('#by-confidence input[value=low]').click()")
        shoot("filtered")
        yield "clear filters", timed("document.getElementById('clear').click()")
        page.fill("#search", "organisation 77")
        page.wait_for_timeout(300)
        typed = "const e = document.getElementById('search'); e.value = 'energy market'; e.dispatchEvent(new Event('input'))"
        pause = "await new Promise((done) => setTimeout(done, 121))"
        yield "search (without its pause for typing)", timed(f"{typed}; {pause}") - 121
        page.click("#clear")
        yield "evidence of a cell, first time", statistics.median(audit(page, nth) for nth in (2, 9, 16))
        yield "evidence of its neighbour", statistics.median(audit(page, nth) for nth in (3, 10, 17))
        page.click(".slick-cell.cell")
        page.keyboard.press("d")
        yield (
            "next doubtful cell (key)",
            timed("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'd', bubbles: true}))"),
        )
        page.keyboard.press("a")
        page.keyboard.press("d")
        start = time.perf_counter()
        page.keyboard.press("c")
        if page.locator("#typed").evaluate("e => e.tagName") != "SELECT":
            page.fill("#typed", "2001-02-03" if "-" in page.input_value("#typed") else "77")
        shoot("correct")
        page.locator("#decision button.main").click()
        yield "correct a cell (typing included)", (time.perf_counter() - start) * 1000
        shoot("corrected")
        yield "frames of a scroll through 4,000 rows, worst", scroll(page)
        start = time.perf_counter()
        page.fill("#reviewer", "Ada")
        with page.expect_download() as download:
            page.click("#export")
        download.value.save_as(exported)
        yield "export", (time.perf_counter() - start) * 1000
        yield "heap in MB", float(page.evaluate("performance.memory.usedJSHeapSize")) / 1e6
        page.emulate_media(color_scheme="dark")
        shoot("dark")
        if faults:
            print("\n".join(["the browser complained:", *faults]), file=sys.stderr)
        browser.close()


def audit(page: Any, nth: int) -> float:
    """Milliseconds from a click on a cell until its excerpt is marked."""
    page.evaluate("document.querySelectorAll('#audit mark').forEach((mark) => mark.remove())")
    start = time.perf_counter()
    page.locator(".slick-cell.k-high").nth(nth).click()
    page.wait_for_selector("#audit mark", timeout=5_000)
    return (time.perf_counter() - start) * 1000


def scroll(page: Any) -> float:
    """Longest frame in milliseconds of a scroll by 1,000 pixels a frame."""
    return float(
        page.evaluate(
            """async () => {
              const pane = document.querySelector('.slick-viewport-right') ?? document.querySelector('.slick-viewport');
              let worst = 0, before = performance.now();
              for (let step = 0; step < 120; step++) {
                pane.scrollTop += 1000;
                await new Promise((done) => requestAnimationFrame(done));
                const now = performance.now();
                worst = Math.max(worst, now - before);
                before = now;
              }
              return worst;
            }"""
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--fields", type=int, default=12)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--screenshots", type=Path)
    parser.add_argument("--embed-pages", choices=["cited", "all"], default="cited")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch, "run")
        run = RunFolder.open(folder) if (folder / "run.json").exists() else make_run(folder, options.rows, options.fields)
        start = time.process_time()
        sheet = write_report(run, Path(scratch, "sheet.html"), embed_pages=options.embed_pages)
        print(f"{'write the sheet, CPU seconds':50} {time.process_time() - start:10.1f}")
        print(f"{'its size in MB':50} {sheet.stat().st_size / 1e6:10.1f}")
        print(f"{'peak memory in MB':50} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:10.0f}")
        if shutil.which("chromium") is None:
            print("No Chromium is installed here: the steps in the browser are left out.")
            return
        if options.screenshots:
            options.screenshots.mkdir(parents=True, exist_ok=True)
        exported = Path(scratch, "decisions.json")
        for step, value in browse(sheet, exported, options.screenshots):
            print(f"{step:50} {value:10.0f}")
        start = time.perf_counter()
        applied = apply_decisions(run.path, exported)
        print(f"{f'take {applied.stored} decisions in':50} {(time.perf_counter() - start) * 1000:10.0f}")


if __name__ == "__main__":
    main()
