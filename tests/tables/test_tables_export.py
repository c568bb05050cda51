"""An export: what came in stands there as it came, what was found is shaded and leads to its evidence, and nothing is run."""

from __future__ import annotations

import csv
import json
import math
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import run_samples as samples
from openpyxl.utils.escape import unescape
from python_calamine import CalamineWorkbook

from research.errors import InvalidInput
from research.result.result import Result
from research.tables import RunFolder
from research.tables.export import results_sheet, workbook
from research.tables.export.export import ExportOptions, export_run
from research.tables.inputs.read import open_table

TABLE = pa.table(
    {
        "code": ["007", "12345678901234567890", "=1+1", "-5"],
        "note": ["plain", "two\r\nlines\x07", "<r><t>1</t></r></is></c><c><f>1+1</f></c><r></r>", "_x0041_ @SUM(1)"],
        "day": pa.array([date(2024, 2, 29), date(1850, 1, 1), None, date(1900, 3, 1)]),
        "moment": pa.array(
            [datetime(2024, 2, 29, 13, 14, 15), datetime(1999, 1, 1, 0, 0, 0, 250_000), datetime(2000, 1, 1), None]
        ),
        "big": pa.array([123_456_789_012_345, 9_007_199_254_740_993, -5, None]),
        "share": [0.1 + 0.2, 1e300, math.nan, math.inf],
        "exact": pa.array([Decimal("1.50"), Decimal("12345678901234567.89"), None, Decimal("-2.00")], pa.decimal128(20, 2)),
        "at": pa.array([time(13, 5), None, None, None], pa.time64("us")),
        "yes": [True, False, None, True],
        "zone": pa.array([datetime(2024, 1, 1, 9, tzinfo=UTC), None, None, None], pa.timestamp("us", tz="UTC")),
    }
)
AS_CELLS: dict[str, list[Any]] = {
    "code": ["007", "12345678901234567890", "=1+1", "-5"],
    "note": TABLE["note"].to_pylist(),
    "day": [date(2024, 2, 29), "1850-01-01", None, date(1900, 3, 1)],
    "moment": [datetime(2024, 2, 29, 13, 14, 15), datetime(1999, 1, 1, 0, 0, 0, 250_000), datetime(2000, 1, 1), None],
    "big": [123_456_789_012_345, "9007199254740993", -5, None],
    "share": [0.1 + 0.2, 1e300, "NaN", "Infinity"],
    "exact": [1.5, "12345678901234567.89", None, -2],
    "at": [time(13, 5), None, None, None],
    "yes": [True, False, None, True],
    "zone": [datetime(2024, 1, 1, 9), None, None, None],
}
"""The same as a workbook can hold it."""


def run_of(path: Path, table: pa.Table, results: Sequence[Result]) -> RunFolder:
    run = samples.create(path, inputs=table.schema, shard_size=len(results))
    with run.lock():
        pages = [samples.page(row) for row, result in enumerate(results) if result.status == "completed"]
        run.write_shard(0, table, 0, results, pages)
        run.finish(rows=len(results))
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Four rows: one with a formula for an answer, one with a long one, one that failed."""
    output = {"operator": "=HYPERLINK(1)", "mass": 100, "launched": "1977-09-05", "crew": [{"name": "Ada 0"}]}
    long = {"operator": "😀" * 20_000, "mass": 2, "launched": None, "crew": None}
    results = [samples.completed(0, output=output), samples.completed(1, output=long), samples.completed(2), samples.failed(3)]
    return run_of(tmp_path_factory.mktemp("export") / "missions", TABLE, results)


@pytest.fixture(scope="module")
def book(run: RunFolder) -> Path:
    exported = export_run(run, run.path.parent / "missions.xlsx", options=ExportOptions(sources=True, confidence=True))
    assert exported.rows == 4
    return exported.path


def cells_of(sheet: Any) -> list[dict[str, Any]]:
    """The rows below the header, by its names."""
    header, *rows = sheet.iter_rows()
    return [dict(zip((cell.value for cell in header), row, strict=True)) for row in rows]


def test_the_input_s_cells_are_what_they_were_for_two_readers(book: Path) -> None:
    results = cells_of(openpyxl.load_workbook(book)["Results"])
    other = CalamineWorkbook.from_path(str(book)).get_sheet_by_name("Results").to_python()
    for place, (name, expected) in enumerate(AS_CELLS.items()):
        read = [row[name].value for row in results]
        texts = [unescape(value) if isinstance(value, str) else value for value in read]
        days = [value.date() if name == "day" and isinstance(value, datetime) else value for value in texts]
        assert days == expected, name
        cells = [line[place] if line[place] != "" else None for line in other[1:]]
        moments = [datetime(*cell.timetuple()[:3]) if name == "moment" and type(cell) is date else cell for cell in cells]
        assert moments == expected, name  # calamine takes a moment at midnight for a day


def test_a_workbook_that_was_exported_is_the_table_that_it_was(book: Path, tmp_path: Path) -> None:
    """Enriched once more, it has the same input: text stays text, dates dates, numbers numbers."""
    again = open_table(book).batches(10)
    table = pa.Table.from_batches(list(again))
    assert table["code"].to_pylist() == TABLE["code"].to_pylist()
    assert table["note"].to_pylist() == TABLE["note"].to_pylist()
    assert table["moment"].to_pylist() == TABLE["moment"].to_pylist()
    assert table["yes"].to_pylist() == TABLE["yes"].to_pylist()


def test_numbers_keep_the_formats_of_the_workbook_that_they_came_from(tmp_path: Path) -> None:
    given = openpyxl.Workbook()
    sheet = given.active
    assert sheet is not None
    formats = {"zip": "00000", "share": "0.0%", "price": '"€" #,##0.00', "day": "dd.mm.yyyy", "mixed": "General"}
    rows = [(501, 0.125, 1234.5, date(2024, 2, 29), 1), (1002, 0.5, 2, date(2025, 3, 1), 2)]
    sheet.append([None, *formats])  # an empty column before the table
    for row in rows:
        sheet.append([None, *row])
    for column, code in enumerate(formats.values(), start=2):
        for line in (2, 3):
            sheet.cell(line, column).number_format = code
    sheet["F2"].number_format = "0.00"
    given.save(tmp_path / "given.xlsx")
    table = pa.Table.from_batches(list(open_table(tmp_path / "given.xlsx").batches(10)))
    run = run_of(tmp_path / "run", table, [samples.completed(0), samples.completed(1)])
    first = cells_of(openpyxl.load_workbook(export_run(run, tmp_path / "x.xlsx").path)["Results"])[0]
    assert {name: first[name].number_format for name in formats} == formats
    assert [first[name].value for name in formats] == [501, 0.125, 1234.5, datetime(2024, 2, 29), 1]


def test_no_cell_is_a_formula(book: Path) -> None:
    loaded = openpyxl.load_workbook(book)
    kinds = {cell.data_type for sheet in loaded for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds
    assert cells_of(loaded["Results"])[0]["operator"].value == "=HYPERLINK(1)"
    assert cells_of(loaded["Results"])[0]["operator"].quotePrefix  # editing the cell does not make it one
    with zipfile.ZipFile(book) as parts:
        assert not any(b"<f>" in parts.read(name) for name in parts.namelist() if "worksheets/sheet" in name)


def test_a_researched_cell_is_shaded_and_leads_to_its_evidence_and_back(book: Path) -> None:
    loaded = openpyxl.load_workbook(book)
    rows = cells_of(loaded["Results"])
    high, low, empty = rows[0]["operator"], rows[0]["mass"], rows[1]["launched"]
    fills = {cell.fill.fgColor.rgb for cell in (high, low, empty, rows[0]["code"])}
    assert len(fills) == 4
    sheet, _, at = low.hyperlink.location.replace("'", "").partition("!")
    line = cells_of(loaded[sheet])[loaded[sheet][at].row - 2]
    assert (line["field"].value, line["confidence"].value, line["support"].value) == ("mass", "low", "inferred")
    assert line["excerpt"].value == "100 kg 😀"
    assert line["row"].hyperlink.location == f"'Results'!{low.coordinate}"
    assert empty.hyperlink is None
    assert rows[1]["status"].hyperlink is not None  # and with it the reason why there is no value
    reasons = [line["reasoning"].value for line in cells_of(loaded["Evidence"]) if line["field"].value == "launched"]
    assert "No page says when." in reasons
    parts = [line["value"].value for line in cells_of(loaded["Evidence"]) if line["field"].value == "crew.0.name"]
    assert parts[0] == "Ada 0"


def test_a_long_text_is_shortened_and_the_summary_says_so(book: Path, run: RunFolder, tmp_path: Path) -> None:
    loaded = openpyxl.load_workbook(book)
    shown = cells_of(loaded["Results"])[1]["operator"].value
    assert len(shown.encode("utf-16-le")) // 2 <= 32_767
    assert shown.startswith("😀😀")
    assert "JSON lines" in shown
    summary = [cell.value for row in loaded["Summary"].iter_rows() for cell in row if cell.value is not None]
    assert any("1 cells: text of more than 32,767" in str(value) for value in summary)
    assert {"Who flies {mission}?", "core", "extractive", "operator", 0.75} <= set(summary)
    whole = export_run(run, tmp_path / "missions.jsonl").path.read_text(encoding="utf-8").splitlines()
    assert json.loads(whole[1])["output"]["operator"] == "😀" * 20_000


def test_failed_rows_have_a_sheet(book: Path, tmp_path: Path) -> None:
    (row,) = cells_of(openpyxl.load_workbook(book)["Failed rows"])
    assert (row["row"].value, row["code"].value, row["error"].value) == (3, "-5", "the search did not answer")
    without = samples.finished(tmp_path / "run", shards=1)
    assert "Failed rows" not in openpyxl.load_workbook(export_run(without, tmp_path / "x.xlsx").path).sheetnames


def test_what_was_asked_for_stands_beside_each_field(book: Path) -> None:
    row = cells_of(openpyxl.load_workbook(book)["Results"])[0]
    names = list(row)
    assert names[names.index("operator") :][:3] == ["operator", "operator_sources", "operator_confidence"]
    assert (row["operator_sources"].value, row["operator_confidence"].value) == ("corpus://missions/0.html", "high")
    assert row["launched_sources"].value is None
    assert row["crew_confidence"].value == "medium"


def test_beyond_excel_s_limits_there_are_more_sheets_and_fewer_links(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (workbook, results_sheet):
        monkeypatch.setattr(module, "MOST_ROWS", 3)
    monkeypatch.setattr(results_sheet, "MOST_LINKS", 2)
    done = export_run(run, tmp_path / "x.xlsx")
    loaded = openpyxl.load_workbook(done.path)
    assert [len(cells_of(loaded[name])) for name in ("Results", "Results 2")] == [2, 2]
    linked = [[name for name, cell in row.items() if cell.hyperlink] for row in cells_of(loaded["Results"])]
    assert linked == [["status"], ["status"]]
    assert any("have no link" in note for note in done.notes)
    assert any("2 sheets" in note for note in done.notes)


def test_csv_is_safe_in_a_spreadsheet_and_raw_on_request(run: RunFolder, tmp_path: Path) -> None:
    safe, raw = tmp_path / "safe.csv", tmp_path / "raw.csv"
    export_run(run, safe)
    export_run(run, raw, options=ExportOptions(raw=True))
    assert safe.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(safe.open(encoding="utf-8-sig", newline="")))
    assert [row["code"] for row in rows] == ["007", "12345678901234567890", "'=1+1", "-5"]
    assert [row["big"] for row in rows] == ["123456789012345", "9007199254740993", "-5", ""]
    assert [row["exact"] for row in rows] == ["1.50", "12345678901234567.89", "", "-2.00"]
    assert [row["share"] for row in rows] == ["0.30000000000000004", "1e+300", "NaN", "Infinity"]
    assert rows[1]["note"] == "two\r\nlines␇"
    assert rows[0]["operator"] == "'=HYPERLINK(1)"
    assert json.loads(rows[0]["crew"]) == [{"name": "Ada 0"}]
    assert [row["status"] for row in rows] == ["completed"] * 3 + ["failed"]
    plain = list(csv.DictReader(raw.open(encoding="utf-8", newline="")))
    assert [row["note"] for row in plain] == TABLE["note"].to_pylist()
    assert plain[0]["operator"] == "=HYPERLINK(1)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("+49 30 1", "'+49 30 1"),
        ("-5,5 %", "'-5,5 %"),
        ("\tx", "'\tx"),
        ("\r=1", "'\r'=1"),
        ("'=1", "''=1"),
        ("x;=cmd()", "x;'=cmd()"),
        ("x\n=cmd()", "x\n'=cmd()"),
        ("x;-cmd()", "x;'-cmd()"),
        ("-12.5", "-12.5"),
        ("+4.9e-3", "+4.9e-3"),
        ("1;-5;3", "1;-5;3"),
        ("a\n- b\n- c", "a\n- b\n- c"),
        ("it's = fine", "it's = fine"),
        ("nul\x00", "nul␀"),
    ],
)
def test_a_text_that_a_spreadsheet_would_run_is_marked_as_text(text: str, expected: str) -> None:
    from research.tables.export.csv_file import harmless

    assert harmless(text) == expected


def test_json_lines_hold_everything_that_a_row_rests_on(run: RunFolder, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in export_run(run, tmp_path / "x.jsonl").path.read_text(encoding="utf-8").splitlines()]
    assert [line["status"] for line in lines] == ["completed"] * 3 + ["failed"]
    assert lines[0]["input"]["code"] == "007"
    assert lines[0]["output"]["crew"] == [{"name": "Ada 0"}]
    assert lines[0]["basis"][0]["citations"][0]["excerpts"][0]["text"] == "Agency 0"
    assert lines[3]["error"] == "the search did not answer"


def test_parquet_holds_exact_types_and_chosen_columns(run: RunFolder, tmp_path: Path) -> None:
    whole = pq.read_table(export_run(run, tmp_path / "x.parquet").path)
    assert whole.select(TABLE.schema.names).slice(0, 2).equals(TABLE.slice(0, 2))
    assert whole.drop(["share"]).equals(samples.everything(run, "results").drop(["share"]))
    options = ExportOptions(columns=["operator", "code", "mass_confidence"], sources=True)
    chosen = pq.read_table(export_run(run, tmp_path / "y.parquet", options=options).path)
    assert chosen.column_names == ["operator", "operator_sources", "code", "mass_confidence"]
    assert chosen["operator_sources"].to_pylist()[0] == ["corpus://missions/0.html"]


def test_what_cannot_be_written_is_refused_and_what_was_there_stays(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="did you mean"):
        export_run(run, tmp_path / "x.csv", options=ExportOptions(columns=["operater"]))
    with pytest.raises(InvalidInput, match=r"should end with \.xlsx"):
        export_run(run, tmp_path / "x.xls")
    with pytest.raises(InvalidInput, match="is a folder"):
        export_run(run, tmp_path, "csv")
    (tmp_path / "there.csv").write_text("mine")
    with pytest.raises(InvalidInput, match="there is nothing to choose: leave out --sources, or write CSV"):
        export_run(run, tmp_path / "there.csv", "jsonl", ExportOptions(sources=True))
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["there.csv"]
