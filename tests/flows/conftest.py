"""One Prefect server for the whole folder, on loopback, with a scratch database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prefect.settings import temporary_settings
from prefect.testing.utilities import prefect_test_harness

from flows.server import DEFAULTS


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    quick = {**DEFAULTS, "server.services.task_run_recorder.flush_interval": 0.1}
    with temporary_settings(set_defaults=quick), prefect_test_harness(server_startup_timeout=120):
        yield
