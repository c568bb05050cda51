"""A CSV value comes back as it was written."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.errors import InvalidTable
from research.tables.inputs.read import Table, open_table

DIALECTS: dict[str, dict[str, Any]] = {
    "comma": {},
    "comma, all quoted, unix line ends": {"dialect": "unix"},
    "semicolon": {"delimiter": ";"},
    "tab": {"delimiter": "\t"},
    "pipe": {"delimiter": "|"},
    "single quotes": {"quotechar": "'", "quoting": csv.QUOTE_ALL},
}
ODD = ["", "0", "007", "1.50", "1e5", "+1", "-0", "TRUE", "true", "nan", "inf", "2020-01-01", "1.1.2020", "NULL", "#x", " a "]
cells = st.sampled_from(ODD) | st.text(
    st.sampled_from(",;|\t\"'\n\r\\ #01.é") | st.characters(exclude_categories=["Cs"]), max_size=6
)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6)
)


def as_written(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def rows_of(table: Table) -> list[list[Any]]:
    return [list(row.values()) for batch in table.batches(3) for row in batch.to_pylist()]


def opened(folder: Path, content: str | bytes, name: str = "t.csv", **options: Any) -> Table:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_table(path, **options)


@settings(max_examples=40, deadline=None)
@given(dialect=st.sampled_from(list(DIALECTS)), rows=tables)
def test_any_table_of_text_comes_back_value_for_value(
    tmp_path_factory: pytest.TempPathFactory, dialect: str, rows: list[list[str]]
) -> None:
    """Whatever Python's csv module writes, in any of its dialects."""
    names = [f"name{place}" for place in range(len(rows[0]))]
    text = io.StringIO(newline="")
    writer = csv.writer(text, **DIALECTS[dialect])
    writer.writerow(names)
    writer.writerows(rows)
    table = opened(tmp_path_factory.mktemp("csv"), text.getvalue())
    assert table.schema.names == names
    assert [[as_written(value) for value in row] for row in rows_of(table)] == rows


@settings(max_examples=25, deadline=None)
@given(
    column=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1)
    | st.lists(st.integers(-(2**64), 2**64), min_size=1)
)
def test_any_numbers_come_back_as_python_writes_them(tmp_path_factory: pytest.TempPathFactory, column: list[float]) -> None:
    """Typed or not: what a typed column gives is written as it stood."""
    table = opened(tmp_path_factory.mktemp("csv"), "v,w\n" + "".join(f"{value},x\n" for value in column))
    assert [as_written(row[0]) for row in rows_of(table)] == [str(value) for value in column]
    assert any(isinstance(value, float) for value in column) <= (table.schema.field("v").type != pa.int64())


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-25", ""], pa.int64()),
        (["1.5", "-0.25"], pa.float64()),
        (["true", "false"], pa.bool_()),
        (["1977-09-05", "2020-02-29"], pa.date32()),
        (["1977-09-05 12:56:00", "2020-02-29 00:00:00"], pa.timestamp("us")),
    ],
)
def test_a_column_is_typed_where_every_value_survives(tmp_path: Path, values: list[str], kind: pa.DataType) -> None:
    """And an empty cell of it is null."""
    table = opened(tmp_path, "v,w\n" + "".join(f"{value},x\n" for value in values))
    assert table.schema.field("v").type == kind
    assert [as_written(row[0]) for row in rows_of(table)] == values


@pytest.mark.parametrize(
    "value",
    [
        "007",
        "1234567890123456789012345",
        "1.50",
        "1e5",
        "+1",
        "-0",
        "TRUE",
        "nan",
        "inf",
        "01/02/2020",
        "2020-01-01T00:00:00",
        "2020-01-01 00:00:00.5",
        "1,5",
        " 1",
    ],
)
def test_one_value_that_would_change_makes_its_column_text(tmp_path: Path, value: str) -> None:
    """Even in the last of many rows."""
    table = opened(tmp_path, 'v;w\n1;"x"\n' * 1 + "2;x\n" * 3000 + f"{value};x\n")
    assert table.schema.field("v").type == pa.string()
    assert rows_of(table)[-1] == [value, "x"]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "infinity", "12000-01-01", "0044-03-15 (BC)"])
def test_what_only_duckdb_takes_for_a_number_or_a_date_is_text(tmp_path: Path, value: str) -> None:
    """Even in a column of nothing else."""
    table = opened(tmp_path, f"v,w\n{value},x\n{value},y\n")
    assert table.schema.field("v").type == pa.string()
    assert rows_of(table) == [[value, "x"], [value, "y"]]


def test_an_unquoted_empty_cell_is_null_and_a_quoted_one_is_empty_text(tmp_path: Path) -> None:
    assert rows_of(opened(tmp_path, 'a,b\n,x\n"",y\n')) == [[None, "x"], ["", "y"]]


def test_rows_come_in_input_order_in_batches_of_the_size_asked(tmp_path: Path) -> None:
    table = opened(tmp_path, "n\n" + "".join(f"{n}\n" for n in range(20_000)))
    batches = list(table.batches(700))
    assert [batch.num_rows for batch in batches] == [700] * 28 + [400]
    assert [n for batch in batches for n in batch.column(0).to_pylist()] == list(range(20_000)) == [r[0] for r in rows_of(table)]
    assert table.row_count == 20_000


def test_limit_takes_the_first_rows(tmp_path: Path) -> None:
    table = opened(tmp_path, "n\n1\n2\n3\n", limit=2)
    assert (table.row_count, rows_of(table)) == (2, [[1], [2]])


def test_mixed_line_ends_are_read(tmp_path: Path) -> None:
    assert rows_of(opened(tmp_path, b'a,b\r\n1,x\n2,"y\nz"\r\n')) == [[1, "x"], [2, "y\nz"]]


def test_a_short_row_among_mixed_line_ends_is_found(tmp_path: Path) -> None:
    with pytest.raises(InvalidTable, match="line 3 has 1 cell, but the header names 2"):
        opened(tmp_path, b"a,b\r\n1,x\n2\r\n")


def test_blank_lines_before_the_header_and_between_rows_are_not_rows(tmp_path: Path) -> None:
    table = opened(tmp_path, "\n\na,b\n1,2\n\n3,4\n\n")
    assert (table.schema.names, rows_of(table)) == (["a", "b"], [[1, 2], [3, 4]])


def test_lines_that_look_like_comments_are_rows(tmp_path: Path) -> None:
    assert rows_of(opened(tmp_path, "a,b\n#1,2\n#3,4\n")) == [["#1", 2], ["#3", 4]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_names_the_encoding(tmp_path: Path, encoding: str) -> None:
    table = opened(tmp_path, "näme,b\ncafé,2\n".encode(encoding))
    assert (table.schema.names, rows_of(table)) == (["näme", "b"], [["café", 2]])


def test_an_encoding_that_is_doubtful_must_be_said(tmp_path: Path) -> None:
    """A guess would change values. The refusal names the likeliest, and what it would make of the first line."""
    data = "niño,b\nseñora £,2\n".encode("cp1252")
    with pytest.raises(InvalidTable, match=r"t\.csv.*is not UTF-8 in line 1\. It may be .*file\.csv::cp1252"):
        opened(tmp_path, data)
    with pytest.raises(InvalidTable, match="is not UTF-8 in line 4,001"):
        opened(tmp_path, b"a,b\n1,2\n" * 2000 + b"1,\xff\n")
    with pytest.raises(InvalidTable, match="two encodings are mixed"):
        opened(tmp_path, "a,b\né,2\nü,3\nß,4\nö,4\n".encode() + b"1,\xe9\n")
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(InvalidTable, match="no encoding called 'klingon'"):
        open_table(f"{tmp_path}/t.csv::klingon")
    for opened_so in (open_table(f"{tmp_path}/t.csv::cp1252"), open_table(tmp_path / "t.csv", encoding="cp1252")):
        assert (opened_so.schema.names, rows_of(opened_so)) == (["niño", "b"], [["señora £", 2]])
        assert opened_so.warnings == ()


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("cp1252", "Größenänderung"),
        ("cp1250", "Zażółć gęślą jaźń. Spółka z ograniczoną odpowiedzialnością w Łodzi"),
        ("koi8-r", "Компания"),
        ("cp932", "会社は東京で設立されました"),
        ("utf-16-le", "Компания"),
    ],
)
def test_an_encoding_beyond_a_doubt_is_named_in_a_warning(tmp_path: Path, encoding: str, word: str) -> None:
    table = opened(tmp_path, f"name,b\n{word},2\n{word} {word},3\n".encode(encoding))
    assert rows_of(table) == [[word, 2], [f"{word} {word}", 3]]
    assert f"was read as {encoding}" in table.warnings[0]


def test_a_compressed_file_is_read_like_a_plain_one(tmp_path: Path) -> None:
    table = opened(tmp_path, gzip.compress(b"a,b\n007,x\n"), "missions.csv.gz")
    assert (table.name, rows_of(table)) == ("missions", [["007", "x"]])
    with pytest.raises(InvalidTable, match="cannot be read"):
        opened(tmp_path, b"not gzip at all", "broken.csv.gz")


def test_a_header_without_rows_is_a_table_without_rows(tmp_path: Path) -> None:
    table = opened(tmp_path, "a,b\n")
    assert (table.row_count, table.schema, list(table.batches(5))) == (0, pa.schema({"a": pa.string(), "b": pa.string()}), [])


@pytest.mark.parametrize("content", ["", "\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(InvalidTable, match=r"t\.csv: is empty"):
        opened(tmp_path, content)


@pytest.mark.parametrize(("row", "found"), [("5,6", 2), ("5,6,7,8", 4)])
def test_a_ragged_row_is_refused_by_its_line(tmp_path: Path, row: str, found: int) -> None:
    with pytest.raises(InvalidTable, match=rf"line 3 has {found} cells, but the header names 3 columns \('5', '6'"):
        opened(tmp_path, f"a,b,c\n1,2,3\n{row}\n")


def test_an_open_quote_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTable, match='line 2: a " is opened and not closed'):
        opened(tmp_path, 'a,b\n1,"2\n3,4\n')


def test_a_cell_of_megabytes_is_read_and_a_row_beyond_16_is_refused(tmp_path: Path) -> None:
    assert len(rows_of(opened(tmp_path, f"a,b\n1,{'x' * 5_000_000}\n"))[0][1]) == 5_000_000
    with pytest.raises(InvalidTable, match="line 3: is longer than 16 MB"):
        opened(tmp_path, f"a,b\n1,x\n2,{'x' * 17_000_000}\n")


@pytest.mark.parametrize("header", ["id,x,id", "id,x,ID"])
def test_two_columns_of_one_name_are_refused_by_their_places(tmp_path: Path, header: str) -> None:
    with pytest.raises(InvalidTable, match=r"columns 1 \('id'\) and 3 \('(id|ID)'\) have one name"):
        opened(tmp_path, f"{header}\n1,2,3\n")


def test_a_column_without_a_name_is_called_by_its_place(tmp_path: Path) -> None:
    assert opened(tmp_path, ",b\n0,2\n").schema.names == ["column_1", "b"]


def test_columns_named_like_ours_are_kept(tmp_path: Path) -> None:
    """The input's name wins; the run folder renames its own."""
    assert opened(tmp_path, "row_index,status,error\n1,2,3\n").schema.names == ["row_index", "status", "error"]


def test_a_name_that_looks_like_a_pattern_is_a_name(tmp_path: Path) -> None:
    """DuckDB would read `t[1].csv` as `t1.csv`."""
    opened(tmp_path, "a\n1\n", "t1.csv")
    table = opened(tmp_path, "a\n2\n", "t[1].csv")
    assert (table.name, rows_of(table)) == ("t[1]", [[2]])
    assert rows_of(opened(tmp_path, '{"a": 3}\n', "t[1].jsonl")) == [[3]]


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    one, same = opened(tmp_path, "a\n1\n"), opened(tmp_path, "a\n1\n", "other.csv")
    assert one.fingerprint == same.fingerprint == opened(tmp_path, "a\n1\n", limit=0).fingerprint
    assert one.fingerprint != opened(tmp_path, "a\n2\n").fingerprint
    assert one.fingerprint != opened(tmp_path, "a\n1\n", query="SELECT * FROM input").fingerprint


def test_what_was_opened_is_what_is_read(tmp_path: Path) -> None:
    """A file that is written to meanwhile does not change the table under a run."""
    table = opened(tmp_path, "a\n1\n")
    (tmp_path / "t.csv").write_text("a\n2\n3\n")
    assert rows_of(table) == [[1]]
