"""Every row is right in the end, whatever the service does on the way."""

from __future__ import annotations

from faulty_run import RATES, faulty_run


async def test_forty_rows_are_right_under_every_fault_at_once():
    """Five in a hundred each of 429, 529, 500, no answer, cut bodies, cut streams and answers that break the schema; the same
    at any size and for three seeds: tests/benchmarks/faults_bench.py."""
    outcome = await faulty_run(40, seed=1, latency=0.0, retry_after=(0.01, 0.05), patience=0.3)
    assert outcome.errors == {}
    assert outcome.right == 40
    assert outcome.early == 0
    assert outcome.calls >= 120 + sum(outcome.faults.values()) - outcome.faults.get("off_schema", 0)
    assert set(outcome.faults) == set(RATES)
