"""Files as banks, survey tools and offices export them: read right, refused with what to do, or warned about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from research.errors import InvalidTable
from research.tables.inputs.read import Table, open_table

_ANSWERS = "".join(f"Agree {number % 3},Yes,{('Red', 'Blue')[number % 2]}\n" for number in range(20))


def _rows(table: Table) -> list[list[Any]]:
    return [list(row.values()) for batch in table.batches(1000) for row in batch.to_pylist()]


def _text(folder: Path, content: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def _workbook(folder: Path, rows: Sequence[Sequence[Any]]) -> tuple[openpyxl.Workbook, Path]:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    return book, folder / "book.xlsx"


@pytest.mark.parametrize(
    "content",
    [
        "Start,Q1\nStart Date,How are you?\n2024-01-01,good\n2024-01-02,bad\n",
        "Start,Q1\nStart Date,How are you?\n{import 1},{import 2}\n2024-01-01,good\n2024-01-02,bad\n",
        f"Q1,Q2,Q3\nHow satisfied are you?,Would you buy it again?,Which colour do you like?\n{_ANSWERS}",
    ],
)
def test_a_second_line_of_a_surveys_header_is_told_once_even_of_few_rows_and_of_text(tmp_path: Path, content: str) -> None:
    warnings = open_table(_text(tmp_path, content)).warnings

    assert ["line 2 reads like a further line of the header" in warning for warning in warnings] == [True]


def test_sorted_rows_of_which_the_first_has_a_long_value_are_no_header(tmp_path: Path) -> None:
    rows = "".join(f"Rome,Italy,{number}\n" for number in range(20))
    text = "Toys,Dolls\n" * 20

    assert open_table(_text(tmp_path, f"city,country,n\nBuenos Aires,Chad,1\n{rows}")).warnings == ()
    assert open_table(_text(tmp_path, f"kind,part\nElectronics,Telephones\n{text}")).warnings == ()


def test_a_row_without_the_separator_at_its_end_that_others_have_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidTable, match=r"line 3 has 3 cells, but .* other lines have 4 cells, with nothing at the end"):
        open_table(_text(tmp_path, "a,b,c\n1,2,3,\n4,5,6\n7,8,9,\n"))


def test_notes_above_a_table_are_left_out_though_every_line_is_filled_up_with_separators(tmp_path: Path) -> None:
    table = open_table(
        _text(tmp_path, "Exported,2024-01-01,\nUser,bob,\n,,\nname,city,n\nx,Rome,1\ny,Oslo,2\nz,Bonn,3\nw,Ulm,4\n")
    )

    assert table.schema.names == ["name", "city", "n"]
    assert len(_rows(table)) == 4
    assert "lines 1-2 ('Exported') stand above the table" in table.warnings[0]


@pytest.mark.parametrize("extra", ["extra", ""])
def test_rows_before_an_empty_one_are_rows_where_the_last_column_is_seldom_filled(tmp_path: Path, extra: str) -> None:
    table = open_table(_text(tmp_path, f"name,city,\nx,Rome,\ny,Oslo,\n,,\nz,Bonn,{extra}\n"))

    assert table.schema.names[:2] == ["name", "city"]
    assert ["x", "Rome"] in [row[:2] for row in _rows(table)]


def test_a_wider_table_below_the_first_is_refused_as_another_table(tmp_path: Path) -> None:
    summary = "Description,,Sum\n" + "".join(f"Balance {day},,{day}\n" for day in range(5))
    moves = "Date,Description,Amount,Balance\n2024-01-01,Shop,-1,4\n2024-01-02,Pay,2,6\n"

    with pytest.raises(InvalidTable, match=r"line 8 has 4 cells.* another table begins there"):
        open_table(_text(tmp_path, f"{summary}\n{moves}"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<html><table><tr><td>a</td></tr></table></html>", "is no workbook, but HTML"),
        ("<?xml version='1.0'?><Workbook/>", "is no workbook, but HTML or XML"),
        ("a\tb\n1\t2\n", "is no workbook, but text. Call it .csv"),
        ("", "is empty"),
    ],
)
def test_text_that_is_called_a_workbook_is_refused_by_what_it_is(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InvalidTable, match=message):
        open_table(_text(tmp_path, content, "export.xls"))


@pytest.mark.parametrize("name", ["table.csv", "table.jsonl"])
def test_a_workbook_that_is_called_text_is_refused_before_its_encoding_is_guessed(tmp_path: Path, name: str) -> None:
    book, _ = _workbook(tmp_path, [["a", "b"], [1, "é"]])
    book.save(tmp_path / name)

    with pytest.raises(InvalidTable, match="is no text, but a ZIP archive"):
        open_table(tmp_path / name)


def test_what_a_workbook_hides_or_shows_otherwise_is_told(tmp_path: Path) -> None:
    book, path = _workbook(tmp_path, [["zip", "secret", "v"], [123, "x", "#N/A"], [4567, "y", 2], [89, "z", 3]])
    sheet = book.worksheets[0]
    sheet.column_dimensions["B"].hidden = True
    sheet.row_dimensions[3].hidden = True
    for row in (2, 3, 4):
        sheet.cell(row, 1).number_format = "00000"
    book.save(path)

    table = open_table(path)
    told = " ".join(table.warnings)
    assert table.row_count == 3
    assert "cell C2: an error is shown there" in told
    assert "row 3 is not shown in the workbook" in told
    assert "column B is hidden" in told
    assert "column A is shown with leading zeros" in told


def test_an_empty_column_between_others_is_told_for_two_tables_may_stand_side_by_side(tmp_path: Path) -> None:
    book, path = _workbook(tmp_path, [["a", "b", None, "name"], [1, 2, None, "x"], [3, 4, None, "y"]])
    book.save(path)

    assert "column C is empty and left out" in " ".join(open_table(path).warnings)


def test_years_are_names_of_columns_below_a_block_that_can_be_no_row(tmp_path: Path) -> None:
    block = '"Data Source","World Development Indicators",\n\n"Last Updated","2024-05-30",\n\n'
    table = open_table(
        _text(tmp_path, f'{block}"Country","Code","1960","1961",\n"Aruba","ABW","5","6",\n"Chad","TCD","7","8",\n')
    )

    assert table.schema.names == ["Country", "Code", "1960", "1961"]
    assert _rows(table) == [["Aruba", "ABW", 5, 6], ["Chad", "TCD", 7, 8]]
    assert "lines 1-3 ('Data Source') stand above the table" in table.warnings[0]


def test_notes_below_a_table_are_not_told_as_a_missing_separator_alone(tmp_path: Path) -> None:
    with pytest.raises(InvalidTable, match=r"line 4 has 1 cell.* a note begins there"):
        open_table(_text(tmp_path, "place,n,m\nChad,1,2\nPeru,3,4\n____\nStand: 2024\n"))


def test_formulas_that_only_say_that_a_cell_is_text_are_told(tmp_path: Path) -> None:
    table = open_table(_text(tmp_path, 'zip,v\n="00123",1\n="04567",2\n'))

    assert _rows(table)[0] == ['="00123"', 1]
    assert "lines 2, 3: a cell such as" in table.warnings[0]


def test_a_german_bank_statement_of_few_umlauts_is_not_taken_for_chinese(tmp_path: Path) -> None:
    path = tmp_path / "bank.csv"
    notes = "Umsatzanzeige;vom 05.04.2024\n\nHier finden Sie alle gebuchten Umsätze.\n\n"
    rows = "28.03.2024;REWE;Lastschrift;Einkauf;-23;EUR\n" * 30
    path.write_bytes(f"{notes}Buchung;Empfänger;Buchungstext;Zweck;Betrag;Währung\n{rows}".encode("cp1252"))

    table = open_table(path)

    assert table.schema.names == ["Buchung", "Empfänger", "Buchungstext", "Zweck", "Betrag", "Währung"]
    assert "it was read as cp1252" in table.warnings[0]


@pytest.mark.parametrize("last", ["Total,3", "Grand total:,3", "Summe,3"])
def test_a_total_at_the_foot_is_a_row_of_the_table_and_is_told(tmp_path: Path, last: str) -> None:
    table = open_table(_text(tmp_path, f"name,n\nAcme,1\nBolt,2\n{last}\n"))

    assert table.row_count == 3
    assert [warning.split(": ", 2)[1:] for warning in table.warnings] == [
        ["line 4", "reads like a total of the rows above it, and is a row of the table. Delete it, or leave it out with --query"]
    ]
    assert open_table(_text(tmp_path, "name,n\nTotal,1\nBolt,2\n")).warnings == ()


def test_a_note_below_an_empty_row_of_a_workbook_is_told_even_of_two_columns(tmp_path: Path) -> None:
    book, path = _workbook(tmp_path, [["name", "n"], ["Acme", 1], ["Bolt", 2], [], ["Source: survey of 2024"]])
    book.save(path)

    assert any("row 5 at the end of the table: only the first cell holds anything" in each for each in open_table(path).warnings)


def test_a_byte_order_mark_that_stands_twice_is_no_part_of_a_name(tmp_path: Path) -> None:
    assert open_table(_text(tmp_path, "\ufeff\ufeffname,n\nAcme,1\n")).schema.names == ["name", "n"]


def test_a_table_in_markdown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTable, match="is a Markdown table"):
        open_table(_text(tmp_path, "| name | n |\n|---|:-:|\n| Acme | 1 |\n", "table.txt"))
