"""Proxies of the environment: what is none is refused by its variable, and this machine is never asked through one."""

from __future__ import annotations

import os
import ssl
import urllib.request
from pathlib import Path

import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.api import run
from research.errors import InvalidInput
from research.web.proxies import ignored_no_proxy, prepare_proxies

DEAD = "http://127.0.0.1:9"
ENTRIES = [
    "localhost",
    "::1",
    "[::1]",
    "[::1]:8080",
    "10.0.0.0/8",
    "fd07:b51a::/64",
    "*.a.example",
    ".b.example",
    "a b",
    "%%",
    "é.org",
]
CONTEXT = ssl.create_default_context()


@pytest.mark.parametrize(
    "address", ["ftp://proxy:21", "socks4://proxy:1", "http://", "http://proxy:99999", "http://[::1", "://", "http://proxy:port"]
)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_what_is_no_proxy_is_refused_by_its_variable(variable: str, address: str) -> None:
    with pytest.raises(InvalidInput, match=f"{variable}=.* is not the address of a proxy"):
        prepare_proxies({variable: address})


def test_a_password_is_not_told() -> None:
    with pytest.raises(InvalidInput) as refused:
        prepare_proxies({"ALL_PROXY": "ftp://me:secret@proxy:21"})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["http://proxy:3128", "https://me:pw@p", "socks5://127.0.0.1:9", "socks5h://[::1]:9", "proxy:80"]
)
def test_what_is_a_proxy_stays_and_every_client_can_be_made(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"ALL_PROXY": address, "NO_PROXY": ",".join(ENTRIES)}
    prepare_proxies(environ)
    assert environ["ALL_PROXY"] == address
    put(environ, monkeypatch)
    assert httpx.AsyncClient(verify=CONTEXT)
    assert httpx2.AsyncClient(verify=CONTEXT)


def put(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        for variable in (name, name.lower()):
            monkeypatch.delenv(variable, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


@given(st.lists(st.sampled_from(ENTRIES) | st.text(max_size=12).filter(lambda text: "\0" not in text), max_size=6))
def test_no_proxy_in_any_form_is_readable_and_holds_this_machine(entries: list[str]) -> None:
    environ = {"HTTP_PROXY": DEAD, "no_proxy": ",".join(entries)}
    prepare_proxies(environ)
    with pytest.MonkeyPatch.context() as monkeypatch:
        put(environ, monkeypatch)
        assert httpx.AsyncClient(verify=CONTEXT)
        assert httpx2.AsyncClient(verify=CONTEXT)
        for host in ("localhost:4200", "127.0.0.1:4200", "::1:4200"):  # as Prefect's websockets ask
            assert urllib.request.proxy_bypass(host)


def test_an_address_of_ours_in_a_network_that_is_excepted_is_excepted() -> None:
    environ = {"HTTPS_PROXY": DEAD, "NO_PROXY": "10.0.0.0/8,fd00::/8", "ANTHROPIC_BASE_URL": "http://10.1.2.3:8080"}
    environ["PREFECT_API_URL"] = "http://[fd00::7]:4200/api"
    prepare_proxies(environ)
    assert {"10.1.2.3", "fd00::7"} <= set(environ["NO_PROXY"].split(","))
    assert environ["no_proxy"] == environ["NO_PROXY"]


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("NO_PROXY", "[::1", "NO_PROXY='\\[::1' cannot be read .*: write NO_PROXY='::1'"),
        ("no_proxy", "[::1]:80,a.example", "no_proxy=.* cannot be read .*: write no_proxy='::1,a.example'"),
        ("HTTPS_PROXY", "ftp://proxy:21", "HTTPS_PROXY='ftp://proxy:21' is not the address of a proxy"),
    ],
)
async def test_from_python_what_no_client_reads_is_refused_by_its_variable_which_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str, advice: str
) -> None:
    (tmp_path / "a.md").write_text("# Aldern Bridge\n")
    for other in ("NO_PROXY", "no_proxy"):  # what a command leaves in its process
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidInput, match=advice):
        await run("Aldern Bridge", schema={"opened": "string"}, corpus=tmp_path, model="extractive", cache_dir=tmp_path / "cache")
    assert os.environ[variable] == value


def test_without_proxies_nothing_is_changed() -> None:
    environ = {"PATH": "/bin"}
    prepare_proxies(environ)
    assert environ == {"PATH": "/bin"}


def test_entries_that_name_nothing_are_known() -> None:
    assert ignored_no_proxy("localhost,a b,10.0.0.0/8,x/y,[::1],%") == ["a b", "x/y", "%"]


def test_spaces_around_a_proxy_are_taken_away_for_no_client_reads_them() -> None:
    environ = {"https_proxy": "  http://proxy:3128 "}

    prepare_proxies(environ)

    assert environ["https_proxy"] == "http://proxy:3128"
