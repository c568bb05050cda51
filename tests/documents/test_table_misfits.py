"""A row of a page's table that does not fit its head gives no values, for they may stand in other columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from research.documents.extract import extract

HEAD = ["name", "city", "country", "founded"]
ROWS = [["Acme", "Berlin", "Germany", "1999"], ["Cyan", "Rome", "Italy", "1987"], ["Dyno", "Oslo", "Norway", "1950"]]

Rows = Sequence[Sequence[str]]


def html(rows: Rows) -> str:
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    table = "".join(f"<tr>{line}</tr>" for line in lines)
    page = f"<h1>Firms</h1><p>{'What is known of these firms. ' * 5}</p><table>{table}</table>"
    return extract(page.encode(), url="https://e.org/firms.html").text


def csv(rows: Rows) -> str:
    return extract("\n".join(map(",".join, rows)).encode(), url="https://e.org/firms.csv").text


@pytest.mark.parametrize("page", [html, csv])
@pytest.mark.parametrize("odd", [["Bolt", "France", "2001"], ["Bolt", "Paris", "France", "2001", "x"]])
def test_a_row_with_a_cell_too_few_or_too_many_is_text_below_the_table(page: Callable[[Rows], str], odd: list[str]) -> None:
    text = page([HEAD, *ROWS[:1], odd, *ROWS[1:]])

    assert " · ".join(odd) in text.splitlines()
    assert "| Bolt" not in text
    assert "| Cyan | Rome | Italy | 1987 |" in text


@pytest.mark.parametrize("page", [html, csv])
def test_a_row_whose_values_can_stand_nowhere_else_keeps_them(page: Callable[[Rows], str]) -> None:
    rows = [["Acme", "1999", "big"], ["Bolt", "2001"], ["Cyan", "1987", "old"], ["Dyno", "1950", "new"]]

    assert "| Bolt | 2001 |  |" in page([["name", "founded", "note"], *rows])


def test_a_row_that_only_names_a_group_stays_in_the_table() -> None:
    assert "| Europe |" in html([HEAD, ["Europe"], *ROWS])


def test_where_most_rows_are_of_another_width_than_the_head_none_is_taken_out() -> None:
    text = html([["name", "city", "country", "founded", "links"], *ROWS])

    assert "| Acme | Berlin | Germany | 1999 |" in text


def test_a_head_without_the_corner_above_the_names_of_rows_names_the_columns_behind_them() -> None:
    table = "<table><tr><th>2019<th>2020<tr><th>Acme<td>5<td>6<tr><th>Bolt<td>7<td>8</table>"

    text = extract(f"<h1>Units</h1><p>{'Units that were sold. ' * 9}</p>{table}".encode(), url="https://e.org/units").text

    assert "|  | 2019 | 2020 |\n| Acme | 5 | 6 |" in text
