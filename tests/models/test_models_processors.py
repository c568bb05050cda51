"""The table of tiers and prices: what ships, what a user's TOML lays over it, and what a call costs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.errors import InvalidInput
from research.money.processors import PROCESSOR_NAMES, ROLES, Price, load_processors
from research.money.usage import Tokens
from research.testing.catalogue import SDK_MODELS, takes_effort, thinking_types


@pytest.fixture
def table(tmp_path: Path):
    def load(toml: str):
        path = tmp_path / "mine.toml"
        path.write_text(toml, "utf-8")
        return load_processors(path)

    return load


def test_the_tiers_are_those_of_the_contract():
    """base: haiku without thinking, 3 tool calls; core: sonnet, 8; ultra: opus at xhigh, 15; research divides its work."""
    tiers = load_processors().tiers
    assert {name: tier.tool_calls for name, tier in tiers.items()} == {"base": 3, "core": 8, "ultra": 15, "research": 8}
    assert [name for name, tier in tiers.items() if tier.agentic] == ["research"]
    base, core, ultra = (tiers[name].roles["investigate"] for name in ("base", "core", "ultra"))
    assert ("haiku" in base.model, base.thinking, base.effort) == (True, "disabled", None)
    assert ("sonnet" in core.model, core.thinking) == (True, "adaptive")
    assert ("opus" in ultra.model, ultra.thinking, ultra.effort) == (True, "adaptive", "xhigh")
    research = tiers["research"].roles
    assert all("opus" in research[role].model for role in ("plan", "grade", "synthesize"))
    assert "sonnet" in research["investigate"].model


def test_every_setting_that_ships_is_one_that_the_sdk_knows_and_the_model_takes():
    for name in PROCESSOR_NAMES:
        for role in ROLES:
            settings = load_processors()[name].roles[role]
            assert settings.model in SDK_MODELS
            assert settings.thinking in (None, *thinking_types(settings.model)), (name, role)
            assert settings.effort is None or takes_effort(settings.model)


def test_every_model_that_ships_in_a_tier_has_a_price():
    table = load_processors()
    for tier in table.tiers.values():
        for settings in tier.roles.values():
            assert table.price(settings.model).cost(Tokens(input=1, output=1, cache_read=1, cache_write=1), 1) is not None


def test_a_users_toml_changes_one_value_and_leaves_the_rest(table):
    mine = table('[tiers.core.roles.investigate]\nmodel = "claude-opus-5-5"\neffort = "low"\n')
    assert mine["core"].roles["investigate"].model == "claude-opus-5-5"
    assert mine["core"].roles["investigate"].thinking == "adaptive"
    assert mine["core"].roles["judge"] == load_processors()["core"].roles["judge"]
    assert mine["ultra"] == load_processors()["ultra"]
    assert mine.prices == load_processors().prices


def test_roles_all_reaches_every_role_that_does_not_say_otherwise(table):
    mine = table('[tiers.base.roles.all]\nmodel = "qwen3:8b"\n')
    assert {settings.model for settings in mine["base"].roles.values()} == {"qwen3:8b"}


def test_a_new_price_is_known_and_an_old_one_can_be_changed(table):
    mine = table('[prices."qwen3:8b"]\ninput = 0.0\noutput = 0.0\n[prices.claude-haiku-5-5]\noutput = 9.0\n')
    assert mine.price("qwen3:8b").cost(Tokens(input=10, output=10)) == 0.0
    assert mine.price("claude-haiku-5-5").output == 9.0
    assert mine.price("claude-haiku-5-5").input == load_processors().price("claude-haiku-5-5").input


def test_prices_do_not_change_what_the_work_is_and_settings_do(table):
    shipped = load_processors().identity
    assert table("[prices.claude-haiku-5-5]\noutput = 9.0\n").identity == shipped
    assert table("[tiers.base]\ntool_calls = 4\n").identity != shipped


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ("tiers = [", "not TOML"),
        ("[tiers.base]\ntool_calls = 0\n", "/tiers/base/tool_calls"),
        ("[tiers.base]\ntool_cals = 2\n", "/tiers/base/tool_cals"),
        ("[tiers.bass]\ntool_calls = 2\n", "/tiers/bass"),
        ('[tiers.core.roles.investigate]\nthinking = "a lot"\n', "/tiers/core/roles/investigate/thinking"),
        ("[tiers.core.roles.investigate]\nmost_tokens = 5\n", "most_tokens (5)"),
        ("[prices.mine]\ninput = -1.0\n", "/prices/mine/input"),
        ("[tiers]\nbase = 3\n", "/tiers/base"),
        ("[tiers.base]\nmax_steps = 3\n", "/tiers/base/max_steps"),
        ("[extra]\na = 1\n", "/extra"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(table, toml: str, named: str):
    with pytest.raises(InvalidInput) as caught:
        table(toml)
    assert named in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_processors(tmp_path / "none.toml")


def test_a_price_that_is_not_known_makes_the_cost_unknown_and_never_zero():
    assert load_processors().price("claude-of-tomorrow").cost(Tokens(input=1)) is None
    assert Price(input=1.0, output=1.0).cost(Tokens(input=5, cache_read=5)) is None
    assert Price(input=1.0, output=1.0).cost(Tokens(input=5, output=None)) is None
    assert Price(input=1.0, output=1.0).cost(Tokens(input=5), searches=1) is None


def test_what_was_not_used_needs_no_price():
    assert Price(input=2.0).cost(Tokens(input=500_000)) == 1.0


def test_a_long_prompt_costs_more_on_every_token_of_the_request():
    haiku = load_processors().price("claude-haiku-5-5")
    assert haiku.cost(Tokens(input=40_000, cache_read=60_000, output=1_000_000)) == pytest.approx(0.004 + 0.0006 + 0.5)
    assert haiku.cost(Tokens(input=40_000, cache_read=60_001, output=1_000_000)) == pytest.approx(0.02 + 0.00300005 + 2.5)


COUNT = st.integers(0, 10**7)
USD = st.floats(0, 100)


@given(left=st.tuples(COUNT, COUNT), right=st.tuples(COUNT, COUNT), price=st.builds(Price, input=USD, output=USD))
def test_without_long_prompts_costs_add_up(left, right, price):
    def cost(counts):
        return price.cost(Tokens(input=counts[0], output=counts[1]))

    both = cost((left[0] + right[0], left[1] + right[1]))
    assert both == pytest.approx(cost(left) + cost(right), rel=1e-9, abs=1e-12)


def test_the_steps_a_task_asks_for_are_clamped_to_the_tiers_most():
    base = load_processors()["base"]
    assert (base.steps(None), base.steps(5), base.steps(200)) == (base.max_steps, 5, base.most_steps)
