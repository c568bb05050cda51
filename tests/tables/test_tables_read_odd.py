"""Odd and damaged Parquet, Arrow and JSON: read right, or refused with file, column and row before anything is spent."""

from __future__ import annotations

import base64
import datetime as dt
import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.errors import InvalidTable
from research.tables.inputs import parquet_file
from research.tables.inputs.json_values import json_rows
from research.tables.inputs.read import Table, open_table

PAGES: dict[str, Any] = {
    "compression": "none",
    "use_dictionary": False,
    "write_page_checksum": True,
    "data_page_size": 400,
    "write_batch_size": 20,
}


class OpenKeys(encryption.KmsClient):
    """Wraps a key by writing it down."""

    def __init__(self) -> None:
        super().__init__()

    def wrap_key(self, key_bytes: Any, _master_key_identifier: str) -> Any:
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: Any, _master_key_identifier: str) -> Any:
        return base64.b64decode(wrapped_key)


def rows_of(table: Table) -> list[dict[str, Any]]:
    return [row for batch in table.batches(3) for row in json_rows(batch)]


def written(folder: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), folder / "t.parquet", **PAGES)
    return folder / "t.parquet"


# Parquet


@pytest.mark.parametrize("nested", [False, True])
def test_decimals_that_no_database_holds_are_text_with_every_digit_and_narrower_ones_are_decimals(
    tmp_path: Path, nested: bool
) -> None:
    exact = Decimal("12345678901234567890123456789012345678901234567890.12")
    cell, kind = ([exact], pa.list_(pa.decimal256(60, 2))) if nested else (exact, pa.decimal256(60, 2))
    columns = {"wide": pa.array([cell, None], kind), "narrow": pa.array([Decimal("1.50"), None], pa.decimal256(20, 2))}
    text = [str(exact)] if nested else str(exact)
    for source in (written(tmp_path, **columns), pa.table(columns)):
        table = open_table(source)
        assert table.schema.field("narrow").type == pa.decimal128(20, 2)
        assert rows_of(table) == [{"wide": text, "narrow": "1.50"}, {"wide": None, "narrow": None}]
        assert ["'wide' holds decimals of more than 38 digits" in warning for warning in table.warnings] == [True]
        assert rows_of(open_table(source, query="SELECT wide FROM input LIMIT 1")) == [{"wide": text}]


def test_a_damaged_page_is_refused_with_its_column_and_row(tmp_path: Path) -> None:
    file = written(tmp_path, good=pa.array(range(1000)), bad=[f"the text of row {row:04}" for row in range(1000)])
    content = file.read_bytes()
    assert content.count(b"row 0500") >= 1
    file.write_bytes(content.replace(b"the text of row 0500", b"the text of r\xff\xff 0500"))
    with pytest.raises(
        InvalidTable, match=r"t\.parquet: column 'bad' from row \d00 on cannot be read: .*CRC.*The file is damaged"
    ):
        open_table(file)


@pytest.mark.parametrize("cut", [0, 3, 8, 100, -1, -9, -200])
def test_a_file_that_was_cut_is_refused_by_its_name(tmp_path: Path, cut: int) -> None:
    file = written(tmp_path, a=list(range(100)))
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(InvalidTable, match=r"t\.parquet: is not a Parquet file that can be read"):
        open_table(file)


@settings(max_examples=40)
@given(st.data())
def test_no_change_of_bytes_crashes_or_loses_rows(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    file = written(folder, a=list(range(50)), b=[f"text {row}" for row in range(50)], c=[[row, None] for row in range(50)])
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    with suppress(InvalidTable):
        table = open_table(file)
        assert len(rows_of(table)) == table.row_count


def test_moments_that_python_cannot_hold_are_text(tmp_path: Path) -> None:
    paris = pa.array([dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)], pa.timestamp("us", "Europe/Paris"))
    far = pa.array([2**62, -(2**60)], pa.int64())
    table = pa.table(
        {
            "paris": pa.concat_arrays([paris, pa.nulls(1, paris.type)]),
            "far": far.cast(pa.timestamp("us")),
            "day": pa.array([10**7, -(10**6)], pa.int32()).cast(pa.date32()),
            "many": pa.array([[2**62], None], pa.list_(pa.int64())).cast(pa.list_(pa.timestamp("us"))),
            "within": pa.StructArray.from_arrays([far.cast(pa.timestamp("us")), pa.array(["x", "y"])], ["at", "of"]),
            "name": ["a", "b"],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    first, second = rows_of(open_table(tmp_path / "t.parquet"))
    assert first["paris"] == "9999-12-31T23:59:59+00:00"
    assert second["paris"] is None
    assert first["far"].startswith("+148108-")
    assert second["far"].startswith("-34565-")
    assert first["day"] == "+29349-01-26"
    assert first["many"] == [first["far"]]
    assert first["within"] == {"at": first["far"], "of": "x"}
    assert (first["name"], second["name"]) == ("a", "b")


def test_moments_of_96_bits_keep_their_year(tmp_path: Path) -> None:
    moments = pa.array([dt.datetime(9999, 12, 31, 3), dt.datetime(1, 1, 1)], pa.timestamp("us"))
    pq.write_table(pa.table({"at": moments}), tmp_path / "t.parquet", use_deprecated_int96_timestamps=True)
    assert [row["at"][:10] for row in rows_of(open_table(tmp_path / "t.parquet"))] == ["9999-12-31", "0001-01-01"]


def test_a_column_too_large_for_memory_is_refused_by_what_the_file_says_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_file, "_MOST_BYTES", 5000)
    file = written(tmp_path, small=[1] * 500, large=["x" * 50] * 500)
    with pytest.raises(InvalidTable, match=r"t\.parquet: column 'large' from row 0 on takes [\d,]+ bytes in one row group"):
        open_table(file)


def test_an_encrypted_column_is_refused_by_its_name_and_does_not_end_the_process(tmp_path: Path) -> None:
    factory = encryption.CryptoFactory(lambda _: OpenKeys())
    config = encryption.EncryptionConfiguration(footer_key="footer", column_keys={"one": ["secret"]}, plaintext_footer=True)
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), config)
    pq.write_table(pa.table({"name": ["A"], "secret": [1]}), tmp_path / "t[1].parquet", encryption_properties=properties)
    with pytest.raises(InvalidTable, match=r"column 'secret' from row 0 on cannot be read.*without encryption"):
        open_table(tmp_path / "t[1].parquet")


def test_times_and_durations_keep_their_nanoseconds() -> None:
    """Python's own times would leave them out without a word, and a float's seconds their last digits."""
    table = pa.table(
        {
            "at": pa.array([86_399_999_999_999, 45_000_000_000_000], pa.time64("ns")),
            "each": pa.array([[1], None], pa.list_(pa.time64("ns"))),
            "took": pa.array([2**60 + 1, -5_000_000], pa.duration("us")),
        }
    )
    assert rows_of(open_table(table)) == [
        {"at": "23:59:59.999999999", "each": ["00:00:00.000000001"], "took": "PT1152921504606.846977S"},
        {"at": "12:30:00", "each": None, "took": "PT-5S"},
    ]


@pytest.mark.parametrize("depth", [30, 90, 200, 800])
def test_json_that_duckdb_cannot_type_for_its_depth_is_text(tmp_path: Path, depth: int) -> None:
    """Arrow types 64 levels; looking for the type of more than a hundred ends DuckDB's database, and with it the reading."""
    deep = '{"a":' * depth + "1" + "}" * depth
    (tmp_path / "t.jsonl").write_text(f'{{"n": 1, "v": {deep}}}\n', encoding="utf-8")
    [row] = rows_of(open_table(tmp_path / "t.jsonl"))
    assert row["n"] == 1
    assert row["v"] == (deep if depth > 64 else json.loads(deep))


@pytest.mark.parametrize("depth", [44, 50, 60])
def test_lists_that_no_parquet_file_gives_back_are_text_or_refused(tmp_path: Path, depth: int) -> None:
    """They would be written into the run folder, and the rows that were researched could not be read again."""
    deep = "[" * depth + "1" + "]" * depth
    (tmp_path / "t.jsonl").write_text(f'{{"v": {deep}}}\n', encoding="utf-8")
    table = open_table(tmp_path / "t.jsonl")
    assert rows_of(table) == [{"v": json.loads(deep) if depth == 44 else deep}]
    pq.write_table(pa.Table.from_batches(table.batches(1)), tmp_path / "back.parquet")
    assert pq.read_table(tmp_path / "back.parquet").num_rows == 1
    if depth > 44:
        with pytest.raises(InvalidTable, match=r"column 'v' holds lists .* too deep in each other .* JSON text"):
            open_table(pa.table({"v": [json.loads(deep)]}))


def test_a_map_that_has_a_key_twice_is_a_list_of_pairs() -> None:
    maps = pa.array([[("a", 1), ("a", 2)], [("b", 3)]], pa.map_(pa.string(), pa.int64()))
    assert [row["m"] for row in rows_of(open_table(pa.table({"m": maps})))] == [[["a", 1], ["a", 2]], {"b": 3}]


def test_periods_are_refused_with_what_to_do(tmp_path: Path) -> None:
    """pandas keeps the months since 1970: read as they stand, they would be numbers."""
    frame = pd.DataFrame({"month": pd.period_range("2020-01", periods=2, freq="M")})
    frame.to_parquet(tmp_path / "t.parquet")
    for source in (frame, tmp_path / "t.parquet"):
        with pytest.raises(InvalidTable, match=r"column 'month' holds pandas.period values.*astype\(str\)"):
            open_table(source)
    assert rows_of(open_table(frame.astype(str))) == [{"month": "2020-01"}, {"month": "2020-02"}]


def test_text_of_another_program_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    text = pa.StringArray.from_buffers(2, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff"))
    with pytest.raises(InvalidTable, match=r"cannot be read as a table: .*UTF-?8"):
        open_table(pa.table({"a": text}))
    pq.write_table(pa.table({"a": text}), tmp_path / "t.parquet")
    with pytest.raises(InvalidTable, match=r"t\.parquet: column 'a' of row 1 cannot be read"):
        open_table(tmp_path / "t.parquet")


# JSON


def json_table(folder: Path, content: str, name: str = "t.json", at: str = "") -> Table:
    (folder / name).write_text(content, encoding="utf-8")
    return open_table(f"{folder / name}{at}")


@pytest.mark.parametrize(
    ("around", "at"), [('{"data":%s}', "/data"), ('{"d":{"results":%s}}', "/d/results"), ('{"a/b":{"c":{"d":%s}}}', "/a~1b/c/d")]
)
def test_a_list_that_is_all_an_object_holds_has_the_rows(tmp_path: Path, around: str, at: str) -> None:
    table = json_table(tmp_path, around % '[{"name":"Acme"},{"name":"Foo"}]')
    assert rows_of(table) == [{"name": "Acme"}, {"name": "Foo"}]
    [warning] = table.warnings
    assert f"t.json: the rows are the list at {at}, which is all" in warning


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"count": 2, "results": [{"name": "Acme"}]}',
            r"name it: .*t\.json::/results\. If the object is the one",
        ),
        (
            '{"success": true, "result": {"fields": [{"id": "a"}], "records": [{"a": 1}]}}',
            r"name it: .*t\.json::/result/fields or .*t\.json::/result/records\. ",
        ),
        ('{"took": 3, "hits": {"total": {"value": 1}, "hits": [{"_id": "1"}]}}', r"name it: .*t\.json::/hits/hits\. "),
        (
            f'{{"a": {json.dumps(dict.fromkeys(map(str, range(60))))}, "body": {{"rows": [{{"a": 1}}], "rows": [{{"a": 1}}]}}}}',
            r"name it: .*t\.json::/body/rows\. ",
        ),
        ('{"0": {"name": "A"}, "1": {"name": "B"}}', "to_json.orient='records'"),
        ('{"columns": ["a"], "data": [[1], [2]]}', "to_json.orient='records'"),
    ],
)
def test_an_object_that_may_be_around_the_rows_is_refused_with_the_ways_out(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InvalidTable, match=message):
        json_table(tmp_path, content)
    assert len(rows_of(json_table(tmp_path, f"[{content}]"))) == 1


def test_a_list_of_rows_is_named_by_its_pointer(tmp_path: Path) -> None:
    content = '{"hits": {"total": 2, "a/b": [{"n": 1}, {"n": 2}]}}'
    assert rows_of(json_table(tmp_path, content, at="::/hits/a~1b")) == [{"n": 1}, {"n": 2}]
    with pytest.raises(InvalidTable, match=r"what stands at /hits/total is ubigint, not a list"):
        json_table(tmp_path, content, at="::/hits/total")
    with pytest.raises(InvalidTable, match=r"what stands at /none is nothing, not a list"):
        json_table(tmp_path, content, at="::/none")


def test_one_object_with_plain_values_is_one_row_and_that_is_told(tmp_path: Path) -> None:
    table = json_table(tmp_path, '{"name": "Acme", "tags": ["a"]}')
    assert rows_of(table) == [{"name": "Acme", "tags": ["a"]}]
    assert [warning.partition(": ")[2] for warning in table.warnings] == ["holds one object, which was read as the one row"]


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ('[{"a": 1},\n {"a": 2},]', "t.json", r"line 2, column 1[01]: .*A comma stands behind the last value"),
        ('{"a": 1}\n{"a"', "t.jsonl", r"line 2, column 5: is not JSON"),
        ('{"a": 1},\n{"a": 2},\n', "t.jsonl", r"line 1, column 9: is not JSON: Extra data"),
        ("[{'a': 1}]", "t.json", r"line 1, column 3: .*Text stands in double quotes"),
        ('[{"a\\u0000b": 1}]', "t.json", r"has a NUL in its name"),
        ('[{"a": ' + "[" * 5000 + "]" * 5000 + "}]", "t.json", r"is nested too deep"),
        ("<html><body>Not found</body></html>", "t.json", r"line 1, column 1: .*It may be HTML or XML"),
        ('["a", "b"]', "t.json", r"value 1: is a text, not an object"),
        ("PK\x03\x04\0\0", "t.json", r"is no text, but a ZIP archive"),
    ],
)
def test_json_that_is_broken_is_refused_with_line_and_column(tmp_path: Path, content: str, name: str, message: str) -> None:
    with pytest.raises(InvalidTable, match=rf"(?s)t\.jsonl?.*{message}"):
        json_table(tmp_path, content, name)


def test_what_is_not_a_number_is_null_and_what_is_too_large_is_text(tmp_path: Path) -> None:
    table = json_table(tmp_path, '[{"a": NaN, "b": 1e400, "c": -Infinity}, {"a": 1.5, "b": 2, "c": 3}]')
    assert rows_of(table) == [{"a": None, "b": "1e400", "c": "-Infinity"}, {"a": 1.5, "b": "2", "c": 3.0}]


def test_json_lines_may_be_an_array_or_objects_over_several_lines(tmp_path: Path) -> None:
    for content in ('[{"a": 1},\n{"a": 2}]', '{\n "a": 1\n}\n{\n "a": 2\n}\n'):
        assert rows_of(json_table(tmp_path, content, "t.jsonl")) == [{"a": 1}, {"a": 2}]


def test_a_name_with_a_nul_inside_an_object_is_kept(tmp_path: Path) -> None:
    assert rows_of(json_table(tmp_path, '[{"a": {"k\\u0000": 1}}]')) == [{"a": '{"k\\u0000":1}'}]


def test_a_query_over_a_type_that_duckdb_lacks_is_refused_by_column(tmp_path: Path) -> None:
    table = pa.table({"n": [1], "half": pa.array([1.5], pa.float16())})
    path = tmp_path / "t.parquet"
    pq.write_table(table, path)

    with pytest.raises(InvalidTable, match=r"DuckDB has no type for 'half' \(halffloat\)"):
        open_table(path, query="SELECT n FROM input")
    assert [json_rows(batch) for batch in open_table(path).batches(10)] == [[{"n": 1, "half": 1.5}]]


def test_a_struct_with_a_name_twice_is_refused_by_its_column(tmp_path: Path) -> None:
    twice = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    pq.write_table(pa.Table.from_arrays([pa.array([[1]]), twice], names=["fine", "odd"]), tmp_path / "twice.parquet")

    with pytest.raises(InvalidTable, match=r"column 'odd' holds objects in which two parts are called 'x'"):
        open_table(tmp_path / "twice.parquet")


def test_a_year_before_the_first_has_four_digits(tmp_path: Path) -> None:
    pq.write_table(pa.table({"day": pa.array([-800_000], pa.date32())}), tmp_path / "old.parquet")

    assert [row["day"] for _, row in open_table(tmp_path / "old.parquet").rows()] == ["-0221-09-04"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table([[1], [2], [3]], ["a", "b", "a"]), r"t\.parquet: columns 1 and 3 have one name, 'a'; rename one"),
        (pa.table({"a": [1]}).select([]), r"t\.parquet: the table has no columns"),
    ],
)
def test_a_parquet_file_without_columns_or_with_a_name_twice_is_refused_as_that(tmp_path: Path, table: Any, message: str) -> None:
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(InvalidTable, match=message):
        open_table(tmp_path / "t.parquet")
