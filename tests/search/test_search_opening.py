"""Which providers a run searches with, and what each of them needs, is said before anything is spent."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from search_samples import PAGES, opened, settings

from research.errors import InvalidInput, SurroundingsFault
from research.money.usage_ledger import UsageLedger
from research.search.local import LocalCorpus
from research.search.opening import PROVIDERS, default_providers, open_search
from research.search.settings import SearchSettings
from research.testing import SearchServer

NOTHING = SearchSettings()
KEY = SecretStr("k")


def test_the_default_is_the_corpus_then_what_has_a_key_then_claude():
    everything = SearchSettings(brave_key=KEY, tavily_key=KEY, exa_key=KEY, searxng_url="http://localhost:8080")
    assert default_providers(everything, True, True) == ("local",)
    assert default_providers(everything, False, True) == ("brave", "tavily", "exa", "searxng")
    assert default_providers(SearchSettings(exa_key=KEY, brave_key=SecretStr(" ")), False, True) == ("exa",)
    assert default_providers(NOTHING, False, True) == ("claude_web",)


def test_with_nothing_to_search_the_error_says_what_to_set():
    with pytest.raises(InvalidInput) as caught:
        default_providers(NOTHING, False, False)
    for word in ("ANTHROPIC_API_KEY", "BRAVE_API_KEY", "TAVILY_API_KEY", "EXA_API_KEY", "SEARXNG_URL", "ddgs", "corpus"):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("brav", 'did you mean "brave"'),
        ("google", "There are: local, claude_web, brave"),
        ("brave", "BRAVE_API_KEY"),
        ("tavily", "TAVILY_API_KEY"),
        ("exa", "EXA_API_KEY"),
        ("searxng", "SEARXNG_URL"),
        ("claude_web", "ANTHROPIC_API_KEY"),
        ("local", "corpus"),
    ],
)
async def test_a_name_that_cannot_be_used_says_why(name: str, said: str, tmp_path: Path):
    with pytest.raises(InvalidInput) as caught:
        async with open_search(["ddgs", name], NOTHING, tmp_path):
            pass
    assert said in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://host", "http://", "http://[::1"])
async def test_an_address_that_is_none_is_refused(url: str, tmp_path: Path):
    with pytest.raises(InvalidInput, match="searxng"):
        async with open_search(["searxng"], SearchSettings(searxng_url=url), tmp_path):
            pass


async def test_no_name_at_all_is_refused(tmp_path: Path):
    with pytest.raises(InvalidInput, match="no search provider is named"):
        async with open_search([], NOTHING, tmp_path):
            pass


async def test_names_are_read_as_people_write_them_and_count_once(tmp_path: Path):
    with SearchServer(PAGES) as server:
        async with opened(server, tmp_path, "Brave", " brave", "EXA") as search:
            assert search.name == "brave+exa"


async def test_a_corpus_is_searched_beside_the_web(tmp_path: Path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "own.md").write_text("# Our Voyager notes\n\nVoyager was launched in our own notes.\n")
    corpus = LocalCorpus.open(tmp_path / "docs", tmp_path / "index")
    with SearchServer(PAGES) as server:
        async with open_search(["local", "brave"], settings(server), tmp_path, corpus=corpus) as search:
            found = await search.search("voyager", limit=10, ledger=UsageLedger())
        async with open_search(["local"], settings(server), tmp_path, corpus=corpus) as alone:
            assert alone is corpus
    assert {hit.url.partition(":")[0] for hit in found.hits} == {"corpus", "https"}


def test_every_provider_has_a_line_and_settings_refuse_what_they_do_not_know():
    assert all(provider.line for provider in PROVIDERS)
    with pytest.raises(ValidationError):
        SearchSettings(rates={"google": {"per_second": 1}})  # type: ignore[dict-item]
    with pytest.raises(ValidationError):
        SearchSettings(rates={"brave": {"per_second": 0}})  # type: ignore[dict-item]


async def test_a_rate_of_a_paid_plan_overrides_the_free_one(tmp_path: Path):
    with SearchServer(PAGES) as server:
        async with open_search(["brave"], settings(server, rates={"brave": {"per_second": 5}}), tmp_path) as search:
            for number in range(3):
                await search.search(f"voyager {number}", limit=5, ledger=UsageLedger())
        gaps = [later.arrived - earlier.arrived for earlier, later in zip(server.queries, server.queries[1:], strict=False)]
    assert min(gaps) >= 0.18


def test_an_index_that_finds_no_room_says_which_folder(tmp_path: Path) -> None:
    """Tantivy's threads meet the full disk, and say no more than that they could not write."""
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "moon.md").write_text("# The Moon\n\n" + "\n\n".join(f"Crater {n} is {n} km wide." for n in range(5_000)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(SurroundingsFault) as caught:
            LocalCorpus.open(pages, tmp_path / "index")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value).startswith(f"the index of the corpus {tmp_path}/index")
    assert "(chosen with RESEARCH_CACHE_DIR) cannot be written" in str(caught.value)
    assert LocalCorpus.open(pages, tmp_path / "index").holds("corpus://pages/moon.md")
