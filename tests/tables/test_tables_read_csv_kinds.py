"""A polluted CSV file is read right, refused with the line, or read with a warning: never shifted in silence."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.errors import InvalidTable
from research.tables.inputs.read import Table, open_table

ROWS = [
    ["name", "city", "founded", "url", "note"],
    ["Acme", "Leeds", "2001-02-03", "https://acme.org", ""],
    ["Foo, Ltd", "York", "1999-12-31", "https://foo.org", ""],
    ["Bar", "Bath", "2010-05-06", "https://bar.org", ""],
    ["Baz", "Hull", "2011-05-06", "https://baz.org", ""],
]


def opened(folder: Path, content: str | bytes, name: str = "t.csv", **options: Any) -> Table:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_table(path, **options)


def cells_of(table: Table) -> list[list[str]]:
    rows = [list(row.values()) for batch in table.batches(100) for row in batch.to_pylist()]
    return [table.schema.names, *[["" if cell is None else str(cell) for cell in row] for row in rows]]


def written(rows: list[list[str]], **dialect: Any) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows(rows)
    return text.getvalue()


@settings(max_examples=60, deadline=None)
@given(
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    ends=st.lists(st.sampled_from(["\r\n", "\n", "\r", "\r\r\n"]), min_size=5, max_size=5),
    last=st.booleans(),
)
def test_separators_quotes_and_line_ends_may_be_any_and_may_be_mixed(
    tmp_path_factory: pytest.TempPathFactory, delimiter: str, quoting: Any, ends: list[str], last: bool
) -> None:
    lines = [written([row], delimiter=delimiter, quoting=quoting, lineterminator="") for row in ROWS]
    text = "".join(line + end for line, end in zip(lines, ends, strict=True))
    table = opened(tmp_path_factory.mktemp("csv"), text if last else text.rstrip("\r\n"))
    assert (cells_of(table), table.warnings) == (ROWS, ())


@settings(max_examples=60, deadline=None)
@given(line=st.integers(0, len(ROWS) - 1), at=st.integers(0, 60), remove=st.booleans(), delimiter=st.sampled_from(",;\t|"))
def test_a_separator_too_many_or_missing_never_shifts_a_row_in_silence(
    tmp_path_factory: pytest.TempPathFactory, line: int, at: int, remove: bool, delimiter: str
) -> None:
    """In any line, the header's too, wherever it is."""
    lines = written(ROWS, delimiter=delimiter, lineterminator="\n").splitlines()
    places = [place for place, letter in enumerate(lines[line]) if letter == delimiter and place <= at]
    if remove and places:
        lines[line] = lines[line][: places[-1]] + lines[line][places[-1] + 1 :]
    elif not remove:
        before = places[-1] if places else 0
        lines[line] = lines[line][:before] + delimiter + lines[line][before:]
    check(tmp_path_factory, "\n".join(lines) + "\n", ROWS, rf"line ({line + 1}|1) ")


@settings(max_examples=60, deadline=None)
@given(line=st.integers(0, len(ROWS) - 1), place=st.integers(0, 4), end=st.booleans())
def test_a_stray_quote_never_swallows_rows_in_silence(
    tmp_path_factory: pytest.TempPathFactory, line: int, place: int, end: bool
) -> None:
    """It is text inside a cell; at the start of one it is refused with its line, as nobody can say where the cell ends."""
    rows = [[f'"{cell}"' if "," in cell else cell for cell in row] for row in ROWS]
    rows[line][place] = rows[line][place] + '"' if end else '"' + rows[line][place]
    text = "\n".join(",".join(row) for row in rows) + "\n"
    meant = [list(row) for row in ROWS]
    meant[line][place] = rows[line][place]
    check(tmp_path_factory, text, meant, "line ")


def check(factory: pytest.TempPathFactory, text: str, meant: list[list[str]], place: str) -> None:
    """A table is as meant, or refused with the place, or a warning is there."""
    refusal = None
    try:
        table = opened(factory.mktemp("csv"), text)
    except InvalidTable as exc:
        refusal = str(exc)
    assert re.search(place, refusal) if refusal else (cells_of(table) == meant or table.warnings)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("d,,e,http://f,", "line 3 has 5 cells, but the header names 4"),
        ("d,e", "line 3 has 2 cells, but the header names 4"),
        ('d,"e" f,g,h', 'line 3: text follows a closing "'),
    ],
)
def test_a_row_that_does_not_fit_is_refused_with_its_line_and_what_to_do(tmp_path: Path, row: str, why: str) -> None:
    with pytest.raises(InvalidTable, match=why) as refusal:
        opened(tmp_path, f"name,city,url,note\na,b,http://c,\n{row}\n")
    assert "orrect that line" in str(refusal.value)


def test_missing_last_cells_are_empty_where_every_other_value_can_only_stand_where_it_stands(tmp_path: Path) -> None:
    lines = written(ROWS, lineterminator="\n").splitlines()
    table = opened(tmp_path, "\n".join([*lines[:-1], lines[-1].removesuffix(",")]))
    assert cells_of(table) == ROWS
    assert ["line 5: fewer cells" in warning for warning in table.warnings] == [True]
    with pytest.raises(InvalidTable, match="line 5 has 4 cells"):
        opened(tmp_path, "\n".join([*lines[:-1], lines[-1].replace("Baz,", "Baz")]))


@pytest.mark.parametrize(
    "above",
    [
        "Customers 2024,,\n,,\n",
        "Customers 2024,,\n",
        "Customers 2024\n\n",
        "Customers 2024\n",
        "Made by:,Ann\n\n",
        "A\nB\n\n",
        "Made by:,Ann\nFor:,Bob\n\n",
    ],
)
def test_titles_above_the_header_are_left_out_with_a_warning(tmp_path: Path, above: str) -> None:
    table = opened(tmp_path, f"{above}name,city,id\nAcme,Leeds,1\nFoo,York,2\n")
    assert cells_of(table) == [["name", "city", "id"], ["Acme", "Leeds", "1"], ["Foo", "York", "2"]]
    assert "above the table" in table.warnings[0]
    assert "names the columns" in table.warnings[0]


def test_a_note_below_the_table_is_left_out_with_a_warning_and_other_short_lines_are_refused(tmp_path: Path) -> None:
    table = opened(tmp_path, "name,city,id\nAcme,Leeds,1\n\nSource: us\n")
    assert cells_of(table)[1:] == [["Acme", "Leeds", "1"]]
    assert "line 4 ('Source: us') below the table: left out" in table.warnings[0]
    with pytest.raises(InvalidTable, match="line 4 has 1 cell"):
        opened(tmp_path, "name,city,id\nAcme,Leeds,1\n\nSource: us\nFoo,York,2\n")
    with pytest.raises(InvalidTable, match="line 3 has 1 cell"):
        opened(tmp_path, "name,city,id\nAcme,Leeds,1\nFo")


@pytest.mark.parametrize("title", ["Umsatz;2024", "Quelle;Amt, Berlin", "Bericht;Januar\n", "# Quelle: Amt"])
def test_decimal_commas_below_a_title_separate_no_cells(tmp_path: Path, title: str) -> None:
    rows = [["A", "1,50", "Ost", "2,25"], ["B", "2,75", "West", "1,00"], ["C", "3,25", "Nord", "0,75"]]
    table = opened(tmp_path, f"{title}\n" + written([["Name", "Preis", "Lage", "Gewicht"], *rows], delimiter=";"))
    assert cells_of(table) == [["Name", "Preis", "Lage", "Gewicht"], *rows]
    assert "above the table" in table.warnings[0]


@pytest.mark.parametrize("lines", [["Source: Office, 2024"], ["Source: us", "Note: early", "", "(c) Office, York, 2024"]])
def test_notes_below_the_table_are_left_out_however_many_they_are(tmp_path: Path, lines: list[str]) -> None:
    table = opened(tmp_path, "name,city,born,id\nAcme,Leeds,2,1\nFoo,York,1,2\n\n" + "\n".join(lines))
    assert cells_of(table)[1:] == [["Acme", "Leeds", "2", "1"], ["Foo", "York", "1", "2"]]
    assert "line" in table.warnings[0]
    assert "('Source: " in table.warnings[0]
    with pytest.raises(InvalidTable, match=r"line 3 has 2 cells.*a note begins there"):
        opened(tmp_path, "name,city,id\nAcme,Leeds,1\nSource: Office, 2024\n")


@pytest.mark.parametrize(
    ("upper", "lower", "names"),
    [
        (",2023,,2024,", "city,born,died,born,died", ["city", "2023 born", "2023 died", "2024 born", "2024 died"]),
        ("city,2023,2023,2024,2024", ",born,died,born,died", ["city", "2023 born", "2023 died", "2024 born", "2024 died"]),
        ("city,2023,2023,2024,2024", "city,born,died,born,died", ["city", "2023 born", "2023 died", "2024 born", "2024 died"]),
        ("Region,Sales,,Costs,", "Name,Q1,Q2,Q1,Q2", ["Region Name", "Sales Q1", "Sales Q2", "Costs Q1", "Costs Q2"]),
    ],
)
@pytest.mark.parametrize("title", ["", "Report\n\n"])
def test_two_lines_that_name_the_columns_together_are_one_header(
    tmp_path: Path, title: str, upper: str, lower: str, names: list[str]
) -> None:
    rows = [["Berlin", "10", "12", "13", "14"], ["Bonn", "1", "2", "3", "4"], ["Cologne", "5", "6", "7", "8"]]
    table = opened(tmp_path, f"{title}{upper}\n{lower}\n{written(rows)}")
    assert cells_of(table) == [names, *rows]
    assert f"name the columns together: '{names[-1]}'" in table.warnings[-1]


@pytest.mark.parametrize("text", ["name,,city\nAcme,Acme,York\nFoo,Bar,Bath\nBaz,Baz,Hull\n", ",a,b\nx,y,y\nz,u,u\nv,w,w\n"])
def test_a_first_row_that_repeats_a_value_is_no_second_line_of_the_header(tmp_path: Path, text: str) -> None:
    assert len(cells_of(opened(tmp_path, text))) == 4


@pytest.mark.parametrize(("order", "where"), [(1, "line 17 has 2 cells"), (-1, "lines 5-9 look like another table")])
def test_an_export_of_two_tables_is_refused_where_the_other_begins(tmp_path: Path, order: int, where: str) -> None:
    """As web analytics export them: comments, a table with its total, a gap, another table."""
    wide = "Country,Users,Rate\n" + "".join(f"C{n},{n},{n}.5%\n" for n in range(9)) + ",99,1%\n"
    narrow = "Day,Users\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n,6\n"
    comments = "# -----\n# All Web Site Data\n# 20240101-20240131\n\n"
    with pytest.raises(InvalidTable, match=rf"{where}.*Keep one of the two"):
        opened(tmp_path, comments + "\n".join([wide, narrow][::order]))
    table = opened(tmp_path, comments + wide)
    assert cells_of(table)[0] == ["Country", "Users", "Rate"]
    assert "lines 1-3 ('# -----') stand above the table" in table.warnings[0]


@pytest.mark.parametrize("further", ["name,city,id", "text,text,number"])
def test_a_further_header_line_or_a_second_table_is_warned_of(tmp_path: Path, further: str) -> None:
    body = "".join(f"Acme{n},Leeds,{n}\n" for n in range(8))
    for text, line in ((f"name,city,id\n{further}\n{body}", 2), (f"name,city,id\n{body}{further}\n{body}", 10)):
        if line == 10 and further.startswith("text"):
            continue
        table = opened(tmp_path, text)
        assert any(f"line {line}" in warning and "header" in warning for warning in table.warnings)


def test_a_first_row_of_values_is_no_header(tmp_path: Path) -> None:
    with pytest.raises(InvalidTable, match=r"line 1 reads like a row of values.*'2001-02-03' stands above '1999-12-31'"):
        opened(tmp_path, written(ROWS[1:]))
    doubtful = opened(tmp_path, "Acme,UK\nFoo,UK\nBar,FR\n")
    assert "may be a row: 'UK' stands again in column 2" in doubtful.warnings[0]
    assert "may be a row of values ('1' stands above numbers)" in opened(tmp_path, "1,2,3\n4,5,6\n7,8,10\n9,9,9\n").warnings[0]
    years = opened(tmp_path, "country,2019,2020\nNL,1,2\nFR,3,4\nDE,5,6\n")
    assert years.warnings == ()


def test_a_separator_after_every_row_is_left_out_with_a_warning(tmp_path: Path) -> None:
    table = opened(tmp_path, "a,b\n1,2,\n3,4,\n")
    assert cells_of(table) == [["a", "b"], ["1", "2"], ["3", "4"]]
    assert "every row has an empty cell more" in table.warnings[0]
    with pytest.raises(InvalidTable, match="line 1 has 2 cells, but most rows below have 3"):
        opened(tmp_path, "a,bc\n1,2,3\n3,4,5\n")


def test_rows_of_bare_separators_and_nameless_columns_are_warned_of(tmp_path: Path) -> None:
    table = opened(tmp_path, "a,,c\n1,2,3\n,,\n4,5,6\n")
    assert [row[1] for row in cells_of(table)] == ["column_2", "2", "", "5"]
    assert "column 2 has no name" in table.warnings[0]
    assert "line 3: no cell holds anything" in table.warnings[1]


def test_a_text_that_two_separators_divide_evenly_names_the_one_taken(tmp_path: Path) -> None:
    table = opened(tmp_path, "a;b,c\n1;2,3\n4;5,6\n")
    assert "divided evenly by ';' (2 columns) and by ',' (2 columns); ';' was taken" in table.warnings[0]
    assert opened(tmp_path, "name;amount\nAcme;1,234\nFoo;5,678\n").warnings == ()
    assert cells_of(opened(tmp_path, "name\tcity, country\nAcme\tLeeds, UK\n"))[0] == ["name", "city, country"]


@pytest.mark.parametrize(
    "text", ["price\n12,5\n3,75\n", "name\nAcme, Inc.\nFoo, Ltd.\nBar, Inc.\n", "q\nWho is it, and why?\nWhen?\n"]
)
def test_one_column_that_holds_commas_is_one_column(tmp_path: Path, text: str) -> None:
    assert cells_of(opened(tmp_path, text)) == [[line] for line in text.splitlines()]


def test_a_note_of_the_separator_is_no_row_and_a_space_after_every_separator_is_none_of_the_value(tmp_path: Path) -> None:
    assert cells_of(opened(tmp_path, "sep=;\na;b\n1,5;2\n")) == [["a", "b"], ["1,5", "2"]]
    padded = opened(tmp_path, 'a, b\n1, "2, 3"\n4, 5\n')
    assert cells_of(padded) == [["a", "b"], ["1", "2, 3"], ["4", "5"]]
    assert "a space follows every ','" in padded.warnings[0]


@pytest.mark.parametrize("delimiter", [" ", "~", "^"])
def test_a_separator_that_is_seldom_one_is_named(tmp_path: Path, delimiter: str) -> None:
    rows = [["name", "home town", "n"], ["Acme Ltd", "Leeds", "1"], ["Foo", "New York", "2"]]
    table = opened(tmp_path, written(rows, delimiter=delimiter))
    assert cells_of(table) == rows
    assert "divides every line into 3 cells; it was taken for the separator" in table.warnings[0]
    prose = opened(tmp_path, "one two three\nAcme is small\nFoo is big\n")
    assert (len(prose.schema), "space divides every line into 3 cells" in prose.warnings[0]) == (1, True)


def test_a_row_of_another_separator_does_not_make_a_table_of_one_column(tmp_path: Path) -> None:
    lines = written(ROWS, lineterminator="\n").splitlines()
    with pytest.raises(InvalidTable, match="line 5 has 1 cell"):
        opened(tmp_path, "\n".join([*lines[:-1], lines[-1].replace(",", ";")]))


def test_a_quote_that_opens_inside_a_cell_and_closes_in_another_is_refused(tmp_path: Path) -> None:
    """A separator before it is lost, and the one inside the quotes makes up for it."""
    with pytest.raises(InvalidTable, match='line 3: a " opens inside a cell and closes in another'):
        opened(tmp_path, 'price,name,n\n$1,"a, b",1\n$48"Throw Pillow, Wooden",2\n')
    assert cells_of(opened(tmp_path, 'a,b\n5" pipe,6" pipe\n7",8"\n'))[1:] == [['5" pipe', '6" pipe'], ['7"', '8"']]


def test_a_quote_that_closes_what_nothing_opens_is_refused_or_told(tmp_path: Path) -> None:
    """Refused where it is certain; told where most cells are in quotes; text, where a quote is an inch."""
    with pytest.raises(InvalidTable, match='line 3: a " closes a cell that none opens'):
        opened(tmp_path, 'name,size\na,"1, 2"\nb,12"" disk"\n')
    [warning] = opened(tmp_path, '"name","size"\n"a","1"\nb","2"\n"c","3"\n').warnings
    assert "line 3: a quote belongs to no other, and most cells are in quotes" in warning
    [warning] = opened(tmp_path, '"name",size"\n"a","1"\n"b","2"\n').warnings
    assert "the header (line 1) holds a quote that belongs to no other" in warning
    inches = opened(tmp_path, 'name,size\n"pipe, short",5"\nrod,6\npin,7"\n')
    assert (cells_of(inches)[1:], inches.warnings) == ([["pipe, short", '5"'], ["rod", "6"], ["pin", '7"']], ())


@pytest.mark.parametrize(
    ("content", "place"),
    [
        pytest.param("a,b,c\n1,2,3,\nx\ty,5,6\n", "line 2 has 4 cells", id="a separator too many above a cell with a tab"),
        pytest.param("a|b|c|d\nx\ty|2", "line 1 has 4 cells, but most rows below have 2", id="cut in its first row"),
        pytest.param("a;b;c\n1;2, 3;4, 5;6;7\n", "line 1 has 3 cells, but most rows below have 5", id="rows that were joined"),
        pytest.param('a\t"b\tc\n1\t2\t3|4\n5\t6\t"""7"""\n', "text follows a closing", id="a quote opened in the header"),
        pytest.param('a;b;c\n1,5;"2;3\n4;"5";6\n', "text follows a closing", id="a quote opened below it"),
    ],
)
def test_a_text_whose_first_line_is_divided_is_no_column_of_lines(tmp_path: Path, content: str, place: str) -> None:
    with pytest.raises(InvalidTable, match=place):
        opened(tmp_path, content)


def test_a_byte_order_mark_at_the_very_end_is_no_row(tmp_path: Path) -> None:
    assert cells_of(opened(tmp_path, "a,b\n1,2\n\ufeff")) == [["a", "b"], ["1", "2"]]


def test_empty_cells_behind_every_row_and_the_header_are_no_columns(tmp_path: Path) -> None:
    table = opened(tmp_path, "a,b,,\n1,2,,\n3,4,,\n")
    assert (cells_of(table), table.warnings) == ([["a", "b"], ["1", "2"], ["3", "4"]], ())
    with pytest.raises(InvalidTable, match="line 302 has 4 cells, but the header names 2"):
        opened(tmp_path, "a,b,,\n" + "1,2,,\n" * 300 + "1,2,3,\n")


def test_a_file_that_is_cut_in_its_last_row_is_refused(tmp_path: Path) -> None:
    """Also where the last value can stand nowhere else: the cells behind it are filled in other rows."""
    with pytest.raises(InvalidTable, match="line 5 has 3 cells"):
        opened(tmp_path, "\n".join(written(ROWS, lineterminator="\n").splitlines()).removesuffix(",https://baz.org,"))


def test_quotes_may_be_single_or_written_with_a_backslash(tmp_path: Path) -> None:
    assert cells_of(opened(tmp_path, "a,b\n'1, 2',x\n'3, 4',it's\n")) == [["a", "b"], ["1, 2", "x"], ["3, 4", "it's"]]
    assert cells_of(opened(tmp_path, 'a,b\n"8\\\'9\\", big",x\n')) == [["a", "b"], ["8\\'9\", big", "x"]]


def test_a_quoted_cell_that_holds_whole_lines_is_warned_of(tmp_path: Path) -> None:
    table = opened(tmp_path, 'a,b\n1,"x\n2,y\n3,z"\n4,w\n')
    assert "line 2: a quoted cell holds whole lines" in table.warnings[0]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PK\x03\x04" + bytes(60), "ZIP archive"),
        (b"%PDF-1.7\n1,2\n", "a PDF"),
        (b"<!DOCTYPE html><table><tr><td>a</table>", "is HTML or XML"),
        (b"<table><tr><td>a</td></tr></table>", "is HTML or XML"),
        (b'<?xml version="1.0"?><rows><row a="1"/></rows>', "is HTML or XML"),
        (b'{"a": 1}\n{"a": 2}\n', "is JSON"),
        (b'[{"a": 1, "b": 2},\n{"a": 3, "b": 4}]\n', "is JSON"),
        (b"+------+------+\n| name | city |\n+------+------+\n| Acme | Rome |\n+------+------+\n", "a program drew"),
        (b" name | city\n------+------\n Acme | Rome\n(1 row)\n", "a program drew"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "Git LFS"),
        (bytes(range(32)) * 20, "control characters"),
    ],
)
def test_what_is_no_csv_is_refused_by_what_it_is(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(InvalidTable, match=why):
        opened(tmp_path, content)


def test_three_thousand_columns_are_read(tmp_path: Path) -> None:
    """In a time that grows with the columns; with their square it took minutes."""
    table = opened(tmp_path, "\n".join(",".join(f"{row or 'c'}{n}" for n in range(3_000)) for row in ("", 1, 2)))
    assert (len(table.schema), table.row_count) == (3_000, 2)
