"""What the keyless model does not take from a sentence: what it denies, what was so once, what it says of another."""

from __future__ import annotations

from typing import Any

import pytest
from keyless_reading import DATE, INTEGER, NUMBER, TEXT, answer, value


@pytest.mark.parametrize(
    ("sentence", "field", "schema"),
    [
        ("Grove Works is not licensed under the GPL.", "license", TEXT),
        ("Grove Works does not use the GPL as its license.", "license", TEXT),
        ("Grove Works was never headquartered in York.", "headquarters", TEXT),
        ("Grove Works is no longer headquartered in York.", "headquarters", TEXT),
        ("Grove Works, formerly headquartered in York, makes lamps.", "headquarters", TEXT),
        ("The manufacturer of Grove Works is not Oak Lighting.", "manufacturer", TEXT),
        ("Grove Works is neither owned by Oak plc nor by Pine plc.", "owner", TEXT),
        ("Grove Works denies that its CEO is Ann Lee.", "ceo", TEXT),
        ("It is untrue that Grove Works was founded in 1998.", "founded", INTEGER),
        ("Had Grove Works been founded in 1998, it would be older.", "founded", INTEGER),
    ],
)
async def test_what_a_sentence_denies_is_no_value(sentence: str, field: str, schema: dict[str, Any]) -> None:
    assert (await answer(f"<p>{sentence}</p>", {field: schema}))[field][0] is None


@pytest.mark.parametrize(
    ("sentence", "field", "schema"),
    [
        ("Grove Works, a rival of Oak plc (founded 1920), makes lamps.", "founded", INTEGER),
        ("Grove Works bought Pine Works (120 employees) last year.", "employees", INTEGER),
        ("Grove Works supplies Oak plc, which employs 5,000 people.", "employees", INTEGER),
        ("Grove Works is owned by Oak plc, which has its headquarters in York.", "headquarters", TEXT),
        ("Grove Works competes with Oak plc, whose CEO is Eve Lee.", "ceo", TEXT),
        ("Pine Works, which Grove Works bought in 2005, was founded in 1950.", "founded", INTEGER),
    ],
)
async def test_what_is_said_of_another_is_no_value(sentence: str, field: str, schema: dict[str, Any]) -> None:
    assert (await answer(f"<p>{sentence}</p>", {field: schema}))[field][0] is None


@pytest.mark.parametrize(
    ("sentence", "field", "schema", "right"),
    [
        ("Grove Works (founded 1998) makes lamps.", "founded", INTEGER, 1998),
        ("The headquarters of Grove Works are in York, not Leeds.", "headquarters", TEXT, "York"),
        ("The license of Grove Works is MIT, not GPL.", "license", TEXT, "MIT"),
        ("Grove Works, which Oak plc bought, was founded in 1998.", "founded", INTEGER, 1998),
        ("Grove Works is led by Ann Lee, who has been its CEO since 2010.", "ceo", TEXT, "Ann Lee"),
        ("Grove Works is run by Ann Lee (chief executive officer).", "chief_executive_officer", TEXT, "Ann Lee"),
        ("Grove Works was built up by Ann Lee, who founded Grove Works in 1998.", "founded", INTEGER, 1998),
        ("Grove Works is a not for profit organisation based in York.", "headquarters", TEXT, "York"),
        ("Grove Works opened on 3 May 1998 in Leeds, which has a port.", "opened", DATE, "1998-05-03"),
    ],
)
async def test_what_stands_beside_a_denial_or_an_aside_is_read(
    sentence: str, field: str, schema: dict[str, Any], right: Any
) -> None:
    assert (await answer(f"<p>{sentence}</p>", {field: schema}))[field][0] == right


@pytest.mark.parametrize(("field", "text"), [("industry", "Click here"), ("address", "See map")])
def test_words_of_a_link_are_no_value(field: str, text: str) -> None:
    assert value(field, TEXT, text) is None


@pytest.mark.parametrize("text", ["1 ч 45 мин.", "1時間45分", "1小时45分钟", "1 saat 45 dakika"])
def test_lengths_of_time_are_read_in_other_scripts(text: str) -> None:
    assert value("runtime_minutes", NUMBER, text) == 105


@pytest.mark.parametrize(
    ("text", "seconds"), [("45分間", 2700), ("2時間30分30秒", 9030), ("1時間45分程度", 6300), ("3分の1", None), ("25分店", None)]
)
def test_a_part_or_a_branch_is_no_length_of_time(text: str, seconds: int | None) -> None:
    assert value("runtime_seconds", NUMBER, text) == seconds
