"""Candidates are what pages name: in titles, tables, lists and headings; one thing once, whatever its spelling."""

from __future__ import annotations

from research.finding.candidate import Candidate, without_repeats
from research.finding.collecting import ranked
from research.finding.names import name_key, names_in
from research.testing import make_page

LAUNCHES = """# All launches of 1977

| Launched | Craft | Rocket |
| 20 August 1977 | Voyager 2 | Titan IIIE |
| 5 September 1977 | Voyager 1 | Titan IIIE |

## See also

- Pioneer 10: the first to pass Jupiter
- other things
- 1977

## Page data

title: Launches | A site
"""


def names(text: str, **fields: str) -> list[str]:
    return [named.name for named in names_in(make_page("test://page", text, **fields))]


def test_a_table_names_its_rows_in_the_first_column_whose_cells_are_names_and_differ() -> None:
    found = names(LAUNCHES)
    assert found == ["Voyager 2", "Voyager 1", "Pioneer 10"]


def test_a_page_s_title_is_a_name_if_it_reads_like_one() -> None:
    assert names("# Voyager 1\n\nIt flew.", title="Voyager 1 | Orbitpedia") == ["Voyager 1", "Voyager 1"]
    assert names("# How to build a probe\n\nIt flew.") == []


def test_each_name_stands_at_its_place() -> None:
    page = make_page("test://page", LAUNCHES)
    for named in names_in(page):
        assert named.name in page.text[named.start : named.end]


def test_spellings_of_one_name_are_one_thing() -> None:
    assert name_key("Cassini–Huygens") == name_key("CASSINI-HUYGENS") == name_key("Cassini Huygens (spacecraft)")
    assert name_key("Voyager 1") != name_key("Voyager 2")
    assert len(without_repeats([Candidate(name="Hayabusa2"), Candidate(name="Hayabusa 2"), Candidate(name="…")])) == 1


def test_what_more_places_name_comes_first() -> None:
    lists = make_page("test://list", LAUNCHES)
    own = make_page("test://own", "# Voyager 1\n\nIt flew.")
    first = ranked([lists, own])[0]
    assert (first.name, first.url, first.mention) == ("Voyager 1", "test://list", "| 5 September 1977 | Voyager 1 | Titan IIIE |")
