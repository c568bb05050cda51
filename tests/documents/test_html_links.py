"""Where a page leads: the links of its HTML."""

import pytest

from research.documents.extract import extract
from research.documents.html.links import LONGEST_TEXT, MOST

HERE = "https://a.example/dir/page?x=1#top"


def links_of(body: str, url: str = HERE, head: str = "") -> list[tuple[str, str]]:
    return list(
        extract(
            f"<html><head>{head}</head><body><p>Some text.</p>{body}</body></html>".encode(), url=url, media_type="text/html"
        ).links
    )


@pytest.mark.parametrize(
    ("href", "address"),
    [
        ("/about", "https://a.example/about"),
        ("next", "https://a.example/dir/next"),
        ("?y=2", "https://a.example/dir/page?y=2"),
        ("//b.example/x#part", "https://b.example/x"),
        ("http://b.example/with space/ü?q=å&r=%20", "http://b.example/with%20space/%C3%BC?q=%C3%A5&r=%20"),
        (" \n https://b.example/br\nken ", "https://b.example/brken"),
    ],
)
def test_an_address_is_whole_and_as_it_is_written_on_the_wire(href: str, address: str) -> None:
    assert links_of(f'<a href="{href}">Words</a>') == [(address, "Words")]


@pytest.mark.parametrize(
    "href", ["", "#part", "javascript:alert(1)", "mailto:a@b.example", "ftp://a.example/", "data:text/html,x", "file:///etc/passwd",
             "https://[bad/", "https://a.example/dir/page?x=1#other", "https://a.example/" + "x" * 1000],
)  # fmt: skip
def test_what_is_no_other_page_of_the_web_is_no_link(href: str) -> None:
    assert links_of(f'<a href="{href}">Words</a>') == []


def test_a_page_is_linked_once_with_its_first_words_and_a_picture_has_those_of_its_alt() -> None:
    body = '<a href="/a"></a> <a href="/a#x"> First\n words </a> <a href="/a">Second</a> <a href="/b"><img alt="A map"></a>'
    assert links_of(body) == [("https://a.example/a", "First words"), ("https://a.example/b", "A map")]


def test_relative_addresses_start_where_the_page_says() -> None:
    assert links_of('<a href="x">X</a>', head='<base href="/other/">') == [("https://a.example/other/x", "X")]


def test_links_are_bounded_and_those_of_menus_come_last() -> None:
    menu = "<nav>" + "".join(f'<a href="/menu/{n}">M</a>' for n in range(150)) + "</nav>"
    content = "".join(f'<a href="/{n}">{"w" * 500}</a>' for n in range(90))
    found = links_of(menu + content)
    assert [address.rsplit("/", 1)[0] for address, _ in found[:90]] == ["https://a.example"] * 90
    assert found[90][0] == "https://a.example/menu/0"
    assert len(found) <= MOST
    assert max(len(words) for _, words in found) == LONGEST_TEXT


def test_links_of_a_hostile_page_take_no_time() -> None:
    """Links that are never closed, each around all that follows."""
    assert len(links_of("".join(f'<div><a href="/{n}">x' for n in range(20_000)))) <= MOST
