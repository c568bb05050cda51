"""Texts that look like one table and may be another: it is told, with what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from research.errors import InvalidTable
from research.tables.inputs.read import Table, open_table

ROWS = [["name", "city", "founded"], ["Acme", "Berlin", "1999"], ["Bolt Inc", "New York", "2001"], ["Cyan", "Rome", "1987"]]


def opened(folder: Path, content: str | bytes) -> Table:
    path = folder / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_table(path)


def told(folder: Path, content: str | bytes) -> str:
    return "; ".join(opened(folder, content).warnings)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(widths=st.tuples(st.integers(10, 20), st.integers(10, 20)), right=st.booleans())
def test_columns_of_fixed_width_are_told(tmp_path: Path, widths: tuple[int, int], right: bool) -> None:
    last = [row[2].rjust(10) if right else row[2] for row in ROWS]
    lines = [row[0].ljust(widths[0]) + row[1].ljust(widths[1]) + end for row, end in zip(ROWS, last, strict=True)]

    assert "spaces divide its lines into 3 columns of fixed width" in told(tmp_path, "\n".join(lines))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("x y\n1 2.5\n2 3.5\n3 4.5\n", "spaces divide every line into names and values"),
        ("country:capital\nFrance:Paris\nItaly:Rome\nSpain:Madrid\n", "':' divides every line into 2 cells"),
        ("name: Acme\ncity: Berlin\nfounded: 1999\n", "':' divides every line into 2 cells"),
        ("名前，数\n森，１\n林，２\n", "'，' divides every line into 2 cells"),
        ("a$b$c\n1$2$3\n4$5$6\n", "'$' divides every line into 3 cells"),
        ('"name,""city"""\n"Acme,""Rome"""\n"Bolt,""Oslo"""\n', "every line stands in quotes as a whole"),
    ],
)
def test_one_column_that_something_divides_evenly_is_told(tmp_path: Path, content: str, says: str) -> None:
    table = opened(tmp_path, content)

    assert len(table.schema) == 1
    assert says in table.warnings[0]


@pytest.mark.parametrize(
    "content",
    [
        "name\nAcme Inc\nBolt GmbH & Co\nCyan\n",
        "full name\nJane Doe\nJohn Roe\nMax Moe\n",
        "url\nhttp://a.de\nhttps://b.fr/x?y=1\nhttp://c.it\n",
        "question\nWho founded Acme in 1999?\nWhere is Bolt: in Paris, or Rome?\n",
        "seen\n2024-01-02 12:30:00\n2024-01-03 14:45:00\n2024-01-04 16:00:00\n",
        "company-id\nab-1\ncd-2\nef-3\n",
    ],
)
def test_one_column_that_nothing_divides_is_read_without_a_word(tmp_path: Path, content: str) -> None:
    assert opened(tmp_path, content).warnings == ()


@pytest.mark.parametrize("separator", [*"§¦þ·，،\x1e", ":"])
def test_a_separator_that_no_value_holds_is_taken_and_named(tmp_path: Path, separator: str) -> None:
    table = opened(tmp_path, "\n".join(map(separator.join, ROWS)))

    assert table.schema.names == ROWS[0]
    assert [list(map(str, row.values())) for _, row in table.rows()] == ROWS[1:]
    assert "divides every line into 3 cells; it was taken for the separator" in table.warnings[0]


def test_marks_and_spaces_between_lines_are_nothing(tmp_path: Path) -> None:
    table = opened(tmp_path, "name,city\n   \nAcme,Rome\n\ufeffBolt,Oslo\n\t\n  ")

    assert [list(row.values()) for _, row in table.rows()] == [["Acme", "Rome"], ["Bolt", "Oslo"]]


@pytest.mark.parametrize(
    "label", ["Total (3)", "Итого", "合計", "Total général", "Razem", "Totaal", "Summa", "", "All of them together"]
)
def test_a_total_is_told_in_any_language_by_its_word_or_by_its_sums(tmp_path: Path, label: str) -> None:
    text = f"name,units,price\nAcme,5,10\nBolt,6,20\nCyan,7,30\n{label},18,60\n"

    assert "line 5: reads like a total" in told(tmp_path, text)
    assert (
        told(tmp_path, text.replace("18,60", "8,61") if label in ("", "All of them together") else "a,b\nx,1\ny,2\nz,4\n") == ""
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name,n,m\nA,1,2\nSubtotal,1,2\nB,2,5\nC,3,1\n", "line 3: reads like a total"),
        ("name,city\nAcme,Rome\nNAME,CITY \nBolt,Oslo\n", "line 3: repeats the header"),
        ("name,city\nA,Rome\nB,Oslo\nC,Bonn\n\nproduct,colour\nTV,black\n", "a blank line stands above line 6"),
        ("name,n,m\nNorth,,\nA,1,2\nB,2,3\nSouth,,\nC,3,4\nD,4,5\n", "in lines such as 2, 5 only the first cell holds anything"),
        ("region,city,n\nN,A,1\n,B,2\n,C,3\nS,D,4\n,E,5\n", "column 'region' is empty in 3 of 5 rows"),
        ("name,a,b\nX,1,2\n...,...,...\nY,2,3\n", "line 3: no cell holds a letter or a digit"),
        ("name,units,note\nA,950,\nB,2,345\nC,456,\nD,120,\n", "line 3: its last two cells may be one number"),
        (
            "name,address,zip\nA,Main St 5, Bonn\nB,Rue 3, Nice\nC,Via 2, Rome\n",
            "every value of column 'zip' begins with a space",
        ),
        ("name,city,x\nA\\, Inc,Bonn\nB\\, Ltd,Nice\n", "lines 2, 3: a cell ends with a backslash"),
        ("ean,n\n4.00638E+12,1\n5.01234E+12,2\n", "lines 2, 3: a number such as 4.00638E+12"),
        ("name,n\nA,########\nB,#N/A\n", "lines 2, 3: what a spreadsheet shows in place of a value"),
        (
            "a,b,url,note\na,x,http://a,\nb,x,http://b,\nc,x,http://c,\nd,http://f,,\n",
            "line 5: its values seem to stand one column",
        ),
        ("# by me, 2024\n# for you, too\nname,city\nA,Bonn\n", "lines 1 and 2 begin with #"),
        ("Error 404: file not found\n", "line 1 names the columns, and no row follows"),
        (b"name,city\nAc\0me,Bonn\nBolt,Oslo\n", "line 2: holds NUL characters"),
        ("name,city\nM\ufffdller,Bonn\n", "line 2: holds \ufffd, where a program lost letters"),
        ("name,city\nMÃ¼ller,Bonn\n", "line 2: holds letters such as Ã¼"),
    ],
)
def test_what_is_odd_in_a_text_is_told_with_its_line(tmp_path: Path, content: str | bytes, says: str) -> None:
    assert says in told(tmp_path, content)


def test_escape_characters_of_japanese_mail_name_their_encoding(tmp_path: Path) -> None:
    table = opened(tmp_path, "名前,都市\n田中,東京\n鈴木,大阪\n".encode("iso2022-jp"))

    assert [list(row.values()) for _, row in table.rows()] == [["田中", "東京"], ["鈴木", "大阪"]]
    assert "was read as iso2022_jp" in table.warnings[0]


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("name,city ", "the name of column 2 is 'city ', with white space"),
        ("name\u200b,city", r"the name of column 1 is 'name\u200b', with white space or signs that are not seen"),
        ("caf\u00e9,cafe\u0301", "columns 1 ('caf\u00e9') and 2 ('cafe\u0301') have names that look alike"),
    ],
)
def test_names_that_are_not_what_they_look_like_are_told(tmp_path: Path, head: str, says: str) -> None:
    assert says in told(tmp_path, f"{head}\nA,Bonn\nB,Oslo\n")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.jsonl", '{"a":1},\n{"a":2},\n', "line 1, column 8: is not JSON: Extra data. In lines of JSON nothing stands between"),
        ("t.jsonl", '["a",1]\n["b",2]\n', "Each row must be an object with names"),
        ("t.jsonl", '\x1e{"a":1}\n', "Take the record separators"),
        ("t.jsonl", '{"a":1}\n{"a":"\\ud83d"}\n', "line 2: holds half of a character"),
        ("t.jsonl", '{"a":"C:\\\\ud83d"}\n{"a":"\\ud83d"}\n', "line 2: holds half of a character"),
        ("t.json", 'show([{"a":1}]);', "The call of a function stands around it"),
        ("t.json", '[\n// comment\n{"a":1}]', "line 2, column 1: is not JSON: Expecting value. JSON has no comments"),
        ("t.csv", "--------------\n|name |mass  |\n--------------\n|bolt |12    |\n--------------\n", "one that a program drew"),
        ("t.csv", "Nazwa;Miasto\nŻabka Polska;Poznań\nŁódź Sp. z o.o.;Łódź\n".encode("cp1250"), "--encoding cp1250"),
    ],
)
def test_a_refusal_says_what_is_probably_wrong_there(tmp_path: Path, name: str, content: str | bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidTable, match=re.escape(says)):
        open_table(tmp_path / name)
