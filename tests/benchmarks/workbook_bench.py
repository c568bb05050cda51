"""Opens exported workbooks and CSV files with LibreOffice, and reads the workbooks back with two libraries.

    python tests/benchmarks/workbook_bench.py [--run RUN] [--rows N]

A run of hostile cells is made here (formulas, control characters, long texts, half characters, huge numbers, addresses that are
none), and with `--rows` another of so many rows, for time and memory; `--run` takes a run folder. Of each workbook:

- every part is well-formed XML; openpyxl and calamine read the input's cells as they are in the run folder;
- LibreOffice opens it (a file that needs repair does not load without a person), holds as many rows, no formula cell, links and
  fills, and the same texts;
- the CSV export, opened with commas, semicolons and tabs, with formulas evaluated as a careless person would, holds no formula.

Without LibreOffice (`soffice`), that part is left out, and said.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import openpyxl
import pyarrow as pa
from lxml import etree
from openpyxl.utils.escape import unescape
from python_calamine import CalamineWorkbook

from research.output_schema.output_spec import OutputSpec
from research.ports.page import Page, page_hash
from research.result.result import Citation, Excerpt, FieldBasis, Result
from research.tables import RunFolder, export_run
from research.tables.export.rows import shards_of

NOW: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TABLE_NS: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT_NS: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
XLINK: Final = "{http://www.w3.org/1999/xlink}href"

HOSTILE: Final = [
    "=1+1",
    '=HYPERLINK("http://evil.example","click")',
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "a;=1+1",
    "a\t=1+1",
    "a\n=1+1\n=2+2",
    '",=1+1,"',
    "'=1+1",
    "".join(map(chr, range(32))),
    "nul\x00inside",
    "_x000D_ and _x0041_",
    "<r><t>x</t></r>",
    '<r></r></is></c><c r="Z9"><f>1+1</f></c><c t="inlineStr"><is><r></r>',
    "]]>&amp;<![CDATA[",
    "x" * 32_767,
    "x" * 32_768,
    "😀" * 20_000,
    "half \ud800 character \udfff",
    "\ufffe\uffff",
    "\u202egnp.exe",
    "007",
    "12345678901234567890",
    "1e5",
    "2024-02-29",
    "TRUE",
    "#N/A",
    "{=1+1}",
    "=" * 300,
    " ",
    "  lead and trail  ",
    "javascript:alert(1)",
    "http://" + "a" * 3_000 + ".example/",
    "internal:'Summary'!A1",
    "external:c:/windows/win.ini",
    "mailto:x@example.org?cc=y",
]


def whole(text: str) -> str:
    """A text as Arrow can hold it: half characters were replaced when the table was read."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def hostile_run(folder: Path) -> RunFolder:
    texts = [whole(text) for text in HOSTILE]
    count = len(texts)
    table = pa.table(
        {
            "text": texts,
            '=cmd|"x"!A1': texts[::-1],
            "day": pa.array([date(1, 1, 1), date(1899, 12, 31), date(1900, 2, 28), date(9999, 12, 31)] * (count // 4)),
            "whole": pa.array([10**15, -(10**15) + 1, 2**63 - 1, -5] * (count // 4)),
            "number": [float("nan"), float("inf"), 5e-324, 0.1 + 0.2] * (count // 4),
            "exact": pa.array(
                [Decimal("0.10"), Decimal("9" * 18 + ".99"), None, Decimal(-1)] * (count // 4), pa.decimal128(20, 2)
            ),
        }
    )
    spec = OutputSpec.parse({"type": "object", "properties": {"said": {"type": "string"}, "made": {}}})
    results = [hostile_result(place, text) for place, text in enumerate(texts)]
    results[1] = Result(task_id="f", status="failed", task="", processor="core", model=texts[0], error=texts[17], created_at=NOW)
    run = RunFolder.create(
        folder,
        {"objective": {"template": "=1+1 {text}"}, "processor": "core"},
        input_schema=table.schema,
        spec=spec,
        settings={"shard_size": count},
    )
    with run.lock():
        run.write_shard(0, table, 0, results, [page(text) for text in texts])
        run.finish(rows=count)
    return run


def hostile_result(place: int, text: str) -> Result:
    source = page(text)
    excerpt = Excerpt(text=source.text, page_hash=source.page_hash, start=0, end=len(source.text), support="stated")
    citation = Citation(url=text, title=text, excerpts=[excerpt])
    basis = [
        FieldBasis(field="said", citations=[citation], reasoning=text, confidence="high"),
        FieldBasis(field="made", citations=[citation], reasoning=text, confidence="low"),
    ]
    output = {"said": text, "made": {text: [text]}}
    return Result(
        task_id=f"{place}",
        status="completed",
        task=text,
        processor="core",
        model=text,
        output=output,
        basis=basis,
        created_at=NOW,
    )


def page(text: str) -> Page:
    text = text if text.strip() else f"nothing but{text}"
    return Page(
        page_hash=page_hash(text),
        url=text,
        final_url=text,
        title=text,
        media_type="text/plain",
        fetched_at=NOW,
        published=None,
        text=text,
        extraction_version="1",
    )


def large_run(folder: Path, rows: int, fields: int = 12, shard: int = 1_000) -> RunFolder:
    """A run of many rows: a value, a sentence and a reason in each cell."""
    names = [f"field_{number}" for number in range(fields)]
    spec = OutputSpec.parse({"type": "object", "properties": {name: {"type": "string"} for name in names}})
    source = page("\n".join(f"The {name} of the thing is said here, in a sentence of the usual length." for name in names))
    basis = []
    for number, line in enumerate(source.text.split("\n")):
        start = source.text.index(line)
        piece = Excerpt(text=line, page_hash=source.page_hash, start=start, end=start + len(line), support="stated")
        cited = Citation(url="https://example.org/page", title="A page", excerpts=[piece])
        sure = ("high", "medium", "low")[number % 3]
        basis.append(
            FieldBasis.model_validate(
                {"field": names[number], "citations": [cited], "reasoning": "It says so.", "confidence": sure}
            )
        )
    result = Result(
        task_id="t",
        status="completed",
        task="",
        processor="core",
        model="m",
        basis=basis,
        created_at=NOW,
        completed_at=NOW,
        output={name: f"a value of {name}" for name in names},
    )
    schema = pa.schema([("id", pa.string()), ("name", pa.string())])
    run = RunFolder.create(folder, {"objective": "x"}, input_schema=schema, spec=spec, settings={"shard_size": shard})
    with run.lock():
        for number in range(-(-rows // shard)):
            of_shard = range(number * shard, min((number + 1) * shard, rows))
            columns = [[f"{row:08}" for row in of_shard], [f"Thing {row}" for row in of_shard]]
            run.write_shard(number, pa.table(columns, schema=schema), of_shard.start, [result] * len(of_shard), [source])
    return run


def check(what: str, holds: bool, faults: list[str]) -> None:
    print(f"  {'ok   ' if holds else 'WRONG'} {what}")
    if not holds:
        faults.append(what)


def read_back(run: RunFolder, book: Path, faults: list[str]) -> None:
    """The input's cells as two libraries read them, beside those of the run folder."""
    with zipfile.ZipFile(book) as parts:
        for name in parts.namelist():
            etree.fromstring(parts.read(name), etree.XMLParser(huge_tree=True))
    warnings.simplefilter("ignore")
    loaded = openpyxl.load_workbook(book)
    sheets = [name for name in loaded.sheetnames if name.startswith("Results")]
    inputs = list(run.columns.inputs)
    one = [[cell.value for cell in row[: len(inputs)]] for name in sheets for row in loaded[name].iter_rows(min_row=2)]
    other_book = CalamineWorkbook.from_path(str(book))
    other = [row for name in sheets for row in other_book.get_sheet_by_name(name).to_python(skip_empty_area=False)[1:]]
    kinds = {cell.data_type for sheet in loaded for row in sheet.iter_rows() for cell in row}
    check("openpyxl: no formula", "f" not in kinds, faults)
    place = 0
    differing = {"openpyxl": 0, "calamine": 0}
    for shard in shards_of(run):
        for line in shard.results.select(inputs).to_pylist():
            for column, name in enumerate(inputs):
                for reader, rows in (("openpyxl", one), ("calamine", other)):
                    differing[reader] += not same(line[name], rows[place][column])
            place += 1
    for reader, count in differing.items():
        check(f"{reader}: {place:,} rows of {len(inputs)} input columns, {count} cells differ", count == 0, faults)
    fills = {cell.fill.fgColor.rgb for name in sheets for row in loaded[name].iter_rows(min_row=2) for cell in row}
    links = sum(cell.hyperlink is not None for name in sheets for row in loaded[name].iter_rows() for cell in row)
    check(f"openpyxl: {len(fills)} fills, {links:,} links", len(fills) > 2 and links > 0, faults)


def same(value: Any, cell: Any) -> bool:
    """Whether a cell holds a value, or what stands for it: the text of what Excel cannot hold, the beginning of a long text."""
    if isinstance(cell, str):
        cell = unescape(cell)
    if value is None or cell in (None, ""):
        return value in (None, "") and cell in (None, "")
    if isinstance(cell, datetime) and not isinstance(value, datetime):
        cell = cell.date()
    if isinstance(value, datetime) and not isinstance(cell, datetime) and isinstance(cell, date):
        cell = datetime(cell.year, cell.month, cell.day)  # calamine takes a moment at midnight for a day
    if isinstance(value, str) and len(value.encode("utf-16-le")) // 2 > 32_767:
        return value.startswith(str(cell).partition("…")[0])
    if isinstance(value, float) and isinstance(cell, str):
        return cell in ("NaN", "Infinity", "-Infinity")
    if isinstance(value, str):
        return unescape(value) == cell if value != cell else True
    return bool(value == cell) or str(value) == cell or (isinstance(value, Decimal) and float(value) == cell)


def in_libreoffice(soffice: str, file: Path, *options: str) -> etree._Element:
    """The document as LibreOffice has it."""
    with tempfile.TemporaryDirectory() as folder:
        profile = f"-env:UserInstallation=file://{folder}/profile"
        command = [soffice, profile, "--headless", *options, "--convert-to", "fods", "--outdir", folder, str(file)]
        subprocess.run(command, check=True, capture_output=True, timeout=600)
        made = Path(folder, file.stem + ".fods")
        if not made.exists():
            raise SystemExit(f"LibreOffice does not open {file}")
        return etree.parse(str(made), etree.XMLParser(huge_tree=True)).getroot()


def cells(document: etree._Element) -> Iterator[etree._Element]:
    yield from document.iter(f"{TABLE_NS}table-cell")


def with_libreoffice(soffice: str, book: Path, table: Path, rows: int, faults: list[str]) -> None:
    document = in_libreoffice(soffice, book)
    all_formulas = [str(cell.get(f"{TABLE_NS}formula")) for cell in cells(document) if f"{TABLE_NS}formula" in cell.attrib]
    formulas = [formula for formula in all_formulas if formula not in ("of:=TRUE()", "of:=FALSE()")]
    logical = len(all_formulas) - len(formulas)
    said = f" ({logical} logical cells of the input, which it holds as =TRUE())" if logical else ""
    check(f"LibreOffice: {len(formulas)} formula cells in the workbook{said}", not formulas, faults)
    sheets = {sheet.get(f"{TABLE_NS}name"): sheet for sheet in document.iter(f"{TABLE_NS}table")}
    there = sum(1 for row in sheets["Results"].iter(f"{TABLE_NS}table-row") if any(True for _ in row.iter(f"{TEXT_NS}p")))
    check(f"LibreOffice: {there - 1:,} rows on the first sheet", there - 1 == rows, faults)
    leads = [link.get(XLINK) for link in sheets["Results"].iter(f"{TEXT_NS}a")]
    internal = [link for link in leads if str(link).replace("'", "").startswith("#Evidence")]
    check(
        f"LibreOffice: {len(internal):,} links to the evidence, {len(leads) - len(internal)} elsewhere",
        len(internal) == len(leads) > 0,
        faults,
    )
    outside = {str(link.get(XLINK)) for link in sheets["Evidence"].iter(f"{TEXT_NS}a")}
    strange = {link for link in outside if not link.startswith(("#Results", "http://", "https://"))}
    check(f"LibreOffice: no link but to the results and the web ({len(strange)} others)", not strange, faults)
    for name, code in (("commas", 44), ("semicolons", 59), ("tabs", 9)):
        options = f"--infilter=CSV:{code},34,76,1,,0,false,true,false,false,false,-1,true"
        opened = in_libreoffice(soffice, table, options)
        found = [cell.get(f"{TABLE_NS}formula") for cell in cells(opened) if f"{TABLE_NS}formula" in cell.attrib]
        check(f"LibreOffice: {len(found)} formula cells in the CSV, opened with {name} {found[:3]}", not found, faults)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a run folder to export, too")
    parser.add_argument("--rows", type=int, help="export a run of so many rows, and say what that takes")
    asked = parser.parse_args()
    soffice, faults = shutil.which("soffice"), list[str]()
    if soffice is None:
        print("LibreOffice (soffice) is not on this machine: files are read by libraries only.")
    with tempfile.TemporaryDirectory() as scratch:
        runs = [hostile_run(Path(scratch, "hostile")), *([RunFolder.open(asked.run)] if asked.run else [])]
        for run in runs:
            print(run.path.name)
            book, table = Path(scratch, f"{run.path.name}.xlsx"), Path(scratch, f"{run.path.name}.csv")
            done = export_run(run, book)
            export_run(run, table)
            read_back(run, book, faults)
            if soffice is not None:
                with_libreoffice(soffice, book, table, done.rows, faults)
        if asked.rows:
            large = large_run(Path(scratch, "large"), asked.rows)
            for format in ("csv", "jsonl", "parquet", "xlsx"):
                began = time.process_time()
                file = export_run(large, Path(scratch, f"large.{format}")).path
                taken = time.process_time() - began
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000
                size = file.stat().st_size / 1e6
                print(f"{asked.rows:,} rows as {format}: {taken:.1f} CPU s, {size:.1f} MB, peak {peak:.0f} MB so far")
    print("all well" if not faults else f"{len(faults)} wrong")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
