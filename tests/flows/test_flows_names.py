"""What people read: names of task runs, the report in the UI, and which errors are tried again."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.states import Failed

from flows import artifacts, policies
from research import errors
from research.ports import SubQuery


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({"id": 7, "name": "Voyager 1"}, "row 17 · Voyager 1"),
        ({"id": "0042", "year": 1977, "name": "Voyager\n 1"}, "row 17 · Voyager 1"),
        ({"id": 7, "name": None}, "row 17"),
        ({"name": "x" * 200}, "row 17 · " + "x" * 59 + "…"),
    ],
)
def test_a_row_is_called_by_its_place_and_its_first_cell_that_reads_like_a_name(values: dict[str, object], label: str) -> None:
    assert policies.row_label(17, values) == label


def test_a_sub_query_is_called_by_its_label_or_its_question() -> None:
    subquery = SubQuery(index=2, question="When was it launched?", fields=("launched",), label="launch date")
    assert policies.subquery_label(subquery) == "sub-query 2 · launch date"
    assert policies.subquery_label(subquery.model_copy(update={"label": ""})) == "sub-query 2 · When was it launched?"


def test_a_shard_is_called_by_its_rows() -> None:
    assert policies.shard_label(2, 200, 100) == "shard 2 · rows 200–299"


def test_only_transient_errors_are_tried_again() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    again = {kind for kind in kinds if policies.is_transient(None, None, Failed(data=kind("why")))}  # type: ignore[arg-type]
    assert again == {kind for kind in kinds if issubclass(kind, errors.TransientError)}
    assert not policies.is_transient(None, None, Failed(data=ValueError("a bug")))  # type: ignore[arg-type]


@given(st.text(alphabet=string.printable, max_size=80))
def test_text_from_a_page_cannot_become_markdown(text: str) -> None:
    """Every punctuation mark is escaped and no line is broken: nothing is a link, an image, a heading, a cell or HTML."""
    shown = artifacts.plain(text)
    assert "\n" not in shown
    bare = shown.replace("\\\\", "")
    assert all(bare[i - 1 : i] == "\\" for i, c in enumerate(bare) if c in string.punctuation and c != "\\")
    assert shown.replace("\\", "") == " ".join(text.split()).replace("\\", "")
