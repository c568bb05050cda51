"""Every other kind of table: JSON lines, Parquet, Excel, DuckDB, Python objects, remote files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.errors import InvalidTable
from research.tables.inputs.read import Table, json_rows, open_table


def rows_of(table: Table) -> list[dict[str, Any]]:
    return [row for batch in table.batches(2) for row in json_rows(batch)]


def opened(folder: Path, content: str, name: str = "t.jsonl", **options: Any) -> Table:
    (folder / name).write_text(content)
    return open_table(folder / name, **options)


# JSON

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.sampled_from("ab"), v, max_size=2), max_leaves=4
)


def same(value: Any, read: Any) -> bool:
    """The same JSON value, or, where its column could not be typed, the same JSON as text."""
    if isinstance(read, str) and not isinstance(value, str):
        read = json.loads(read)
    return bool(value == read) and (isinstance(value, bool) == isinstance(read, bool))


@settings(max_examples=20, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries({"one": values, "two/~": scalars}), min_size=1, max_size=4))
def test_any_json_value_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    back = rows_of(opened(tmp_path_factory.mktemp("json"), text))
    assert len(back) == len(rows)
    assert all(same(row[name], read[name]) for row, read in zip(rows, back, strict=True) for name in row)


def test_json_text_is_not_taken_for_dates_and_numbers(tmp_path: Path) -> None:
    table = opened(tmp_path, '{"day": "2020-01-01", "id": "007", "n": 1, "x": 1.5, "ok": true, "l": [1, 2], "o": {"k": "v"}}\n')
    assert rows_of(table) == [{"day": "2020-01-01", "id": "007", "n": 1, "x": 1.5, "ok": True, "l": [1, 2], "o": {"k": "v"}}]


def test_json_numbers_that_a_type_would_change_make_their_column_text(tmp_path: Path) -> None:
    big = 1234567890123456789012345
    table = opened(tmp_path, f'{{"n": 1.5, "l": [1]}}\n{{"n": {big}, "l": [{big}]}}\n')
    assert rows_of(table) == [{"n": "1.5", "l": "[1]"}, {"n": str(big), "l": f"[{big}]"}]


def test_keys_of_all_objects_are_columns_in_order_of_appearance(tmp_path: Path) -> None:
    assert rows_of(opened(tmp_path, '{"b": 1}\n\n{"a": 2, "b": 3}\n')) == [{"b": 1, "a": None}, {"b": 3, "a": 2}]


def test_a_json_array_of_objects_is_a_table_too(tmp_path: Path) -> None:
    assert rows_of(opened(tmp_path, '[{"a": 1},\n {"a": 2}]', "t.json")) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ('{"a": 1}\n{"a": \n{"a": 2}\n', r"line 2, column 6: is not JSON"),
        ('{"a": 1}\n[1, 2]\n', "value 2: is a list, not an object"),
        ('{"a": 1, "a": 2}\n', "value 1: has the key 'a' twice"),
        ('{"a": 1, "A": 2}\n', r"columns 1 \('a'\) and 2 \('A'\) have one name"),
    ],
)
def test_json_that_is_no_table_is_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InvalidTable, match=message):
        opened(tmp_path, content)


# Parquet

TYPED = pa.table(
    {
        "i8": pa.array([1, None, 3], pa.int8()),
        "big": pa.array(["a", "b", None], pa.large_string()),
        "cat": pa.array(["x", "y", "x"]).dictionary_encode(),
        "ns": pa.array([1, 2, None], pa.timestamp("ns", "UTC")),
        "dec": pa.array([Decimal("1.50"), None, Decimal("2.00")], pa.decimal128(5, 2)),
        "items": pa.array([[1], [], None], pa.list_(pa.int32())),
    }
)


def test_parquet_types_come_as_they_are(tmp_path: Path) -> None:
    pq.write_table(TYPED, tmp_path / "t.parquet")
    table = open_table(tmp_path / "t.parquet")
    assert table.schema == TYPED.schema
    assert pa.Table.from_batches(table.batches(2)) == TYPED


def test_a_folder_or_a_glob_of_parquet_is_read_in_order_of_paths(tmp_path: Path) -> None:
    for name, value in [("b", 2), ("a", 1), ("year=1977/c", 3)]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"n": [value]}), tmp_path / f"{name}.parquet")
    (tmp_path / "_note.txt").write_text("not a table")
    assert rows_of(open_table(tmp_path)) == [{"n": 1, "year": None}, {"n": 2, "year": None}, {"n": 3, "year": 1977}]
    assert rows_of(open_table(f"{tmp_path}/*.parquet")) == [{"n": 1}, {"n": 2}]
    assert rows_of(open_table(tmp_path, query="SELECT sum(n)::INT AS s FROM input WHERE year IS NULL")) == [{"s": 3}]
    with pytest.raises(InvalidTable, match="only Parquet files can be read many at once"):
        open_table(f"{tmp_path}/*.txt")


def test_parquet_files_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"n": ["x"]}), tmp_path / "b.parquet")
    with pytest.raises(InvalidTable, match="do not fit together"):
        open_table(tmp_path)
    (tmp_path / "b.parquet").write_bytes(b"nothing")
    with pytest.raises(InvalidTable, match=r"b\.parquet: is not a Parquet file"):
        open_table(tmp_path)


# Excel


def workbook(folder: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.append(["id", "day", "mixed", None, 2020])
    book.active.append([1, date(1977, 9, 5), "x", 1.5, True])
    book.active.append([2, None, 3, None, False])
    book.create_sheet("Other").append(["only a header"])
    book.save(folder / "book.xlsx")
    return folder / "book.xlsx"


def test_a_sheet_is_typed_by_its_cells(tmp_path: Path) -> None:
    assert rows_of(open_table(workbook(tmp_path))) == [
        {"id": 1, "day": "1977-09-05", "mixed": "x", "column_4": 1.5, "2020": True},
        {"id": 2, "day": None, "mixed": "3", "column_4": None, "2020": False},
    ]


def test_a_sheet_is_named_after_two_colons(tmp_path: Path) -> None:
    path = workbook(tmp_path)
    assert open_table(f"{path}::Other").schema.names == ["only a header"]
    assert open_table(f"{path}::Other").fingerprint != open_table(path).fingerprint
    with pytest.raises(InvalidTable, match=r"no sheet 'No'. Its sheets: Sheet, Other"):
        open_table(f"{path}::No")


def saved(folder: Path, fill: Callable[[openpyxl.Workbook], None]) -> Path:
    book = openpyxl.Workbook()
    fill(book)
    book.save(folder / "book.xlsx")
    return folder / "book.xlsx"


def test_the_first_sheet_that_is_shown_and_holds_a_table_is_read(tmp_path: Path) -> None:
    """Not a hidden one, a chart, an empty one or a cover; what was not read is named."""

    def fill(book: openpyxl.Workbook) -> None:
        book.active.append(["secret"])
        book.active.sheet_state = "hidden"
        book.create_chartsheet("Chart")
        book.create_sheet("Empty")
        cover = book.create_sheet("Cover")
        cover["B2"], cover["B4"] = "Customers", "by Ann"
        data = book.create_sheet("Data")
        for row in (["name", "n"], ["Acme", 1]):
            data.append(row)

    table = open_table(path := saved(tmp_path, fill))
    assert rows_of(table) == [{"name": "Acme", "n": 1}]
    assert table.warnings == (f"{path}: its sheet 'Data' was read; 'Cover' not: --sheet names another",)
    named = open_table(path, sheet="Sheet")
    assert (rows_of(named), named.schema.names) == ([], ["secret"])
    assert named.warnings == (f"{path}: row 1 names the columns, and no row follows",)
    assert named.fingerprint == open_table(f"{path}::Sheet").fingerprint != table.fingerprint
    with pytest.raises(InvalidTable, match="only a workbook has sheets"):
        open_table("t.csv", sheet="Data")


def test_a_workbook_without_cells_names_its_sheets(tmp_path: Path) -> None:
    with pytest.raises(InvalidTable, match=r"no sheet that is shown and holds cells\. Its sheets: Sheet, Other"):
        open_table(saved(tmp_path, lambda book: book.create_sheet("Other")))


def test_merged_labels_are_filled_and_a_merged_title_stands_above_the_header(tmp_path: Path) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        sheet = book.active
        for row in (
            ["Sales", None, None],
            [],
            ["region", "company", "n"],
            ["North", "Acme", 1],
            [None, "Foo", 2],
            ["South", "Bar", 3],
            [None, "Baz", 4],
        ):
            sheet.append(row)
        for merged in ("A1:C1", "A4:A5", "A6:A7"):
            sheet.merge_cells(merged)

    table = open_table(saved(tmp_path, fill))
    assert [row["region"] for row in rows_of(table)] == ["North", "North", "South", "South"]
    assert "row 1 ('Sales') stands above the table and was left out; row 3 names the columns" in table.warnings[0]


def test_what_a_table_of_a_workbook_lacks_is_told(tmp_path: Path) -> None:
    """Formulas that were never calculated, addresses behind cells, digits that a float cannot hold."""

    def fill(book: openpyxl.Workbook) -> None:
        sheet = book.active
        for row in (["name", "twice", "id"], ["Acme", "=1+1", 1234567890123456], ["Foo", None, 12345678901234567890]):
            sheet.append(row)
        sheet["A2"].hyperlink = "https://acme.org/"
        sheet["A2"].value = "Acme"

    table = open_table(saved(tmp_path, fill))
    assert [row["name"] for row in rows_of(table)] == ["Acme", "Foo"]
    told = " ".join(table.warnings)
    assert "cell B2: formulas whose values are not stored" in told
    assert "cell A2: links whose addresses are not in the table" in told
    assert "column 'id' holds numbers of more than 15 digits" in told


def test_a_column_of_long_numbers_and_text_keeps_every_digit_that_is_there(tmp_path: Path) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        for row in (["id", "n"], [1234567890123456, 1], ["A-1", 2]):
            book.active.append(row)

    assert [row["id"] for row in rows_of(open_table(saved(tmp_path, fill)))] == ["1234567890123456", "A-1"]


def test_cells_in_far_corners_are_an_error_and_not_the_end_of_the_process(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "id"
    book.active.cell(1_048_576, 16_384, 2)
    book.save(tmp_path / "corners.xlsx")
    with pytest.raises(InvalidTable, match=r"corners\.xlsx: reading this workbook takes more than 4 GB .* save the sheet as CSV"):
        open_table(tmp_path / "corners.xlsx")


# DuckDB


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "space.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE missions AS SELECT 'Voyager ' || i AS name, i::HUGEINT AS n FROM range(1, 4) r(i)")
    return path


def test_a_database_table_and_a_query(database: Path) -> None:
    assert rows_of(open_table(f"{database}::missions", limit=1)) == [{"name": "Voyager 1", "n": 1}]
    assert rows_of(open_table(database, query="SELECT n * 2 AS m FROM missions WHERE n > 2")) == [{"m": 6}]
    assert rows_of(open_table(f"{database}::missions", query="SELECT count(*) AS c FROM input")) == [{"c": 3}]


@pytest.mark.parametrize(("part", "message"), [("::ships", "no table 'ships'. Its tables: missions"), ("", "say which table")])
def test_a_database_without_such_a_table_is_refused(database: Path, part: str, message: str) -> None:
    with pytest.raises(InvalidTable, match=message):
        open_table(f"{database}{part}")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELEC 1", "the query failed: .*syntax error"),
        ("DROP TABLE missions", "must be one SELECT"),
        ("SELECT 1; SELECT 2", "must be one SELECT"),
        ("SELECT * FROM read_text('{other}')", "file system operations are disabled"),
        ("COPY missions TO '{other}'", "must be one SELECT"),
        ("SELECT n, n FROM missions", "have one name"),
    ],
)
def test_a_query_reads_its_database_and_nothing_else(database: Path, query: str, message: str) -> None:
    other = database.with_name("secret.txt")
    other.write_text("secret")
    with pytest.raises(InvalidTable, match=message):
        open_table(database, query=query.format(other=other))
    assert other.read_text() == "secret"


def test_a_query_over_a_csv_calls_it_input(tmp_path: Path) -> None:
    table = opened(tmp_path, "id,n\n007,1\n008,2\n", "t.csv", query="SELECT id FROM input WHERE n = 2")
    assert rows_of(table) == [{"id": "008"}]


# Python


def test_frames_and_arrow_streams() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=[7, 8])
    assert rows_of(open_table(frame)) == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    assert open_table(frame).fingerprint == open_table(frame.copy()).fingerprint != open_table(frame.head(1)).fingerprint
    assert pa.Table.from_batches(open_table(TYPED).batches(2)) == TYPED
    table = open_table(pa.RecordBatchReader.from_batches(TYPED.schema, TYPED.to_batches(max_chunksize=1)))
    assert [next(iter(table.batches(9))).num_rows for _ in range(2)] == [3, 3], "a stream can be read again"
    assert table.fingerprint == open_table(TYPED).fingerprint
    assert rows_of(open_table(frame, query="SELECT max(a) AS m FROM input")) == [{"m": 2}]


def test_python_objects_that_are_no_tables_are_refused() -> None:
    with pytest.raises(InvalidTable, match=r"column 2 \('b'\) of the DataFrame mixes types"):
        open_table(pd.DataFrame({"a": [1, 2], "b": [1, "x"]}))
    with pytest.raises(InvalidTable, match=r"columns 1 \('a'\) and 2 \('a'\) have one name"):
        open_table(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(InvalidTable, match="the int cannot be read as a table"):
        open_table(3)


def test_binary_columns_are_refused_at_any_depth() -> None:
    """They have no place in a question; a query leaves them out."""
    for kind in (pa.binary(), pa.list_(pa.struct({"k": pa.binary()}))):
        with pytest.raises(InvalidTable, match="column 'b' holds binary data"):
            open_table(pa.table({"a": [1], "b": pa.array([None], kind)}))


# Places


def test_a_remote_file_is_read_through_its_filesystem(tmp_path: Path) -> None:
    with fsspec.open("memory://bucket/missions.csv", "wb") as stream:
        stream.write(b"id,n\n007,1\n")
    table = open_table("memory://bucket/missions.csv")
    assert (table.name, rows_of(table)) == ("missions", [{"id": "007", "n": 1}])
    pq.write_table(TYPED, tmp_path / "t.parquet")
    assert open_table(f"file://{tmp_path}").row_count == open_table(f"file://{tmp_path}/t.parquet").row_count == 3


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("memory://bucket/none.csv", "there is no such file"),
        ("nowhere://bucket/none.csv", "no filesystem can read it"),
        ("none.csv", "there is no such file"),
        ("none*.parquet", "there is no such file"),
        ("none.parquet::part", "Parquet has none"),
    ],
)
def test_what_is_not_there_is_named(source: str, message: str) -> None:
    with pytest.raises(InvalidTable, match=message):
        open_table(source)


def test_a_pipe_is_refused_with_what_to_do_instead(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.csv")
    for source in (tmp_path / "t.csv", "-", "/dev/null"):
        with pytest.raises(InvalidTable, match=r"a pipe cannot be read, .* write it to a file first"):
            open_table(source)


def test_an_unknown_kind_of_file_is_refused_with_those_known(tmp_path: Path) -> None:
    with pytest.raises(InvalidTable, match=r"its name does not say what it is. What can be read: CSV"):
        opened(tmp_path, "a", "t.xyz")


def test_json_rows_give_every_value_a_json_form() -> None:
    batch = pa.record_batch(
        {
            "day": [date(1977, 9, 5)],
            "at": [datetime(1977, 9, 5, 12, 56, tzinfo=UTC)],
            "clock": [time(12, 56)],
            "long": [timedelta(hours=1.5)],
            "price": [Decimal("1.50")],
            "count": pa.array([Decimal(10**30)], pa.decimal128(38, 0)),
            "nan": [float("nan")],
            "inf": [float("-inf")],
            "map": pa.array([[("k", date(2020, 1, 1))]], pa.map_(pa.string(), pa.date32())),
            "nested": [{"l": [1, None], "d": date(2020, 1, 1)}],
        }
    )
    [row] = json_rows(batch)
    assert row == {
        "day": "1977-09-05",
        "at": "1977-09-05T12:56:00+00:00",
        "clock": "12:56:00",
        "long": "PT5400S",
        "price": "1.50",
        "count": 10**30,
        "nan": None,
        "inf": "-Infinity",
        "map": {"k": "2020-01-01"},
        "nested": {"l": [1, None], "d": "2020-01-01"},
    }
    json.dumps(row, allow_nan=False)
