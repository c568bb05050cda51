"""What goes wrong between us and a provider: told in words that say what to do, tried again where that may help, and never with a
key in it.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from search_samples import APIS, HASTY, PAGES, QUICK, WITH_KEYS, opened, settings

from research.concurrency.outages import Notice, Outages, OutageTimes, ServiceResumed
from research.errors import AccessDenied, AuthenticationFailed, QuotaExhausted, SearchFailed, ServiceUnavailable
from research.money.usage_ledger import UsageLedger
from research.ports.search import SearchResult
from research.search.json_api import SearchTimes
from research.search.opening import open_search
from research.search.settings import SearchSettings
from research.testing import SearchServer, Served, WebServer

SECRET = "sk-0123456789" * 2


@pytest.mark.parametrize("name", WITH_KEYS)
async def test_a_wrong_key_names_its_variable_and_stops_the_run(name: str, tmp_path: Path):
    with SearchServer(PAGES, key="another") as server:
        async with opened(server, tmp_path, name) as search:
            with pytest.raises(AuthenticationFailed, match=f"{name.upper()}_API_KEY") as caught:
                await search.search("voyager", limit=5, ledger=UsageLedger())
    assert caught.value.stops_run
    assert len(server.queries) == 1, "asking again cannot help"


@pytest.mark.parametrize(("name", "status"), [("brave", "402"), ("exa", "402"), ("tavily", "432"), ("tavily", "433")])
async def test_a_quota_that_is_used_up_stops_the_run(name: str, status: str, tmp_path: Path):
    with SearchServer(PAGES, down={name: status}) as server:
        async with opened(server, tmp_path, name) as search:
            with pytest.raises(QuotaExhausted, match="used up") as caught:
                await search.search("voyager", limit=5, ledger=UsageLedger())
    assert caught.value.stops_run
    assert len(server.queries) == 1


async def test_braves_monthly_quota_is_told_from_its_limit_per_second(tmp_path: Path):
    limits = {"x-ratelimit-limit": "1, 2000", "x-ratelimit-policy": "1;w=1, 2000;w=2592000"}
    month = limits | {"x-ratelimit-remaining": "1, 0", "x-ratelimit-reset": "1, 1419704"}
    with SearchServer(PAGES, down={"brave": "429"}, headers=month, retry_after=None) as server:
        async with opened(server, tmp_path, "brave") as search:
            with pytest.raises(QuotaExhausted):
                await search.search("voyager", limit=5, ledger=UsageLedger())
    second = limits | {"x-ratelimit-remaining": "0, 1999", "x-ratelimit-reset": "1, 1419704"}
    with SearchServer(PAGES, faults={1: "429"}, headers=second, retry_after=None) as server:
        async with opened(server, tmp_path, "brave") as search:
            assert (await search.search("voyager", limit=5, ledger=UsageLedger())).hits
        first, again = server.queries
    assert again.arrived - first.arrived >= 1.0


@pytest.mark.parametrize("name", APIS)
@pytest.mark.parametrize("fault", ["500", "503", "cut", "reset", "timeout", "html", "429"])
async def test_what_fails_in_passing_is_tried_again(name: str, fault: str, tmp_path: Path):
    with SearchServer(PAGES, faults={1: fault}, retry_after=0.1) as server:
        async with opened(server, tmp_path, name, times=HASTY if fault == "timeout" else QUICK) as search:
            found = await search.search("voyager", limit=5, ledger=UsageLedger())
    assert found.hits
    assert server.asked[name] >= 2


@pytest.mark.parametrize("name", ["brave", "searxng"])
@pytest.mark.parametrize("fault", ["500", "cut", "reset", "429"])
async def test_what_goes_on_failing_ends_within_its_time_budget(name: str, fault: str, tmp_path: Path):
    times = QUICK.model_copy(update={"budget": 0.8})
    with SearchServer(PAGES, down={name: fault}, retry_after=0.05) as server:
        async with opened(server, tmp_path, name, times=times) as search:
            with pytest.raises(SearchFailed, match=f"{name}.*tried") as caught:
                await search.search("voyager", limit=5, ledger=UsageLedger())
    assert not caught.value.stops_run
    assert len(server.queries) > 1


async def test_a_pause_longer_than_the_patience_interrupts_and_holds_for_everybody(tmp_path: Path):
    with SearchServer(PAGES, down={"exa": "429"}, retry_after=7200) as server:
        async with opened(server, tmp_path, "exa") as search:
            for query in ("voyager", "luna"):
                with pytest.raises(ServiceUnavailable, match="exa asks to wait until") as caught:
                    await search.search(query, limit=5, ledger=UsageLedger())
    assert caught.value.stops_run
    assert len(server.queries) == 1


async def test_while_one_provider_is_out_the_others_stand_in_and_nobody_waits(tmp_path: Path):
    with SearchServer(PAGES, down={"exa": "429"}, retry_after=1800) as server:
        async with opened(server, tmp_path, "exa", "tavily") as search:
            for query in ("voyager", "luna"):
                found = await search.search(query, limit=5, ledger=UsageLedger())
                assert found.hits
                assert any("exa is not asked for" in warning for warning in found.warnings)
    assert [query.provider for query in server.queries].count("exa") == 1


async def test_a_provider_that_answers_nobody_is_waited_for_and_then_asked_again(tmp_path: Path):
    """Three queries wait together; no query fails for the outage."""
    notices: list[Notice] = []
    outages = Outages(OutageTimes(after=0.05, long_pause=0.3, first_wait=0.05))
    outages.listener = notices.append
    with SearchServer(PAGES, faults={1: "429", 2: "429"}, retry_after=0.4) as server:
        async with open_search(["tavily"], settings(server, times=QUICK), tmp_path, outages=outages) as search:
            found = await asyncio.gather(
                *(search.search(query, limit=5, ledger=UsageLedger()) for query in ("voyager", "luna", "hayabusa"))
            )
    assert all(isinstance(each, SearchResult) for each in found)
    assert isinstance(notices[-1], ServiceResumed)
    asked = [query.arrived for query in server.queries]
    assert asked[-1] - asked[0] >= 0.4


@pytest.mark.parametrize("name", APIS)
@pytest.mark.parametrize("fault", ["wrong_json", "bad_json"])
async def test_another_answer_than_the_api_promises_is_no_result(name: str, fault: str, tmp_path: Path):
    with SearchServer(PAGES, down={name: fault}) as server:
        async with opened(server, tmp_path, name) as search:
            with pytest.raises(SearchFailed, match="something else than its API promises"):
                await search.search("voyager", limit=5, ledger=UsageLedger())
    assert len(server.queries) == 1


@pytest.mark.parametrize("name", APIS)
@pytest.mark.parametrize("fault", ["301", "404"])
async def test_a_wrong_address_says_so_and_no_key_follows_a_redirect(name: str, fault: str, tmp_path: Path):
    with SearchServer(PAGES, down={name: fault}) as server:
        async with opened(server, tmp_path, name) as search:
            with pytest.raises(AccessDenied, match="base URL"):
                await search.search("voyager", limit=5, ledger=UsageLedger())
    assert len(server.queries) == 1


async def test_a_query_that_is_not_taken_fails_alone(tmp_path: Path):
    with SearchServer(PAGES, faults={1: "400"}) as server:
        async with opened(server, tmp_path, "tavily") as search:
            with pytest.raises(SearchFailed, match="does not take this query") as caught:
                await search.search("voyager", limit=5, ledger=UsageLedger())
            assert not caught.value.stops_run
            assert (await search.search("voyager", limit=5, ledger=UsageLedger())).hits


async def test_searxng_without_json_says_what_to_change(tmp_path: Path):
    with SearchServer(PAGES, down={"searxng": "403"}) as server:
        async with opened(server, tmp_path, "searxng") as search:
            with pytest.raises(AccessDenied, match=r"settings\.yml"):
                await search.search("voyager", limit=5, ledger=UsageLedger())


async def test_nothing_found_by_searxng_while_engines_were_silent_is_no_answer(tmp_path: Path):
    with SearchServer(PAGES, silent={"bing": "CAPTCHA"}) as server:
        async with opened(server, tmp_path, "searxng") as search:
            with pytest.raises(SearchFailed, match="bing: CAPTCHA"):
                await search.search("xylophone", limit=5, ledger=UsageLedger())


@pytest.mark.parametrize("name", WITH_KEYS)
@pytest.mark.parametrize("fault", ["401", "403", "422", "500", "429", "reset", "wrong_json"])
async def test_a_key_is_in_no_error_address_or_log(name: str, fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with SearchServer(PAGES, key=SECRET, down={name: fault}, retry_after=0.01) as server:
        asked = settings(server, times=SearchTimes(budget=0.1, first_wait=0.01), **{f"{name}_key": SecretStr(SECRET)})
        async with open_search([name], asked, tmp_path) as search:
            with pytest.raises((SearchFailed, AccessDenied)) as caught:
                await search.search("voyager", limit=5, ledger=UsageLedger())
            shown = [repr(search), repr(vars(search)), search.identity, repr(asked), caplog.text]
    error: BaseException | None = caught.value
    while error is not None:
        shown += [str(error), repr(error), repr(error.args)]
        error = error.__cause__
    assert not [each for each in shown if SECRET in each]


async def test_a_key_that_an_api_repeats_is_taken_out_of_its_words(tmp_path: Path):
    page = {"/search": lambda request: _refusal(request.headers["x-api-key"])}
    with WebServer(page) as web:
        asked = SearchSettings(exa_key=SecretStr(SECRET), exa_url=web.url, times=QUICK)
        async with open_search(["exa"], asked, tmp_path) as search:
            with pytest.raises(AuthenticationFailed, match="no such key: …") as caught:
                await search.search("voyager", limit=5, ledger=UsageLedger())
    assert SECRET not in str(caught.value)


def _refusal(key: str):
    return Served(f'{{"error": "no such key: {key}"}}', 401, "application/json")


async def test_the_password_of_an_instance_goes_as_a_header_and_is_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    def answer(request):
        seen.append(request.headers.get("authorization", ""))
        return '{"results": []}'

    with WebServer({"/search": answer}) as web:
        url = web.url.replace("http://", "http://me:pass%40word@")
        asked = SearchSettings(searxng_url=url, times=QUICK)
        async with open_search(["searxng"], asked, tmp_path) as search:
            await search.search("voyager", limit=5, ledger=UsageLedger())
            shown = f"{asked!r} {search.identity} {caplog.text}"
    assert seen == ["Basic " + base64.b64encode(b"me:pass@word").decode()]
    assert "pass" not in shown


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel"])
async def test_a_key_that_cannot_be_one_is_refused_before_anything_is_asked(key: str, tmp_path: Path):
    with SearchServer(PAGES) as server:
        asked = settings(server, exa_key=SecretStr(key))
        with pytest.raises(Exception, match="EXA_API_KEY"):
            async with open_search(["exa"], asked, tmp_path):
                pass
    assert server.queries == []


async def test_a_server_that_is_not_there_is_a_failed_search(tmp_path: Path):
    with SearchServer(PAGES) as server:
        asked = settings(server, times=SearchTimes(budget=0.1, first_wait=0.01))
    async with open_search(["exa"], asked, tmp_path) as search:
        with pytest.raises(SearchFailed, match="connection") as caught:
            await search.search("voyager", limit=5, ledger=UsageLedger())
    assert isinstance(caught.value.__cause__, httpx.ConnectError)
