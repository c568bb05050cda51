"""Tables as facts: a cell is named by its column, however far below the head it stands."""

from __future__ import annotations

from research.evidence.passages import passages_of
from research.models.keyless.facts import facts_of
from research.ports.page import Passage
from tests.evidence.test_passages import page


def test_a_cell_far_down_a_long_table_is_named_by_its_column() -> None:
    rows = "\n".join(["| Model | Mass | Range |", *(f"| Model {n} | {n} kg | {n} km |" for n in range(200))])
    passages: list[Passage] = passages_of(page(rows))
    facts = [fact for fact in facts_of(passages) if fact.origin == "table"]
    assert {fact.key for fact in facts} == {"Model", "Mass", "Range"}
    last = next(fact for fact in facts if fact.values == ("199 kg",))
    assert (last.key, last.subjects) == ("Mass", ("Model 199", "199 km"))
