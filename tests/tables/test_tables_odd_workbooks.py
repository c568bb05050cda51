"""Workbooks whose cells say something that their values alone do not: it is told."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Font, NamedStyle
from openpyxl.worksheet.worksheet import Worksheet

from research.documents.extract import extract
from research.tables.inputs.read import open_table

ROWS = [["name", "city", "price"], ["Acme", "Berlin", 10], ["Bolt", "Paris", 20], ["Cyan", "Rome", 30]]
RAISED = CellRichText("10", TextBlock(InlineFont(vertAlign="superscript"), "24"))


def saved(folder: Path, change: Callable[[Worksheet], object]) -> Path:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in ROWS:
        sheet.append(row)
    change(sheet)
    book.save(folder / "book.xlsx")
    return folder / "book.xlsx"


def told(path: Path) -> str:
    """What is told of a workbook, whose values are all read nevertheless."""
    table = open_table(path)
    assert table.row_count == len(ROWS) - 1
    return "; ".join(table.warnings)


def strike_by_style(sheet: Worksheet) -> None:
    style = NamedStyle("gone")
    style.font = Font(strike=True)
    sheet["A3"].style = style


def strike_a_part(sheet: Worksheet) -> None:
    sheet["A3"] = CellRichText(TextBlock(InlineFont(strike=True), "Bolt"), " Ltd")


@pytest.mark.parametrize("change", [strike_by_style, strike_a_part])
def test_struck_out_cells_are_told(tmp_path: Path, change: Callable[[Worksheet], object]) -> None:
    assert "cell A3: struck out in the workbook" in told(saved(tmp_path, change))


def test_a_rule_that_strikes_out_is_told(tmp_path: Path) -> None:
    rule = FormulaRule(formula=["$C2>15"], font=Font(strike=True))

    assert "a conditional format strikes cells out" in told(
        saved(tmp_path, lambda sheet: sheet.conditional_formatting.add("A2:C4", rule))
    )


def test_a_workbook_page_marks_what_is_struck_out(tmp_path: Path) -> None:
    path = saved(tmp_path, strike_by_style)

    text = extract(path.read_bytes(), url="https://e.org/book.xlsx").text

    assert "~~Bolt~~ | Paris | 20" in text
    assert "Acme | Berlin | 10" in text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda sheet: setattr(sheet["C2"], "comment", Comment("in thousands", "me")), "cell C2: comments"),
        (lambda sheet: setattr(sheet["C2"], "number_format", ";;;"), "cell C2: the number format shows nothing"),
        (
            lambda sheet: sheet.__setitem__("A2", CellRichText("10", TextBlock(InlineFont(vertAlign="superscript"), "24"))),
            "raised",
        ),
    ],
)
def test_comments_unseen_values_and_raised_digits_are_told(
    tmp_path: Path, change: Callable[[Worksheet], object], says: str
) -> None:
    assert says in told(saved(tmp_path, change))


def test_different_units_in_one_column_are_told_and_one_unit_is_not(tmp_path: Path) -> None:
    def format_as(*codes: str) -> Path:
        return saved(
            tmp_path, lambda sheet: [setattr(sheet[f"C{at}"], "number_format", code) for at, code in enumerate(codes, 2)]
        )

    assert "column C shows numbers with different units: $ (C2), € (C3)" in told(format_as('"$"0.00', '0.00 "€"'))
    assert told(format_as('"$"0.00', '"$"0', '"$"0.0')) == ""
    assert "different units: % (C2), none (C3)" in told(format_as("0%", "0.0"))
    assert told(format_as("0%", "0%", "0.0%")) == ""


@pytest.mark.parametrize("number", [-5, 20240517])
def test_a_number_that_is_no_date_but_formatted_as_one_is_told(tmp_path: Path, number: int) -> None:
    def change(sheet: Worksheet) -> None:
        sheet["C2"] = number
        sheet["C2"].number_format = "yyyy-mm-dd"

    assert "cell C2: numbers that are formatted as dates, and are none" in told(saved(tmp_path, change))


def test_dates_among_texts_are_told_for_excel_makes_dates_of_names(tmp_path: Path) -> None:
    def change(sheet: Worksheet) -> None:
        sheet["A3"] = date(2024, 9, 2)

    assert "column 'name' holds dates beside texts ('Acme')" in told(saved(tmp_path, change))


def test_formulas_that_were_never_calculated_but_stored_as_0_are_told(tmp_path: Path) -> None:
    def written(*values: int) -> Path:
        book = xlsxwriter.Workbook(str(tmp_path / "book.xlsx"))
        sheet = book.add_worksheet()
        for place, row in enumerate(ROWS):
            sheet.write_row(place, 0, row)
        for place, value in enumerate(values, 1):
            sheet.write_formula(place, 2, "=5+5", None, value)
        book.close()
        return tmp_path / "book.xlsx"

    assert "cells C2, C3: the value of every formula is 0" in told(written(0, 0))
    assert told(written(0, 10)) == ""


def test_a_workbook_of_another_kind_than_its_name_says_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path, lambda sheet: None)

    assert told(path.rename(tmp_path / "book.xls")) == ""


def test_what_an_open_document_sheet_hides_strikes_out_and_notes_is_told(tmp_path: Path) -> None:
    names = ("office", "table", "text", "style")
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names)
    cells = [[f'office:value-type="string"><text:p>{cell}</text:p>' for cell in row] for row in ROWS]
    cells[1][0] = f'table:style-name="gone" {cells[1][0]}'
    cells[2][1] += "<office:annotation><text:p>sure?</text:p></office:annotation>"
    lines = ["".join(f"<table:table-cell {cell}</table:table-cell>" for cell in row) for row in cells]
    looks = ["", "", "", ' table:visibility="collapse"']
    rows = "".join(f"<table:table-row{look}>{line}</table:table-row>" for look, line in zip(looks, lines, strict=True))
    style = '<style:style style:name="gone"><style:text-properties style:text-line-through-style="solid"/></style:style>'
    with zipfile.ZipFile(tmp_path / "book.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:automatic-styles>{style}</office:automatic-styles><office:body>"
            f'<office:spreadsheet><table:table table:name="S">{rows}</table:table></office:spreadsheet></office:body>'
            "</office:document-content>",
        )
        archive.writestr("META-INF/manifest.xml", "<manifest/>")

    warnings = told(tmp_path / "book.ods")

    assert "row 4 is not shown" in warnings
    assert "cell A2: struck out" in warnings
    assert "cell B3: comments" in warnings


def test_numbers_that_a_format_shows_as_words_are_told(tmp_path: Path) -> None:
    def format_as_words(sheet: Worksheet) -> None:
        sheet["C2"].number_format = '"yes";"no";"no"'

    assert "cell C2: the number format shows nothing of the number" in told(saved(tmp_path, format_as_words))


def test_a_length_of_time_is_in_hours_as_its_cell_shows_it(tmp_path: Path) -> None:
    def time_them(sheet: Worksheet) -> None:
        for place, length in (("C2", timedelta(hours=30)), ("C3", timedelta(hours=1)), ("C4", timedelta(seconds=-237.65))):
            sheet[place] = length + timedelta(minutes=5)
            sheet[place].number_format = "[h]:mm:ss"

    table = open_table(saved(tmp_path, time_them))
    assert [row["price"] for batch in table.batches(9) for row in batch.to_pylist()] == ["30:05:00", "1:05:00", "0:01:02.35"]
