"""What the keyless model reads a text as: of the kind that its field asks for, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from keyless_reading import TEXT, answer, value

from research.models.keyless.casting import Setting
from research.models.keyless.questions import question_of
from research.output_schema.output_spec import OutputSpec


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
        ("phone", TEXT, "Abilene, TX 79699-9000", None),
        ("phone", TEXT, "Founded 1990 - 2005", None),
        ("isbn_13", TEXT, "0307454541", None),
        ("isbn_10", TEXT, "0307454541 (paperback)", "0307454541"),
        ("cas_number", TEXT, "58-08-2, also 95789-13-2", "58-08-2"),
        ("team", TEXT, "854548", None),
        ("team", TEXT, "Philadelphia 76ers", "Philadelphia 76ers"),
        ("price", TEXT, "Now $9,970 only", "$9,970"),
        ("price", TEXT, "on request", None),
        ("price", TEXT, "3 trims", None),
        ("price", TEXT, "MSRP Price Range: $46,900 - $61,000", "$46,900 - $61,000"),
        ("price", TEXT, "was $12.50, now $9.90", "$9.90"),
        ("date_posted", TEXT, "Posted: May 3, 2019 by Ida", "May 3, 2019"),
        ("date_posted", TEXT, "Support and sales", None),
        ("term", TEXT, "a period of two (2) years from the date hereof", "2 years"),
        ("term", TEXT, "as set forth below", None),
        ("notice_period", TEXT, "30 days' written notice", "30 days"),
        ("notice_period", TEXT, "as set forth below", None),
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


PARTIES = "<p>This Agreement is made as of March 3, 2015 by and between Grove Works, Inc. and Ridge Partners LLC.</p>"
LAW = "<p>This Agreement shall be governed by the laws of the State of Ohio.</p>"


@pytest.mark.parametrize(
    ("clause", "term"),
    [
        ("This Agreement shall remain in effect for a period of two years from the Effective Date.", "2 years"),
        ("This Agreement will continue in full force and effect for three (3) years from the date hereof.", "3 years"),
        ("The term of this Agreement is five years.", "5 years"),
        ("This Agreement shall expire eighteen months after the date first written above.", "18 months"),
        ("Either party may terminate this Agreement upon thirty (30) days' prior written notice.", None),
        ("For a period of one year the Receiving Party shall not solicit any employee of the Disclosing Party.", None),
        ("The Receiving Party shall return all documents within ten days of a written request.", None),
        ("Invoices are due within 45 days after receipt.", None),
    ],
)
async def test_a_length_of_time_is_an_agreements_term_or_none_by_the_words_around_it(clause: str, term: str | None) -> None:
    found = await answer(f"{PARTIES}<p>{clause}</p>{LAW}", {"term": TEXT}, "Grove Works Agreement")
    assert found["term"][0] == term


async def test_an_agreements_term_is_no_notice_period() -> None:
    clause = "<p>This Agreement shall remain in effect for a period of two years from the Effective Date.</p>"
    found = await answer(PARTIES + clause + LAW, {"notice_period": TEXT, "warranty_period": TEXT}, "Grove Works Agreement")
    assert found == {"notice_period": (None, None), "warranty_period": (None, None)}


def test_a_period_is_no_journal() -> None:
    assert question_of(OutputSpec.parse({"notice_period": "string"}).fields[0]).concepts == {"notic", "period"}
