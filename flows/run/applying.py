"""Stores a file of decisions in a run folder, on this disk or by URL."""

from __future__ import annotations

from pathlib import Path

from flows.run.environment import read_environment
from flows.run.remote_folder import open_mirror
from research.errors import InvalidLocation
from research.storage.location import is_url
from research.storage.objects import StorageFailed
from research.tables.review.apply import Applied, apply_decisions
from research.tables.run_folder.finding import find_run


def apply_to(run: str, file: Path) -> Applied:
    """Store the decisions of a file in a run folder.

    Args:
        run: the run folder, as `find_run` finds it, or its URL.

    Raises:
        InvalidRun, InvalidLocation: there is no such run, or another process writes it by URL.
        InvalidReview: the file does not fit the run; nothing was stored.
    """
    if not is_url(run):
        return apply_decisions(find_run(run), file)
    mirror = open_mirror(run, read_environment().cache_dir)
    try:
        with mirror.locked():
            lease = mirror.lease()
            lease.take(mirror.place.check())
            try:
                if lease.content_is_ours:
                    mirror.adopt()
                else:
                    mirror.pull()
                    lease.claim_content()
                applied = apply_decisions(mirror.path, file)
                mirror.push()
            finally:
                lease.release()
    except StorageFailed as error:
        raise InvalidLocation(str(error)) from error
    return applied
