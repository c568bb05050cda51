"""A wrong request is refused when it is prepared: no model is asked, no run folder is made, no flow run is needed to see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, planets, reader, runtime

from flows.run.options import EnrichOptions
from flows.run.prepare import prepare_enrichment
from research.errors import InvalidInput, InvalidSchema, InvalidTable, InvalidTask


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"table": "no-such.csv"}, InvalidTable),
        ({"output_schema": {"type": "object", "properties": {"a": {"type": "colour"}}}}, InvalidSchema),
        ({"objective": "About {nmae}"}, InvalidTable),
        ({"objective_column": "question"}, InvalidTask),
        ({"source_policy": {"include_domains": ["a/path"]}}, InvalidTask),
        ({"query": "SELECT nothing FROM input"}, InvalidTable),
    ],
)
async def test_bad_input_is_refused_before_anything_is_spent(
    tmp_path: Path, wrong: dict[str, Any], error: type[InvalidInput]
) -> None:
    model = reader()
    pd.DataFrame(planets(2)).to_csv(tmp_path / "planets.csv", index=False)
    asked = {
        "table": str(tmp_path / "planets.csv"),
        "output_schema": SCHEMA,
        "objective": OBJECTIVE,
        "out": str(tmp_path / "run"),
    }
    with pytest.raises(error):
        async with prepare_enrichment(EnrichOptions(**{**asked, **wrong}), runtime(model)):
            raise AssertionError("it was prepared")
    assert not model.calls
    assert not (tmp_path / "run").exists()
