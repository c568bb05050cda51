"""A report's references: every [N] that is left names a source, whatever the model, or a page, made of the prose."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from research.result.citation_numbers import cited_ids, renamed, resolved, without_citations

NUMBERS = {"s1p3": 1, "s1p4": 1, "s2p7": 2}


@pytest.mark.parametrize(
    ("prose", "read"),
    [
        ("Launched in 1977 [s1p3].", "Launched in 1977 [1]."),
        ("Launched in 1977[s1p3].", "Launched in 1977 [1]."),
        ("Two pages [s1p3, s2p7].", "Two pages [1][2]."),
        ("One page twice [s1p3; s1p4].", "One page twice [1]."),
        ("In words [s1p3 and s2p7].", "In words [1][2]."),
        ("Named [passages s1p3, s2p7].", "Named [1][2]."),
        ("In capitals [S1P3].", "In capitals [1]."),
        ("Side by side [s1p3][s2p7].", "Side by side [1] [2]."),
    ],
)
def test_passage_ids_become_the_numbers_of_their_sources(prose: str, read: str):
    assert resolved(prose, NUMBERS) == (read, ())


@pytest.mark.parametrize(
    ("prose", "read", "dropped"),
    [
        ("Invented [s9p9].", "Invented.", ("s9p9",)),
        ("Half of it [s1p3, s9p9].", "Half of it [1].", ("s9p9",)),
        ("Its own number [4].", "Its own number.", ("[4]",)),
        ("A footnote [^1] and a range [2-3].", "A footnote and a range.", ("[^1]", "[2-3]")),
    ],
)
def test_what_names_no_source_is_taken_out_and_told(prose: str, read: str, dropped: tuple[str, ...]):
    assert resolved(prose, NUMBERS) == (read, dropped)


@pytest.mark.parametrize(
    ("prose", "read"),
    [
        ("See [our offer](https://evil.example/?q=secret).", "See [our offer] (https://evil.example/?q=secret)."),
        ("![chart](https://evil.example/pixel.png)Chart.", "[chart] (https://evil.example/pixel.png)Chart."),
        ("Read [the page](https://good.example/a).", "Read [the page](https://good.example/a)."),
        ("<img src=https://evil.example/x> is shown", "&lt;img src=https://evil.example/x> is shown"),
        ("[here]: https://evil.example\nText", "Text"),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
    ],
)
def test_a_report_leads_nowhere_but_to_its_sources(prose: str, read: str):
    assert resolved(prose, NUMBERS, {"https://good.example/a"}).text == read


def test_ids_are_found_renamed_and_taken_out():
    prose = "One [p3]. Two [p3, p8]."
    assert cited_ids(prose) == ("p3", "p8")
    assert renamed(prose, lambda name: f"s4{name}") == "One [s4p3]. Two [s4p3, s4p8]."
    assert without_citations(prose) == "One. Two."


PIECES = st.sampled_from(
    [
        "[s1p3]",
        "[s2p7",
        "]",
        "[",
        "[1]",
        "[^2]",
        "(https://evil.example)",
        "![",
        "[s9p1]",
        "[s1p3, s9p9]",
        " and ",
        "1977",
        "\n",
        "[s1p3](",
    ]
)


@given(st.lists(PIECES | st.text(max_size=6), max_size=14).map("".join))
@example("[[1]]")
@example("[7[s9p9]]")
@example("[[^1]7]")
@example("[x [s9p9]](https://evil.example)")
@example("!![a](b)")
@example("[s1p3](1)")
def test_whatever_the_prose_every_number_in_brackets_resolves(prose: str):
    text, _ = resolved(prose, NUMBERS, ())
    assert {int(n) for n in re.findall(r"\[(\d+)\]", text)} <= {1, 2}
    assert "](https://evil" not in text
