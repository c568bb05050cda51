"""What the keyless model reads a text as: of the kind that its field asks for, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from keyless_reading import TEXT, value

from research.models.keyless.casting import Setting


@pytest.mark.parametrize(
    ("field", "schema", "text", "is_read_as"),
    [
        ("website", {"type": "string", "format": "uri"}, "Visit https://acme.example/en.", "https://acme.example/en"),
        ("website", TEXT, "acme.example", "acme.example"),
        ("website", TEXT, "Click here", None),
        ("email", {"type": "string", "format": "email"}, "Write to us (info@acme.example)", "info@acme.example"),
        ("email", TEXT, "by post only", None),
        ("phone", TEXT, "Call (800) 460-6228 today", "(800) 460-6228"),
        ("phone", TEXT, "Mon to Fri", None),
        ("price", TEXT, "Now $9,970 only", "$9,970"),
        ("price", TEXT, "on request", None),
        ("price", TEXT, "3 trims", None),
        ("price", TEXT, "MSRP Price Range: $46,900 - $61,000", "$46,900 - $61,000"),
        ("price", TEXT, "was $12.50, now $9.90", "$9.90"),
        ("date_posted", TEXT, "Posted: May 3, 2019 by Ida", "May 3, 2019"),
        ("date_posted", TEXT, "Support and sales", None),
        ("term", TEXT, "a period of two (2) years from the date hereof", "2 years"),
        ("term", TEXT, "as set forth below", None),
        ("author", TEXT, "Ida Bech", "Ida Bech"),
        ("author", TEXT, "By IDA BECH", "IDA BECH"),
        ("author", TEXT, "von Bech", "von Bech"),
        ("title", TEXT, "https://example.org/ida", None),
        ("author", TEXT, "https://example.org/ida", None),
        ("author", TEXT, "3 May 2019", None),
    ],
)
def test_a_text_is_of_the_kind_that_its_field_asks_for(field: str, schema: dict[str, Any], text: str, is_read_as: Any) -> None:
    assert value(field, schema, text) == is_read_as


def test_an_organisations_name_in_page_data_is_no_articles_title() -> None:
    assert value("title", TEXT, "Sarn Press", Setting("name", thing="Organization#1")) is None
    assert value("title", TEXT, "A long day", Setting("headline", thing="NewsArticle")) == "A long day"
    assert value("name", TEXT, "Sarn Press", Setting("name", thing="Organization")) == "Sarn Press"


@pytest.mark.parametrize("text", ["unknown", "None", "Vacant", "n/a", "not disclosed"])
@pytest.mark.parametrize("field", ["founder", "ceo", "parent_company", "material"])
def test_a_word_for_nothing_is_no_text(field: str, text: str) -> None:
    assert value(field, TEXT, text) is None
