"""What every test has: the same examples of a property each time, no network but loopback, folders of its own process for Prefect
and for our caches, and one Prefect server for those that ask for it."""

from __future__ import annotations

import asyncio
import atexit
import faulthandler
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import certifi
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from tests import prefect_database
from tests.documents.written_pdf import pdf_of

pytest_plugins = ["research.testing.pytest_plugin"]

# `make test` decides whether a change may go in, so it gives the same verdict twice. `--hypothesis-profile=explore` draws anew.
_HOUSE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("house", _HOUSE, derandomize=True)
settings.register_profile("explore", _HOUSE, derandomize=False)
settings.load_profile("house")

SECONDS_TO_START: float = 280
"""Seconds that a Prefect server may take to start where many others share a core, which is less than `faulthandler_timeout`."""
SECONDS_TO_END: float = 60
"""Seconds that a test process may take to end after its last test, before it prints where it stands and is ended."""


def pytest_configure() -> None:
    """No test reads the user's settings, and two test processes share no folder: Prefect's home and our cache are this process's.
    The variables go down to the commands that tests start."""
    home = Path(tempfile.mkdtemp(prefix="research-tests-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)  # first registered, so last to run: after the server has ended
    # What is still frozen at the end would be told as leaked. pytest's last look for garbage comes before: at what tests made.
    atexit.register(gc.unfreeze)
    for name in [name for name in os.environ if name.startswith(("PREFECT_", "RESEARCH_"))]:
        del os.environ[name]
    os.environ |= {"PREFECT_HOME": str(home / "prefect"), "RESEARCH_CACHE_DIR": str(home / "cache"), "DO_NOT_TRACK": "1"}
    os.environ["RESEARCH_CALIBRATIONS"] = str(home / "calibrations")
    os.environ["SSL_CERT_FILE"] = str(_one_certificate(home))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What collection imports stays alive: Python's garbage collector would look through it again and again, in vain. Afterwards
    it looks after what tests make."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _one_certificate(home: Path) -> Path:
    """Each client of HTTP, Prefect's and the SDK's, loads the certificates of all authorities, which takes 30 ms. All that tests
    talk to is on loopback: one certificate does."""
    end = "-----END CERTIFICATE-----\n"
    first = Path(certifi.where()).read_text("utf-8").partition(end)[0]
    (home / "certificate.pem").write_text(first + end, "utf-8")
    return home / "certificate.pem"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a Prefect server comes first. `--dist=worksteal` gives each process one piece of the list, so mostly one server
    is started."""
    items.sort(key=lambda item: "prefect_server" not in getattr(item, "fixturenames", ()))


def pytest_unconfigure() -> None:
    """A thread that outlives the tests must not keep the process, and with it everybody who waits for it. (pytest's own
    `faulthandler_timeout` watches the tests.) One of several test processes waits here for the others, and is ended with them."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        faulthandler.dump_traceback_later(SECONDS_TO_END, exit=True, file=sys.__stderr__)


@pytest.fixture(scope="session")
def made_prefect_database(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the database that one of the test processes has made, or will, for all of them and for the next time: what a
    new server makes depends on its version alone. With `-p no:cacheprovider` each process makes its own."""
    name = f"prefect-database-{version('prefect')}"
    if (cache := getattr(pytestconfig, "cache", None)) is None:
        return tmp_path_factory.getbasetemp() / name
    return Path(cache.mkdir(name))


@pytest.fixture(scope="session")
def prefect_server(made_prefect_database: Path) -> Iterator[None]:
    """One Prefect server for all tests of this process, on loopback, with a scratch database. Its log stays off what a test
    captures."""
    from prefect.logging.configuration import setup_logging
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.server import DEFAULTS, TemporaryServer

    server = TemporaryServer()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
        setup_logging()
        patient = {"server.ephemeral.startup_timeout_seconds": SECONDS_TO_START}
        with temporary_settings(set_defaults=DEFAULTS | patient):
            home = Path(os.environ["PREFECT_HOME"])
            with FileLock(f"{made_prefect_database}.lock"):
                if prefect_database.take(made_prefect_database, home):
                    url = ""
                else:
                    url = asyncio.run(server.start())
                    prefect_database.keep(home, made_prefect_database)
            url = url or asyncio.run(server.start())
            with temporary_settings(updates={PREFECT_API_URL: url}):
                yield  # the server ends with this process, after Prefect has sent what it holds


@pytest.fixture
def one_page_pdf() -> bytes:
    """A press kit of three lines."""
    lines = ["Press kit", "The probe was sent to study the comet at close range.", "Launch mass: 815 kg"]
    return pdf_of("BT /F1 12 Tf 72 720 Td 16 TL " + " ".join(f"({line}) Tj T*" for line in lines) + " ET")
