"""The pytest plugin keeps a user's tests away from real models; the double also runs as a process."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

from research.testing.serve import main

pytest_plugins = ["pytester"]

A_USERS_TESTS = """
import asyncio, httpx, os, socket, pytest
from research.testing import ModelServer, text

def test_keys_are_gone():
    assert [name for name in os.environ if name.endswith(("_API_KEY", "_AUTH_TOKEN")) or name == "ANTHROPIC_BASE_URL"] == []

def test_the_double_answers():
    body = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"x-api-key": "test", "anthropic-version": "2023-06-01"}
    with ModelServer([text("hi")]) as server:
        assert httpx.post(f"{server.url}/v1/messages", json=body, headers=headers).json()["content"][0]["text"] == "hi"

def test_address():
    socket.create_connection(("192.0.2.1", 80), timeout=1)

def test_name():
    socket.create_connection(("api.anthropic.com", 443), timeout=1)

def test_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        plug.sendto(b"x", ("192.0.2.1", 53))

def test_loop():
    asyncio.run(asyncio.open_connection("192.0.2.1", 80))

def test_swallowed():
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    except OSError:
        pass

@pytest.mark.real_network
def test_allowed():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        try:
            plug.connect(("192.0.2.1", 53))  # of a datagram socket: nothing is sent
        except OSError as error:
            assert "loopback" not in str(error)
"""


def test_the_plugin_blocks_real_models(pytester, monkeypatch):
    """In a user's tests no key is in the environment and loopback works. Leaving it fails, by address, by name, by datagram
    and in asyncio, and fails at the end where the error was swallowed. A test marked `real_network` may.
    """
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "BRAVE_API_KEY"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # a user's run needs no more than this plugin
    pytester.makepyfile(A_USERS_TESTS)
    result = pytester.runpytest_subprocess("-p", "research.testing.pytest_plugin", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=4, failed=4, errors=5)
    result.stdout.fnmatch_lines(["*the test tried to leave loopback: api.anthropic.com*"])
    result.stdout.fnmatch_lines(["ERROR*::test_swallowed*"])


def test_the_double_runs_as_a_process():
    """It prints its URL, answers, and ends when its standard input ends."""
    command = [sys.executable, "-m", "research.testing.serve", "--any-model", "--fault", "429=1", "--retry-after", "7"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        body = {"model": "mine", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
        answer = httpx.post(f"{url}/v1/messages", json=body, headers=headers, timeout=60)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
        process.communicate(timeout=30)
        assert process.returncode == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--fault", "flood=0.1"], "no such fault: 'flood'"),
        (["--fault", "429=much"], "could not convert string to float"),
        (["--rule", "no.such:rule"], "neither one of echo, researcher nor an importable"),
    ],
)
def test_the_process_refuses_what_makes_no_sense(wrong, words, capsys):
    """Exit code 2, and what was wrong."""
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_the_doubles_are_imported_without_the_sdk():
    """It takes more than a second, which every process of a user's tests would spend, whatever it tests."""
    program = "import sys, research.testing; print(*sorted({'anthropic', 'mcp', 'prefect', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "\n"
