"""OpenDocument sheets are read as Excel's are: merged cells, lengths of time, units, errors, formulas, links."""

from __future__ import annotations

import zipfile
from pathlib import Path

from research.documents.extract import extract
from research.tables.inputs.read import open_table

_SPACES = " ".join(
    f'xmlns:{name}="{"http://www.w3.org/1999/xlink" if name == "xlink" else f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"}"'
    for name in ("office", "table", "text", "xlink")
)


def cell(shown: str = "", *, kind: str = "string", more: str = "") -> str:
    """A cell as LibreOffice writes it."""
    text = f"<text:p>{shown}</text:p>" if shown else ""
    return f'<table:table-cell{f""" office:value-type="{kind}" """ if kind else " "}{more}>{text}</table:table-cell>'


def number(value: float, shown: str, kind: str = "float", more: str = "") -> str:
    return cell(shown, kind=kind, more=f'office:value="{value}" {more}')


def sheet(folder: Path, *rows: list[str]) -> Path:
    written = "".join(f"<table:table-row>{''.join(row)}</table:table-row>" for row in rows)
    with zipfile.ZipFile(folder / "book.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            f'<office:document-content {_SPACES}><office:body><office:spreadsheet><table:table table:name="S">{written}'
            "</table:table></office:spreadsheet></office:body></office:document-content>",
        )
    return folder / "book.ods"


def column(path: Path, name: str) -> list[object]:
    return [cells[name] for _, cells in open_table(path).rows()]


def page(path: Path) -> str:
    return extract(path.read_bytes(), url="corpus://c/book.ods").text


def test_cells_of_a_merged_range_all_have_its_value(tmp_path: Path) -> None:
    covered = "<table:covered-table-cell/>"
    path = sheet(
        tmp_path,
        [cell("region"), cell("town")],
        [cell("North", more='table:number-rows-spanned="2" table:number-columns-spanned="1"'), cell("Kiel")],
        [covered, cell("Husum")],
        [cell("South"), cell("Ulm")],
    )
    assert column(path, "region") == ["North", "North", "South"]
    assert "| North | Husum |" in page(path)


def test_lengths_of_time_of_more_than_a_day_are_in_hours(tmp_path: Path) -> None:
    lengths = ["PT26H05M10S", "P1DT02H", "-PT00H30M00S", "PT08H30M00S"]
    rows = [[cell("x"), cell("t", kind="time", more=f'office:time-value="{length}"')] for length in lengths]
    path = sheet(tmp_path, [cell("name"), cell("took")], *rows)
    assert column(path, "took") == ["26:05:10", "26:00:00", "-0:30:00", "08:30:00"]
    assert "| x | 26:05:10 |" in page(path)


def test_a_page_has_the_units_that_cells_show_and_a_table_tells_that_they_differ(tmp_path: Path) -> None:
    path = sheet(
        tmp_path,
        [cell("name"), cell("share"), cell("price"), cell("sold")],
        [cell("a"), number(0.125, "12,5 %", "percentage"), number(12.5, "12.50 €", "currency"), number(1200000, "1.2 M")],
        [cell("b"), number(0.5, "50,0 %", "percentage"), number(-1000, "-$1,000.00", "currency"), number(3, "3")],
    )
    assert "| a | 12.5% | 12.50€ | 1200000 |\n| b | 50.0% | -$1000.00 | 3 |" in page(path).replace(" %", "%").replace(" €", "€")
    assert column(path, "share") == [0.125, 0.5]
    assert any("different units: € (C2), $ (C3)" in warning for warning in open_table(path).warnings)


def test_a_percent_sign_behind_a_number_that_is_no_percentage_is_its_unit(tmp_path: Path) -> None:
    long = number(1e300, f"0.{'0' * 40}1 kg")
    path = sheet(tmp_path, [cell("name"), cell("x")], [cell("a"), number(12.5, "12.5 %")], [cell("b"), long])
    assert "| a | 12.5 % |" in page(path)
    assert "| b | " in page(path)


def test_what_is_said_of_cells_that_repeat_is_said_of_each_and_empty_ones_cost_nothing(tmp_path: Path) -> None:
    rest = '<table:table-cell table:number-columns-repeated="16382"/>'
    share = number(0.125, "12,5 %", "percentage", 'table:number-columns-repeated="2"')
    path = sheet(tmp_path, [cell("name"), cell("x"), cell("y")], *[[cell("a"), share, rest]] * 2_000)
    assert page(path).count("| a | 12.5% | 12.5% |") == 2_000


def test_leading_zeros_that_are_only_shown_are_told(tmp_path: Path) -> None:
    path = sheet(tmp_path, [cell("name"), cell("zip")], [cell("a"), number(1067, "01067")], [cell("b"), number(80331, "80331")])
    assert any("column B is shown with leading zeros" in warning for warning in open_table(path).warnings)
    assert "| a | 01067 |" in page(path)


def test_errors_are_empty_and_formulas_without_a_value_are_told(tmp_path: Path) -> None:
    formula = 'table:formula="of:=1/0"'
    path = sheet(
        tmp_path,
        [cell("name"), cell("n")],
        [cell("a"), number(0, "#DIV/0!", more=formula)],
        [cell("b"), cell(kind="", more=formula)],
        [cell("c"), number(4, "4", more=formula)],
        [cell("d"), cell("Err:502", more=f'{formula} office:string-value=""')],
        [cell("e"), cell("#EU", more=formula)],
    )
    assert [str(value) for value in column(path, "n")] == ["None", "None", "4", "None", "#EU"]
    told = " ".join(open_table(path).warnings)
    assert "cells B2, B5: an error is shown" in told
    assert "cell B3: formulas whose values are not stored" in told


def test_addresses_behind_cells_are_told_and_stand_in_a_page(tmp_path: Path) -> None:
    link = cell('<text:a xlink:href="https://example.org/a">site</text:a>')
    path = sheet(tmp_path, [cell("name"), cell("web")], [cell("a"), link])
    assert any("cell B2: links whose addresses are not in the table" in warning for warning in open_table(path).warnings)
    assert "site (https://example.org/a)" in page(path)
    several = cell("".join(f'<text:a xlink:href="https://example.org/{name}">{name}</text:a> ' for name in "ab"))
    inside = cell('<text:a xlink:href="#Sheet2.A1">below</text:a>')
    assert "| a b | below |" in page(sheet(tmp_path, [cell("name"), cell("web")], [several, inside]))
