"""One Prefect server for the whole folder, on loopback, with a scratch database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prefect.settings import temporary_settings
from prefect.testing.utilities import prefect_test_harness

from flows.server import DEFAULTS


@pytest.fixture(scope="session", autouse=True)
def prefect_server() -> Iterator[None]:
    with temporary_settings(set_defaults=DEFAULTS), prefect_test_harness(server_startup_timeout=120):
        yield
