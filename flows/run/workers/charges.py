"""Takes over what workers have paid whose coordinator was killed."""

from __future__ import annotations

from pathlib import Path

from flows.run.workers.files import WorkerFiles
from research.money.charge_file import ChargeFile


def take_over_charges(state: Path) -> ChargeFile:
    """The charges of a run, with those of workers that an invocation which was killed has left; these workers stop.

    For the holder of the run folder's lock.

    Args:
        state: the run folder's `.state`.
    """
    charges, files = ChargeFile(state), WorkerFiles(state)
    left = files.orders()
    for name in left:
        charges.take_over(name, files.order(name).folder)
    files.end()
    return ChargeFile(state) if left else charges
