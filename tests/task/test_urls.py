"""Addresses: which spellings are one page, and who has registered a host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.task.urls import canonical_url, host_of, is_public_suffix, registrable_domain


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a",
        "http://www.example.com/a/",
        "HTTPS://EXAMPLE.COM:443/a#top",
        "https://example.com/a?utm_source=x&gclid=1",
        "https://example.com/%61",
    ],
)
def test_spellings_of_one_page_are_one(url: str) -> None:
    assert canonical_url(url) == "https://example.com/a"


@pytest.mark.parametrize(
    "url", ["https://example.com/b", "https://example.com/a?id=1", "https://docs.example.com/a", "https://example.com:8080/a"]
)
def test_other_pages_are_others(url: str) -> None:
    assert canonical_url(url) != "https://example.com/a"


def test_the_order_of_a_query_makes_no_difference_and_its_values_do() -> None:
    assert canonical_url("https://e.org/?b=2&a=1") == canonical_url("https://e.org/?a=1&b=2")
    assert canonical_url("https://e.org/?a=1") != canonical_url("https://e.org/?a=2")


@given(st.text(max_size=80) | st.builds("https://{}/{}".format, st.text(max_size=20), st.text(max_size=20)))
def test_any_text_has_one_spelling_which_is_its_own(text: str) -> None:
    once = canonical_url(text)
    assert canonical_url(once) == once
    assert isinstance(host_of(text), str)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("news.bbc.co.uk", "bbc.co.uk"),
        ("example.com", "example.com"),
        ("me.github.io", "me.github.io"),
        ("93.184.216.34", "93.184.216.34"),
        ("2606:2800::1", "2606:2800::1"),
        ("localhost", "localhost"),
        ("", ""),
    ],
)
def test_a_domain_is_what_somebody_registered(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


def test_endings_that_many_share_are_known_without_asking_anybody() -> None:
    assert all(is_public_suffix(ending) for ending in ("com", "co.uk", "github.io"))
    assert not any(is_public_suffix(domain) for domain in ("example.com", "bbc.co.uk", ""))
