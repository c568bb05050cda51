"""What every test has: a fixed hypothesis profile, no network but loopback, and one Prefect server for those that ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["research.testing.pytest_plugin"]

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("house")


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """One Prefect server for all tests, on loopback, with a scratch database. Its log stays off what a test captures."""
    from prefect.logging.configuration import setup_logging
    from prefect.settings import temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    from flows.server import DEFAULTS

    quick = {**DEFAULTS, "server.services.task_run_recorder.flush_interval": 0.1}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
        setup_logging()
        with temporary_settings(set_defaults=quick), prefect_test_harness(server_startup_timeout=120):
            yield
