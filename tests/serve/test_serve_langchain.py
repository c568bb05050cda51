"""`langchain-parallel`, unchanged, pointed at loopback by its `base_url`: its chat model, tools, retriever and batches.

It wants versions of OpenAI's SDK and of `parallel-web` before those that our other tests are made with. So it has a venv of its
own, made once for a machine from the pins of `langchain_client.txt`, in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from filelock import FileLock

from tests.serve.conftest import Served

HERE = Path(__file__).parent
PINS = HERE / "langchain_client.txt"
PAGE = "corpus://corpus/bell-rock.md"


@pytest.fixture(scope="module")
def langchain() -> Path:
    """The interpreter of the venv."""
    pins = hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = platformdirs.user_cache_path("research-flows") / "tests" / f"langchain-parallel-{pins}"
    python, made = folder / "bin" / "python", folder / "made"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock", timeout=600):
        if not made.exists():
            venv.create(folder, clear=True, symlinks=True)
            # Our own pip installs there: to put one into the venv, and to compile what nobody imports, takes longest.
            pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-compile"]
            install = [*pip, "--quiet", "--no-input", "--disable-pip-version-check"]
            kept = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}  # no test's: a package index's
            done = subprocess.run([*install, "-r", str(PINS)], env=kept, capture_output=True, text=True, timeout=500, check=False)
            if done.returncode:
                pytest.skip(f"langchain-parallel cannot be installed here: {done.stderr.strip()[-300:]}")
            made.touch()
    return python


def test_all_that_langchain_parallel_does_is_answered(served: Served, langchain: Path) -> None:
    command = [str(langchain), str(HERE / "langchain_client.py"), served.url, served.keys["alice"]]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    got: dict[str, Any] = json.loads(done.stdout)
    builders = [{"builder": "Robert Stevenson"}, {"builder": "John Smeaton"}]
    assert "1811" in got["chat"][0]
    assert "1811" in got["streamed"]
    assert got["structured"] == got["run"] == builders[0]
    assert got["chat"][1] == PAGE
    assert got["search"] == got["documents"] == [PAGE]
    assert got["extract"] == ["# Bell Rock Lighthouse", "FetchRefused"]
    assert got["deep"] == [{"answer": "1 February 1811"}, ["answer"]]
    assert got["again"] is not None
    assert got["group"] == ["completed", "completed"]
    assert got["enriched"] == builders
