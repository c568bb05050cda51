"""What fails in passing is tried again within a time budget; what cannot be helped says what to do. All is paid for."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import anthropic
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from research.concurrency.outages import Notice, Outages, ServicePaused, ServiceResumed, counted_as
from research.errors import (
    AccessDenied,
    AuthenticationFailed,
    BudgetExhausted,
    ContextOverflow,
    ModelUnavailable,
    RequestRejected,
    ResearchError,
    ServiceUnavailable,
)
from research.models.anthropic.caller import Called, Caller, CallTimes
from research.models.anthropic.metering import cost_usd, input_tokens, max_usd, used
from research.models.claude.opening import claude, open_caller
from research.money.budget import Budget, Charge
from research.money.processors import LongPrompt, Price, load_processors
from research.testing import Faults, ModelServer, echo, fail, text, web_search
from research.testing.tokens import input_tokens as counted_tokens
from research.testing.virtual_time import START, now, run_in_virtual_time
from research.world import Settings

KEY = "sk-ant-api03-very-secret"
MODEL = "claude-haiku-4-5"
PRICES = {MODEL: Price(input=1.0, output=5.0, cache_read=0.1, cache_write=1.25, search=0.01)}
HASTE = CallTimes(attempt=10, first_wait=0.01, longest_wait=0.02)


def asking(words: str = "Hello", max_tokens: int = 1000, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": max_tokens, "messages": [{"role": "user", "content": words}], **more}


def client(base_url: str, transport: Any = None) -> anthropic.AsyncAnthropic:
    http = httpx2.AsyncClient(transport=transport) if transport else anthropic.DefaultAsyncHttpxClient(verify=False)
    return anthropic.AsyncAnthropic(base_url=base_url, api_key=KEY, http_client=http)


async def ask(server: ModelServer, params: Mapping[str, Any] | None = None, **options: Any) -> Called:
    async with client(server.url) as sdk:
        return await Caller(sdk, PRICES, **{"times": HASTE, **options}).create(
            params or asking(), purpose="test", budget=Budget()
        )


PLAIN, STREAMED = 1000, 9000


@pytest.mark.parametrize("max_tokens", [PLAIN, STREAMED])
@pytest.mark.parametrize(
    "kind",
    [
        "429",
        "529",
        "500",
        "502",
        "503",
        "504",
        "408",
        "409",
        "html",
        "reset",
        "cut_body",
        "cut_stream",
        "error_event",
        "bad_json",
    ],
)
async def test_what_fails_in_passing_is_asked_again(kind, max_tokens):
    """Statuses, a proxy's page, resets, bodies and streams that are cut or spoiled."""
    with ModelServer(echo, faults=Faults(at={1: kind}, retry_after=0.05)) as server:
        called = await ask(server, asking("Hello " * 40, max_tokens))
        assert called.message.content[0].text.strip() == ("Hello " * 40).strip()
        assert called.attempts == len(server.requests) == 2
        assert server.early_retries() == []
        assert all(request.params.get("stream", False) == (max_tokens == STREAMED) for request in server.requests)


@pytest.mark.parametrize("max_tokens", [PLAIN, STREAMED])
async def test_a_server_that_does_not_answer_is_asked_again(max_tokens):
    with ModelServer(echo, faults=Faults(at={1: "timeout"})) as server:
        called = await ask(
            server,
            asking("Hello", max_tokens),
            times=CallTimes(attempt=0.3, silence=0.3, tokens_per_second=1e9, first_wait=0.01),
        )
        assert called.attempts == 2


@pytest.mark.parametrize("max_tokens", [PLAIN, STREAMED])
@pytest.mark.parametrize(
    ("status", "error", "stops", "advice"),
    [
        ("400", RequestRejected, False, "its own words"),
        ("401", AuthenticationFailed, True, "ANTHROPIC_API_KEY"),
        ("402", AccessDenied, True, "credit"),
        ("403", AccessDenied, True, "permission"),
        ("404", AccessDenied, True, "base URL"),
        ("413", ContextOverflow, False, "smaller input"),
        ("422", RequestRejected, False, "its own words"),
    ],
)
async def test_what_cannot_be_helped_is_asked_once(status, error, stops, advice, max_tokens):
    """The error says what the service said and what to do, and whether every row would meet it."""
    with ModelServer(lambda _: fail(status, message="its own words")) as server:
        with pytest.raises(error, match="its own words") as caught:
            await ask(server, asking("Hello", max_tokens))
        assert advice in str(caught.value)
        assert caught.value.stops_run is stops
        assert len(server.requests) == 1


async def test_what_it_took_is_counted_and_priced():
    with ModelServer(web_search("Voyager") + text("Launched in 1977.").using(200)) as server:
        tool = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
        called = await ask(server, asking(tools=[tool]))
    assert called.usage.search_queries == called.usage.tool_calls == 1
    assert called.usage.tokens.output == 200
    assert called.cost_usd == pytest.approx((called.usage.tokens.input * 1 + 200 * 5) / 1e6 + 0.01)


async def test_a_price_that_is_not_known_is_none():
    with ModelServer(echo, models=None) as server:
        called = await ask(server, {**asking(), "model": "llama"})
    assert called.cost_usd is None
    assert called.usage.tokens.output


# From here on no server is needed: answers come from a transport, and time is virtual.

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [{"type": "text", "text": "ok"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 5},
}


def refuse(status: int, type: str, message: str, code: str | None = None, **headers: str) -> httpx2.Response:
    details = {"details": {"error_code": code}} if code else {}
    return httpx2.Response(
        status, json={"type": "error", "error": {"type": type, "message": message, **details}}, headers=headers
    )


Answerer = Callable[[int], httpx2.Response | Exception]


def call(
    answer: Answerer, params: Mapping[str, Any] | None = None, calls: int = 1, **options: Any
) -> tuple[list[Any], list[float]]:
    """What calls came to, one after the other, and when each attempt was made. `answer`: by the number of the attempt."""
    sent: list[float] = []

    async def handle(_: httpx2.Request) -> httpx2.Response:
        sent.append(now())
        answered = answer(len(sent))
        if isinstance(answered, Exception):
            raise answered
        return answered

    async def main() -> list[Any]:
        budget = options.pop("budget", None) or Budget()
        caller = Caller(client("http://models.test", httpx2.MockTransport(handle)), PRICES, clock=now, **options)
        ended: list[Any] = []
        for _ in range(calls):
            try:
                ended.append(await caller.create(params or asking(), purpose="test", budget=budget))
            except ResearchError as error:
                ended.append(error)
        return ended

    return run_in_virtual_time(main()), sent


def ok() -> httpx2.Response:
    return httpx2.Response(200, json=MESSAGE)


def test_failures_are_tried_again_until_the_time_is_spent_and_not_three_times():
    """Sixty bad draws in a row are no reason to give a row up; ten minutes without an answer are."""
    (called,), sent = call(lambda count: refuse(500, "api_error", "Internal error") if count <= 20 else ok())
    assert called.attempts == len(sent) == 21
    (error,), sent = call(lambda _: refuse(500, "api_error", "Internal error"))
    assert isinstance(error, ModelUnavailable)
    assert not error.stops_run
    assert "Internal error" in str(error)
    assert f"tried {len(sent)} times" in str(error)
    assert 500 < sent[-1] - sent[0] <= 600


def test_an_overload_without_end_interrupts_after_an_hour_and_is_asked_once_a_minute():
    (error,), sent = call(lambda _: refuse(529, "overloaded_error", "Overloaded"))
    assert isinstance(error, ServiceUnavailable)
    assert "claude-haiku-4-5 at models.test has answered nobody for 1 h" in str(error)
    assert "Overloaded" in str(error)
    assert 3600 <= sent[-1] - sent[0] <= 3660
    assert len(sent) <= 75
    (called,), _ = call(lambda count: refuse(529, "overloaded_error", "Overloaded") if count <= 60 else ok())
    assert isinstance(called, Called)


def test_calls_that_meet_an_outage_wait_together_and_one_of_them_asks_again():
    """32 rows, of which each would have come back by itself: one call at a time goes out until one is answered."""
    sent: list[float] = []
    notices: list[Notice] = []
    began = START - 1000  # the service is out for ten minutes

    async def handle(_: httpx2.Request) -> httpx2.Response:
        sent.append(now())
        await asyncio.sleep(0.2)
        return ok() if now() > began + 600 else refuse(503, "api_error", "Service unavailable", **{"retry-after": "120"})

    async def main() -> list[Any]:
        nonlocal began
        outages = Outages(clock=now)
        outages.listener = notices.append
        caller = Caller(client("http://models.test", httpx2.MockTransport(handle)), PRICES, clock=now, outages=outages)

        async def row() -> Called:
            with counted_as(object()):
                return await caller.create(asking(), purpose="test", budget=Budget())

        await row()  # for its first call the SDK looks about in a thread, and virtual time does not wait for threads
        sent.clear()
        began = now()
        return await asyncio.gather(*(row() for _ in range(32)))

    called = run_in_virtual_time(main())
    assert len(called) == 32
    probes = sent[32:-31]
    assert [round(later - earlier) for earlier, later in pairwise(probes)] == [120] * (len(probes) - 1)
    assert len(probes) == 5
    assert [type(each) for each in notices] == [ServicePaused] * 5 + [ServiceResumed]
    assert {each.waiting for each in notices[:-1]} == {32}


def test_waits_grow_and_differ():
    (_,), sent = call(lambda _: refuse(500, "api_error", "Internal server error"))
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert gaps[0] <= 0.5
    assert 15 <= max(gaps) <= 30
    assert len({round(gap, 3) for gap in gaps[8:]}) > 3


@given(st.lists(st.floats(0.0, 60.0), min_size=1, max_size=8))
def test_no_request_goes_out_sooner_than_retry_after_allows(waits):
    def answer(count: int) -> httpx2.Response:
        if count > len(waits):
            return ok()
        status, kind = (429, "rate_limit_error") if count % 2 else (529, "overloaded_error")
        return refuse(status, kind, "wait", **{"retry-after": str(waits[count - 1])})

    (called,), sent = call(answer)
    assert isinstance(called, Called)
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert all(gap > wait - 1e-9 for gap, wait in zip(gaps, waits, strict=True))


def test_a_retry_after_beyond_the_patience_interrupts_at_once():
    (error,), sent = call(lambda _: refuse(429, "rate_limit_error", "wait", **{"retry-after": "3700"}))
    assert isinstance(error, ServiceUnavailable)
    assert "asks to wait until" in str(error)
    assert "beyond the patience of 1 h" in str(error)
    assert len(sent) == 1


def test_a_retry_after_within_the_patience_is_waited_out():
    (called,), sent = call(
        lambda count: refuse(429, "rate_limit_error", "wait", **{"retry-after": "3500"}) if count == 1 else ok()
    )
    assert isinstance(called, Called)
    assert 3500 <= sent[1] - sent[0] <= 3501


@pytest.mark.parametrize(
    ("response", "error", "words"),
    [
        (refuse(429, "rate_limit_error", "limit", "contract_spend_limit_reached"), AccessDenied, "credit"),
        (refuse(400, "invalid_request_error", "Your credit balance is too low"), AccessDenied, "credit"),
        (refuse(400, "invalid_request_error", "prompt is too long: 9 tokens > 8"), ContextOverflow, "smaller"),
        (refuse(400, "exceed_context_size_error", "the request exceeds the available context size"), ContextOverflow, "smaller"),
        (refuse(500, "api_error", "never again", **{"x-should-retry": "false"}), RequestRejected, "never again"),
        (httpx2.Response(404, html="<html><h1>Not here</h1></html>"), AccessDenied, "Not here"),
    ],
)
def test_what_a_status_alone_does_not_tell(response, error, words):
    (ended,), sent = call(lambda _: response)
    assert type(ended) is error
    assert words in str(ended)
    assert "<h1>" not in str(ended)
    assert len(sent) == 1


@pytest.mark.parametrize(
    "body",
    [
        httpx2.Response(200, html="<html>Sign in to the hotel's network</html>"),
        httpx2.Response(200, json={"ok": True}),
        httpx2.Response(200, json=[]),
        httpx2.Response(200, text=""),
        httpx2.Response(200, json={**MESSAGE, "stop_reason": None}),
        httpx2.Response(200, json={**MESSAGE, "content": None}),
        httpx2.Response(200, text=json.dumps(MESSAGE)[:60], headers={"content-type": "application/json"}),
    ],
)
def test_what_is_not_a_whole_message_is_asked_again(body):
    (called,), sent = call(lambda count: body if count <= 2 else ok())
    assert isinstance(called, Called)
    assert len(sent) == 3


def test_a_stream_that_ends_early_in_good_order_is_asked_again():
    """A proxy that loses its upstream may end the stream as if that were all."""
    start = {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}}
    events = f"event: message_start\ndata: {json.dumps(start)}\n\n".encode()
    half = httpx2.Response(200, content=events, headers={"content-type": "text/event-stream"})
    (error,), sent = call(lambda _: half, asking(max_tokens=STREAMED))
    assert isinstance(error, AccessDenied | ModelUnavailable)
    assert len(sent) > 3


def test_an_address_where_nothing_ever_answered_stops_the_run_soon():
    """A wrong base URL or a server that was not started: a minute's patience, and every row would meet it."""
    (error,), sent = call(lambda _: httpx2.ConnectError("All connection attempts failed"))
    assert isinstance(error, AccessDenied)
    assert error.stops_run
    assert "http://models.test" in str(error)
    assert sent[-1] - sent[0] <= 60


def test_an_address_that_answered_once_is_given_the_whole_time():
    def answer(count: int) -> httpx2.Response | Exception:
        return ok() if count == 1 else httpx2.ConnectError("All connection attempts failed")

    (_, error), sent = call(answer, calls=2)
    assert isinstance(error, ServiceUnavailable)
    assert sent[-1] - sent[1] >= 3600


def test_a_rejection_that_every_request_meets_stops_the_run():
    """Three requests rejected with the same status, type and code, whatever the words, and none accepted."""
    ended, _ = call(lambda count: refuse(400, "invalid_request_error", f"{'abc'[count - 1]}: not supported"), calls=3)
    assert [error.stops_run for error in ended] == [False, False, True]


def test_rejections_for_different_reasons_do_not_stop_the_run():
    def answer(count: int) -> httpx2.Response:
        return refuse(400, "invalid_request_error", "the same words", "first" if count % 2 else "second")

    ended, _ = call(answer, calls=4)
    assert not any(error.stops_run for error in ended)


def test_a_rejection_that_some_requests_meet_is_theirs_alone():
    def answer(count: int) -> httpx2.Response:
        return ok() if count == 1 else refuse(400, "invalid_request_error", "a bad image")

    ended, _ = call(answer, calls=6)
    assert not any(error.stops_run for error in ended[1:])


def test_a_call_is_paid_from_the_budget_once_and_with_what_it_cost():
    payments: list[Charge] = []
    budget = Budget(max_cost_usd=1.0, record=payments.append)
    call(lambda count: refuse(529, "overloaded_error", "Overloaded") if count <= 3 else ok(), budget=budget)
    assert [payment.usd for payment in payments] == [0, 0, 0, pytest.approx((10 * 1 + 5 * 5) / 1e6)]
    assert {payment.purpose for payment in payments} == {"test"}


def test_an_answer_lost_on_its_way_counts_as_its_maximum():
    """Nobody knows whether it was written: the cap must hold all the same."""
    budget = Budget(max_cost_usd=1.0)
    params = asking()
    call(lambda count: httpx2.ReadTimeout("late") if count == 1 else ok(), params, budget=budget)
    assert budget.spent_usd == pytest.approx(max_usd(params, PRICES[MODEL]) + (10 + 25) / 1e6)


def test_an_empty_budget_pays_for_no_request():
    (error,), sent = call(lambda _: ok(), budget=Budget(max_cost_usd=1.0, spent_usd=1.0))
    assert isinstance(error, BudgetExhausted)
    assert sent == []


def test_a_call_that_is_cancelled_leaves_nothing_behind():
    """Under way or waiting: its place and its money are free for the next."""

    async def main() -> None:
        payments: list[Charge] = []
        budget = Budget(max_cost_usd=1.0, record=payments.append)
        answers = iter([asyncio.Event().wait(), None])

        async def handle(_: httpx2.Request) -> httpx2.Response:
            if (never := next(answers)) is not None:
                await never
            return ok()

        caller = Caller(client("http://models.test", httpx2.MockTransport(handle)), PRICES, clock=now)
        first = asyncio.create_task(caller.create(asking(), purpose="test", budget=budget))
        await asyncio.sleep(1)
        first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        assert isinstance(await caller.create(asking(), purpose="test", budget=budget), Called)
        assert [payment.usd for payment in payments] == [None, pytest.approx(35 / 1e6)]

    run_in_virtual_time(main())


def test_a_request_is_sent_as_it_was_measured():
    """It is encoded once, also where it is tried again; half a character, which no JSON can hold, becomes a question mark."""
    sent = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.read())
        return ok() if len(sent) > 1 else refuse(529, "overloaded_error", "Overloaded")

    async def main() -> None:
        caller = Caller(client("http://models.test", httpx2.MockTransport(handle)), PRICES, clock=now)
        await caller.create(
            asking("caf\u00e9 \ud800", tools=(MappingProxyType({"name": "search"}),)), purpose="test", budget=Budget()
        )

    run_in_virtual_time(main())
    assert sent[0] == sent[1]
    body = json.loads(sent[0])
    assert body["messages"][0]["content"] == "caf\u00e9 ?"
    assert body["tools"] == [{"name": "search"}]


def test_a_bug_is_not_taken_for_a_failure():
    async def main() -> None:
        caller = Caller(client("http://models.test", httpx2.MockTransport(lambda _: ok())), PRICES, clock=now)
        with pytest.raises(TypeError):
            await caller.create({**asking(), "max_tokens": None}, purpose="test", budget=Budget())

    run_in_virtual_time(main())


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: refuse(401, "authentication_error", f"Invalid proxy token. Received API Key = {KEY}"),
        lambda _: refuse(400, "invalid_request_error", f"bad header: Bearer {KEY}"),
        lambda _: httpx2.Response(403, html=f"<p>{KEY} is not allowed</p>"),
        lambda _: httpx2.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'"),
        lambda _: httpx2.ConnectError(f"proxy refused {KEY}"),
        lambda _: refuse(529, "overloaded_error", f"Overloaded: {KEY}"),
    ],
)
def test_the_key_is_never_told(answer, caplog):
    """Not by the error, its chain or its traceback, and not by any log, even where the server repeats it."""
    caplog.set_level(logging.INFO)
    (error,), _ = call(answer)
    told = "".join(traceback.format_exception(error)) + repr(error) + caplog.text
    assert KEY not in told
    assert "very-secret" not in told


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}\r\nx: y", f" {KEY}", f"{KEY}\u2028"])
def test_a_key_that_no_header_can_hold_is_refused_before_anything_is_sent(key):
    """The HTTP library's error would quote it."""
    with pytest.raises(AuthenticationFailed, match="line break") as caught:
        Caller(anthropic.AsyncAnthropic(base_url="http://models.test", api_key=key), PRICES)
    assert "very-secret" not in str(caught.value)


def test_calls_of_one_caller_can_be_paid_from_different_budgets():
    """They share all that was learned: limits, what was let in, whether anything there answers."""

    async def main() -> None:
        sdk = client("http://models.test", httpx2.MockTransport(lambda _: ok()))
        caller = Caller(sdk, PRICES, clock=now)
        with pytest.raises(BudgetExhausted):
            await caller.create(asking(), purpose="test", budget=Budget(max_cost_usd=1.0, spent_usd=1.0))
        assert isinstance(await caller.create(asking(), purpose="test", budget=Budget()), Called)

    run_in_virtual_time(main())


async def test_no_name_of_a_model_tells_its_key():
    """Not what is shown of it, not its identity, which is in every cache key, and not the settings that it is made from."""
    settings = Settings(cache_dir=Path("cache"), api_key=SecretStr(KEY), base_url="http://models.test")
    async with open_caller(settings.api_key, settings.base_url, load_processors()) as caller:
        model = claude(caller, settings.base_url, load_processors())
        told = f"{model!r} {model.name} {model.identity} {settings!r} {settings.model_dump_json()}"
    assert KEY not in told
    assert "very-secret" not in told


def test_a_caller_shows_its_address_and_no_key():
    caller = Caller(client("http://models.test"), PRICES)
    assert repr(caller) == "Caller(http://models.test)"


@given(st.text(max_size=2000), st.text(max_size=500), st.integers(1, 5000))
def test_no_answer_costs_more_than_the_worst(system, words, output):
    """Whatever the text, and however much of it is read from the cache or written to it."""
    params = asking(words or "x", max_tokens=5000, system=system or "x")
    prompt = counted_tokens(params)
    assert prompt <= input_tokens(params)
    for shape in ({"input_tokens": prompt}, {"input_tokens": 0, "cache_creation_input_tokens": prompt}):
        usage = anthropic.types.Usage.model_validate({"input_tokens": 0, "output_tokens": output, **shape})
        assert cost_usd(used(usage), PRICES[MODEL]) <= max_usd(params, PRICES[MODEL])


@pytest.mark.parametrize(("above", "dearer"), [(0, False), (-1, True)])
def test_a_long_prompt_is_reserved_and_charged_at_its_dearer_rate(above, dearer):
    """Every token of a request whose prompt is longer than the limit costs more; at the limit, none does."""
    params = asking("x" * 4000, max_tokens=2_000)
    prompt = input_tokens(params)
    long = LongPrompt(above=prompt + above, input=10.0, output=50.0, cache_read=1.0, cache_write=12.5)
    price = PRICES[MODEL].model_copy(update={"long_prompt": long})
    rate = long if dearer else PRICES[MODEL]
    assert max_usd(params, price) == pytest.approx((prompt * rate.cache_write + 2_000 * rate.output) / 1e6)
    usage = anthropic.types.Usage(
        input_tokens=prompt - 300, cache_creation_input_tokens=100, cache_read_input_tokens=200, output_tokens=7
    )
    fresh, written, read = (prompt - 300) * rate.input, 100 * rate.cache_write, 200 * rate.cache_read
    assert cost_usd(used(usage), price) == pytest.approx((fresh + written + read + 7 * rate.output) / 1e6)


def test_usage_that_a_server_does_not_count_is_not_known():
    assert used(None).tokens.input is None
    assert cost_usd(used(None), PRICES[MODEL]) is None
