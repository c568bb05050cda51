"""The estimate of a dry run."""

from __future__ import annotations

import pytest

from flows.run.estimate import Estimate, estimate, keyless_estimate, search_usd
from research.money.processors import PROCESSOR_NAMES, Price, ProcessorName, load_processors
from research.output_schema.output_spec import OutputSpec
from research.search.settings import SearchSettings

SPEC = OutputSpec.parse({"operator": "who operates it", "launched": "date"})
TABLE = load_processors()


def of(
    tier: ProcessorName, spec: OutputSpec = SPEC, *, rows: int = 100, row_characters: float = 200, **options: object
) -> Estimate:
    given = {"price": TABLE.price, "max_subqueries": 8, **options}
    return estimate(spec, TABLE[tier], rows=rows, row_characters=row_characters, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("tier", PROCESSOR_NAMES)
def test_low_is_not_above_likely_and_likely_is_below_high(tier: ProcessorName) -> None:
    found = of(tier)
    low, likely, high = (found.usd(guess) for guess in (found.low, found.likely, found.high))
    assert low is not None
    assert likely is not None
    assert high is not None
    assert 0 < low <= likely < high
    assert found.low.tokens_output <= found.likely.tokens_output < found.high.tokens_output


def test_a_dearer_tier_is_estimated_dearer() -> None:
    likely = [of(tier).likely.usd for tier in ("base", "core", "ultra")]
    assert None not in likely
    assert likely == sorted(likely)  # type: ignore[type-var]


def test_more_rows_more_fields_and_longer_rows_cost_more() -> None:
    wide = OutputSpec.parse({f"field_{n}": "a fact" for n in range(20)})
    plain = of("core")
    assert plain.usd(plain.likely) == pytest.approx(100 * (plain.likely.usd or 0))
    assert (of("core", wide).likely.usd or 0) > (plain.likely.usd or 0)
    assert (of("core", row_characters=20_000).likely.usd or 0) > (plain.likely.usd or 0)


def test_a_price_that_is_not_known_makes_the_estimate_unknown_and_is_named() -> None:
    found = of("core", model="somebody-else-7b")
    assert found.likely.usd is None
    assert found.usd(found.likely) is None
    assert found.unpriced == ("somebody-else-7b",)
    assert found.likely.tokens_input > 0


def test_a_service_without_a_cache_is_paid_in_full() -> None:
    """Every token of the conversation is sent anew each turn: at the same input price that is dearer."""
    free_output = {"input": 1.0, "output": 0.0}
    cached = of("core", price=lambda _: Price(**free_output, cache_read=0.1, cache_write=1.0)).likely
    plain = of("core", price=lambda _: Price(**free_output)).likely
    assert plain.usd == pytest.approx(plain.tokens_input / 1_000_000)
    assert (cached.usd or 0) < plain.usd  # type: ignore[operator]


def test_one_row_by_hand() -> None:
    """base, two tool calls, a price of 1 $ per million of each kind: the dollars are the tokens."""
    price = Price(input=1, output=1, cache_read=1, cache_write=1)
    found = of("base", price=lambda _: price)
    assert found.low.tokens_output == 80 + 80 + 200 + 2 * 70
    assert found.low.usd == pytest.approx((found.low.tokens_input + found.low.tokens_output) / 1_000_000)


def test_an_estimate_reads_as_a_sentence_and_as_json() -> None:
    found = of("core", rows=1000)
    assert "for 1,000 rows" in str(found)
    assert f"likely ${found.usd(found.likely):,.2f}" in str(found)
    said = found.as_json()
    assert said["likely_usd"] == found.usd(found.likely)
    assert said["row"]["high"]["tokens_output"] == found.high.tokens_output
    unknown = of("core", model="somebody-else-7b")
    assert str(unknown).startswith("unknown: no price is known for somebody-else-7b")
    assert unknown.as_json()["likely_usd"] is None


def test_searches_are_in_the_estimate_as_many_as_half_of_the_tool_calls() -> None:
    free, paid = of("core"), of("core", search_usd=0.005)
    assert (paid.likely.usd or 0) - (free.likely.usd or 0) == pytest.approx(0.005 * 2)
    assert (paid.high.usd or 0) - (free.high.usd or 0) == pytest.approx(0.005 * 4)
    unknown = of("core", search_usd=None)
    assert (unknown.likely.usd, unknown.unpriced) == (None, ("the search",))


def test_a_model_that_costs_nothing_may_still_pay_for_searches() -> None:
    found = keyless_estimate(SPEC, rows=1_000, max_subqueries=8, search_usd=0.005)
    assert found is not None
    assert found.usd(found.likely) == pytest.approx(5.0)
    assert keyless_estimate(SPEC, rows=1_000, max_subqueries=8, search_usd=0.0) is None


def test_a_search_by_several_providers_costs_what_they_cost_together() -> None:
    settings = SearchSettings(prices={"exa": None})
    assert search_usd(["brave", "tavily"], settings, TABLE.price) == pytest.approx(0.013)
    assert search_usd(["local:pages"], settings, TABLE.price) == search_usd(["ddgs"], settings, TABLE.price) == 0.0
    assert search_usd(["brave", "exa"], settings, TABLE.price) is None
    assert (search_usd(["claude_web"], settings, TABLE.price) or 0) > 0.01
