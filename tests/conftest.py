"""What every test has: a fixed hypothesis profile, and no network but loopback."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

pytest_plugins = ["research.testing.pytest_plugin"]

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("house")
