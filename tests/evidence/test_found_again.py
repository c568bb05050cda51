"""An excerpt is found again where a page says the same in the same place, and nowhere else."""

from __future__ import annotations

import pytest

from research.evidence.found_again import PageAgain
from research.result.result import Excerpt
from research.testing import make_page

BEFORE = """# Ares

Ares was founded in 1935. It is based in Rome.

Founded: 1935
Status: active

## Hera

Status: active

| name | moons |
| Ares | 3 |
| Hera | 4 |"""


def again(words: str, now: str, at: int = 0) -> str | None:
    """What stands at the new offsets; None: it is not found."""
    before, page = make_page("test://a", BEFORE), make_page("test://a", now)
    start = BEFORE.index(words, at)
    excerpt = Excerpt(text=words, page_hash=before.page_hash, start=start, end=start + len(words), support="stated")
    found = PageAgain(before, page).find(excerpt)
    if found is None:
        return None
    assert found.page_hash == page.page_hash
    return page.text[: found.start] + "[" + page.text[found.start : found.end] + "]"


@pytest.mark.parametrize("words", ["Founded: 1935", "Ares was founded in 1935.", "It is based in Rome.", "| Ares | 3 |"])
def test_words_that_moved_are_found_at_their_new_offsets(words: str) -> None:
    now = BEFORE.replace("# Ares\n", "# Ares\n\nA paragraph more. And another sentence.\n", 1)
    found = again(words, now)
    assert found is not None
    assert found.endswith(f"[{words}]")
    assert again(words, BEFORE) is not None


@pytest.mark.parametrize(
    ("words", "now"),
    [
        ("Founded: 1935", BEFORE.replace("Founded: 1935", "Founded: 1935 (disputed)")),
        ("Founded: 1935", BEFORE.replace("Founded: 1935", "Re-founded: 1935")),
        ("Ares was founded in 1935.", BEFORE.replace("Ares was founded in 1935.", "Ares was founded in 1936.")),
        ("Status: active", BEFORE.replace("1935\nStatus: active", "1935\nStatus: closed")),
        ("Status: active", BEFORE.replace("1935\nStatus: active", "1935\nStatus: active\nParent: Zeus\nStatus: active")),
        ("Founded: 1935", BEFORE.replace("# Ares", "# Zeus", 1)),
        ("| Ares | 3 |", BEFORE.replace("| name | moons |", "| name | rings |")),
        ("| Ares | 3 |", BEFORE.replace("| Ares | 3 |", "| Ares | 3 | 9 |")),
    ],
)
def test_words_that_stand_elsewhere_or_are_part_of_others_are_not_found(words: str, now: str) -> None:
    assert again(words, now) is None


def test_of_two_sections_that_say_the_same_each_is_found_in_its_own() -> None:
    now = "Ares.\n\n" + BEFORE
    second = BEFORE.index("## Hera")
    assert (again("Status: active", now) or "").count("Status") == 1
    assert (again("Status: active", now, second) or "").count("Status") == 2


def test_the_same_bytes_that_another_version_reads_otherwise_are_the_same_page() -> None:
    before = make_page("test://a", BEFORE, raw_hash="aa")
    now = make_page("test://a", "# Ares\n\nFounded 1935", raw_hash="aa")
    excerpt = Excerpt(text="Founded: 1935", page_hash=before.page_hash, start=55, end=68, support="stated")
    assert PageAgain(before, now).find(excerpt) == excerpt
