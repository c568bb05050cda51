"""Microdata are read by the HTML standard, whatever refers to what."""

from __future__ import annotations

from typing import Any

import lxml.html
import pytest

from research.documents.html.microdata import MAX_REFERENCES, microdata_items


def items(body: str) -> list[dict[str, Any]]:
    return microdata_items(lxml.html.fromstring(f"<html><body>{body}</body></html>"), "https://a.example/shop/")


def test_an_item_in_an_item_is_its_property_and_stands_nowhere_else() -> None:
    html = (
        '<div itemscope itemtype="https://schema.org/Product"><b itemprop="name">Lamp</b>'
        '<p itemprop="offers" itemscope itemtype="Offer"><span itemprop="price">87.11</span></p>'
        '<p itemscope itemtype="Notice"><i itemprop="name">Sale</i></p></div>'
    )
    assert items(html) == [
        {"@type": "https://schema.org/Product", "name": "Lamp", "offers": {"@type": "Offer", "price": "87.11"}},
        {"@type": "Notice", "name": "Sale"},
    ]


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ('<meta itemprop="x" content="in a meta">', "in a meta"),
        ('<a itemprop="x" href="../b">there</a>', "https://a.example/b"),
        ('<img itemprop="x" src=" c.png ">', "https://a.example/shop/c.png"),
        ('<a itemprop="x" href="http://[half">there</a>', ""),
        ('<time itemprop="x" datetime="1977-09-05">in 1977</time>', "1977-09-05"),
        ('<data itemprop="x" value="5">five</data>', "5"),
        ('<span itemprop="x" content="12.50">12</span>', "12.50"),
        ('<p itemprop="x">one<b>two</b><script>no()</script>, three (<i>four</i>) five</p>', "one two, three (four) five"),
        ('<p itemprop="x"><!-- no -->said<br>. Done</p>', "said. Done"),
    ],
)
def test_the_value_of_a_property_is_in_an_attribute_or_in_its_text(element: str, value: str) -> None:
    assert items(f"<div itemscope>{element}</div>") == [{"x": value}]


def test_several_names_and_several_values() -> None:
    html = '<div itemscope itemtype="A B"><i itemprop="x y">1</i><i itemprop="x">2</i><i itemprop="x">3</i></div>'
    assert items(html) == [{"@type": ["A", "B"], "x": ["1", "2", "3"], "y": "1"}]


def test_a_reference_adds_what_is_elsewhere_on_the_page() -> None:
    html = (
        '<div itemscope itemref="more none"><i itemprop="x">1</i></div>'
        '<p id="more"><i itemprop="y">2</i><b itemprop="z" itemscope><i itemprop="y">3</i></b></p>'
    )
    assert items(html) == [{"x": "1", "y": "2", "z": {"y": "3"}}]


def test_references_in_a_circle_end_and_so_do_too_many() -> None:
    circle = "".join(
        f'<div itemscope itemprop="x" id="n{number}" itemref="n{number} n{(number + 1) % 3}"></div>' for number in range(3)
    )
    assert items(f'<div itemscope itemtype="T" itemref="n0"></div>{circle}')[0]["x"] == {"x": {"x": {"value": ""}}}
    many = items('<p id="a"><i itemprop="x">1</i></p>' + '<div itemscope itemref="a a a"></div>' * 1000)
    assert sum(len(item.get("x", ())) for item in many) == MAX_REFERENCES
