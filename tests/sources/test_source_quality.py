"""The quality of a source: whose it is, of what kind, how old, and how often others agree with it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.documents.extract import extract
from research.ports.page import PAGE_DATA_HEADING, Page, page_hash
from research.result.agreement import with_agreement
from research.result.result import Citation, Excerpt, FieldBasis, Source, SourceKind, SourceQuality, Support
from research.sources.source_quality import age_days, domain_of, kind_of, kind_of_host

READ = datetime(2026, 3, 1, 12, tzinfo=UTC)


def page(url: str, *data: str, text: str = "Some words.", final_url: str | None = None) -> Page:
    whole = "\n".join([text, "", PAGE_DATA_HEADING, "", *data]) if data else text
    return Page(
        page_hash=page_hash(whole),
        url=url,
        final_url=final_url or url,
        title="A page",
        media_type="text/html",
        fetched_at=READ,
        published=None,
        text=whole,
        extraction_version="1",
    )


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://www.nasa.gov/voyager", "official"),
        ("https://www.gov.uk/vat", "official"),
        ("https://data.gouv.fr/x", "official"),
        ("https://www.meti.go.jp/english", "official"),
        ("https://www.statcan.gc.ca/", "official"),
        ("https://www.army.mil/", "official"),
        ("https://www.esa.int/", "official"),
        ("https://ec.europa.eu/eurostat", "official"),
        ("https://www.ox.ac.uk/about", "official"),
        ("https://web.mit.edu/", "official"),
        ("https://web.mit.edu/~somebody/opinions.html", "unknown"),
        ("https://shop.go.it/", "unknown"),
        ("https://gov.example.com/", "unknown"),
        ("https://nasa.gov.example.com/", "unknown"),
        ("https://notreuters.com/", "unknown"),
        ("https://de.wikipedia.org/wiki/Bonn", "reference"),
        ("https://plato.stanford.edu/entries/kant/", "reference"),
        ("https://www.reuters.com/world/", "news"),
        ("https://news.bbc.co.uk/2/hi", "news"),
        ("https://news.ycombinator.com/item?id=1", "forum"),
        ("https://old.reddit.com/r/space", "forum"),
        ("https://www.example.com/forum/thread-12", "forum"),
        ("https://forum.example.com/anything", "forum"),
        ("https://example.com/questions/17/why", "forum"),
        ("https://example.com/t/some-words/4711", "forum"),
        ("https://example.com/viewtopic.php?t=3", "forum"),
        ("https://example.com/questions", "unknown"),
        ("https://example.com/topics/brexit", "unknown"),
        ("https://wiki.example.com/wiki/Voyager", "reference"),
        ("https://example.com/", "unknown"),
        ("corpus://mine/notes.txt", "unknown"),
        ("corpus://nasa.gov/notes.txt", "unknown"),
        ("http://[", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_address_alone_says_the_kind_or_nothing(url: str, kind: SourceKind) -> None:
    assert kind_of(page(url)) == kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (["NewsArticle.@type: NewsArticle", "NewsArticle.headline: It happened"], "news"),
        (["Article.@type.0: Article", "Article.@type.1: https://schema.org/ReportageNewsArticle"], "news"),
        (["Article.@type: Article", "Article.publisher.@type: NewsMediaOrganization"], "news"),
        (["Recipe.@type.0: Recipe", "Recipe.@type.1: NewsArticle"], "unknown"),
        (["QAPage.@type: QAPage"], "forum"),
        (["DiscussionForumPosting.@type: DiscussionForumPosting"], "forum"),
        (["meta.generator: Discourse 3.2.0"], "forum"),
        (["meta.generator: MediaWiki 1.41.0"], "reference"),
        (["meta.generator: WordPress 6.4"], "unknown"),
        (["meta.citation_doi: 10.1000/1"], "reference"),
        (["Corporation.@type: Corporation", "Corporation.url: https://www.acme.example/"], "official"),
        (["Organization.url: https://acme.example", "WebPage.@type: WebPage", "og.type: website", "og.title: Acme"], "official"),
        (["Organization.url: https://other.example", "Organization.@type: Organization"], "unknown"),
        (["Organization.url: https://acme.example", "og.type: article"], "unknown"),
        (["Organization.url: https://acme.example", "Product.@type: Product", "Product.name: Anvil"], "unknown"),
        (["Organization.url: https://acme.example", "article.published_time: 2020-01-01"], "unknown"),
        (["WebSite.publisher.@type: Organization", "WebSite.url: https://acme.example"], "unknown"),
    ],
)
def test_the_pages_own_data_say_the_kind_of_an_unknown_host(data: list[str], kind: SourceKind) -> None:
    assert kind_of(page("https://www.acme.example/a", *data)) == kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ('<meta name="generator" content="phpBB">', "forum"),
        ('<script type="application/ld+json">{"@type": ["Article", "NewsArticle"], "headline": "It happened"}</script>', "news"),
        (
            '<meta property="og:type" content="website"><script type="application/ld+json">{"@graph": [{"@type": "Corporation", '
            '"name": "Acme", "url": "https://acme.example/"}, {"@type": "WebSite", "name": "Acme"}]}</script>',
            "official",
        ),
        ('<meta name="citation_doi" content="10.1000/182">', "reference"),
        ("", "unknown"),
    ],
)
def test_page_data_are_understood_as_the_web_room_writes_them(head: str, kind: SourceKind) -> None:
    html = f"<html><head><title>T</title>{head}</head><body><p>Some words of a page that is long enough.</p></body></html>"
    url = "https://www.acme.example/x"
    assert kind_of(page(url, text=extract(html.encode(), url=url, media_type="text/html").text)) == kind


def test_what_looks_like_page_data_in_the_text_above_it_says_nothing() -> None:
    assert kind_of(page("https://acme.example/a", text="NewsArticle.@type: NewsArticle")) == "unknown"


def test_the_table_of_hosts_wins_over_what_a_page_says_of_itself() -> None:
    assert kind_of(page("https://www.reddit.com/r/x", "NewsArticle.@type: NewsArticle")) == "forum"


def test_the_address_that_answered_counts() -> None:
    assert kind_of(page("https://short.example/x", final_url="https://www.nasa.gov/x")) == "official"


def test_a_host_that_is_in_no_table_and_has_no_telling_end_is_of_no_kind() -> None:
    assert kind_of_host("https://example.com/forum/") is None


@given(st.text(), st.text())
def test_any_address_and_any_text_have_a_kind(url: str, text: str) -> None:
    assert kind_of(page(url, text=text)) in {"official", "reference", "news", "forum", "unknown"}
    assert isinstance(domain_of(url), str)


def test_the_domain_is_what_somebody_registered() -> None:
    assert domain_of("https://news.bbc.co.uk/x") == "bbc.co.uk"
    assert domain_of("corpus://mine/a.html") == ""


@pytest.mark.parametrize(
    ("published", "days"),
    [
        ("2026-02-27", 2),
        ("2026-03-01T23:00:00+02:00", 0),
        ("2026-02-28T23:30:00-05:00", 0),
        ("2026-03-02", 0),  # a day ahead: somewhere it is tomorrow already
        ("2026-03-09", None),
        ("spring", None),
        (None, None),
    ],
)
def test_the_age_is_counted_from_the_pages_own_date_to_when_it_was_read(published: str | None, days: int | None) -> None:
    assert age_days(published, READ) == days


def source(index: int, url: str) -> Source:
    return Source(
        index=index, url=url, title=url, domain=url, fetched=READ, read=True, quality=SourceQuality(domain=domain_of(url))
    )


def part(field: str, **support: Support) -> FieldBasis:
    """A part of an answer, with what each source (by letter) is to it."""
    said = [
        Citation(
            url=f"https://{name.replace('_', '.')}.example/",
            title="",
            excerpts=[Excerpt(text="x", page_hash="h", start=0, end=1, support=support)],
        )
        for name, support in support.items()
    ]
    return FieldBasis(field=field, citations=said, confidence="high")


def counted(*basis: FieldBasis) -> dict[str, tuple[int, int]]:
    names = ["a", "b", "x.a", "c"]
    sources = [source(n, f"https://{name}.example/") for n, name in enumerate(names, start=1)]
    found = with_agreement(sources, basis, ["mass", "people"])
    assert [s.index for s in found] == [1, 2, 3, 4]
    return {name: (s.quality.agrees, s.quality.disagrees) for name, s in zip(names, found, strict=True) if s.quality}


def test_two_domains_that_support_a_value_agree() -> None:
    assert counted(part("mass", a="stated", b="inferred")) == {"a": (1, 0), "b": (1, 0), "x.a": (0, 0), "c": (0, 0)}


def test_two_pages_of_one_domain_are_one_voice() -> None:
    assert counted(part("mass", a="stated", x_a="stated"))["a"] == (0, 0)


def test_both_sides_of_a_disagreement_are_counted() -> None:
    assert counted(part("mass", a="stated", b="stated", c="against")) == {"a": (1, 1), "b": (1, 1), "x.a": (0, 0), "c": (0, 1)}


def test_the_parts_of_a_list_count_as_one_field() -> None:
    assert counted(part("people.0", a="stated", b="stated"), part("people.1", a="stated", b="stated"))["a"] == (1, 0)


def test_a_source_that_was_only_considered_keeps_its_null() -> None:
    seen = Source(index=1, url="https://a.example/", title="", domain="a.example", fetched=None)
    assert with_agreement([seen], [part("mass", a="stated")], ["mass"]) == [seen]
