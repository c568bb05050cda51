"""What a run would find around it, without Prefect: versions, settings, keys, folders, disks, proxies. Each with advice if it is
wrong. Nothing is changed, and no key is read further than whether it is there."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flows.run.environment import Environment, read_environment
from flows.run.writable import CACHE, PREFECT_HOME, check_writable, prefect_home
from research.errors import InvalidInput
from research.web.proxies import NO_PROXY, ignored_no_proxy, proxies

PACKAGES: Final = ("research-flows", "prefect", "anthropic", "duckdb", "pyarrow", "httpx", "pydantic")
_NAMED: Final = [str(field.validation_alias) for field in Environment.model_fields.values() if field.validation_alias]
KEYS: Final = tuple(sorted(name for name in _NAMED if name.endswith("_KEY")))
SERVERS: Final = tuple(sorted(name for name in _NAMED if name.endswith("_URL")))
SETTINGS: Final = "RESEARCH_"
SECRETS: Final = ("KEY", "TOKEN", "SECRET", "PASS")
"""Parts of the names of settings whose values are not shown."""
ESCAPES: Final = "letters that it lacks are printed as escapes; PYTHONIOENCODING=utf-8 shows them"
LITTLE_ROOM: Final = 1 << 30
"""Bytes. A run with many pages may take more."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    about: str
    what: str
    found: str
    advice: str = ""
    """What to do; "" if nothing is wrong."""


def surroundings(environ: Mapping[str, str], encoding: str) -> Iterator[Finding]:
    """All that is found.

    Args:
        encoding: of stdout.
    """
    yield from _versions()
    yield Finding("output", "encoding of stdout", encoding, "" if _shows_all(encoding) else ESCAPES)
    environment, fault = _environment()
    yield from _settings(environ, fault)
    yield from _keys(environ)
    yield from _folders(environment)
    yield from _proxies(environ)


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in PACKAGES:
        try:
            yield Finding("versions", package, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Finding("versions", package, "not installed", f"install it in the environment of {sys.executable}")


def _shows_all(encoding: str) -> bool:
    return encoding.lower().replace("-", "").replace("_", "").startswith("utf")


def _environment() -> tuple[Environment | None, str]:
    try:
        return read_environment(), ""
    except InvalidInput as error:
        return None, str(error)


def _settings(environ: Mapping[str, str], fault: str) -> Iterator[Finding]:
    if fault:
        yield Finding("settings", "variables", "cannot be read", fault)
    for name in sorted(environ):
        if name.startswith(SETTINGS):
            is_secret = any(word in name for word in SECRETS)
            yield Finding("settings", name, "set (not shown)" if is_secret else without_password(environ[name]))


def _keys(environ: Mapping[str, str]) -> Iterator[Finding]:
    for name in KEYS:
        yield Finding("keys", name, "set" if environ.get(name) else "not set")
    for name in SERVERS:
        if environ.get(name):
            yield Finding("keys", name, without_password(environ[name]))


def _folders(environment: Environment | None) -> Iterator[Finding]:
    if environment is not None:
        yield from _folder("cache", environment.cache_dir, CACHE, "RESEARCH_CACHE_DIR")
        for part in sorted(each for each in _inside(environment.cache_dir) if each.is_dir()):
            yield Finding("folders", f"  {part.name}/", size_text(folder_size(part)))
    try:
        home = prefect_home()
    except InvalidInput as error:
        yield Finding("folders", "Prefect's folder", "none", str(error))
    else:
        yield from _folder("Prefect's folder", home, PREFECT_HOME, "PREFECT_HOME")
    yield from _folder("temporary files", Path(tempfile.gettempdir()), "for copies of tables", "TMPDIR")
    yield from _folder("run folders", Path("runs"), "where runs are kept", "--out")


def _folder(what: str, path: Path, purpose: str, setting: str) -> Iterator[Finding]:
    shown = f"{path.absolute()} ({size_text(folder_size(path))}" if what == "cache" else f"{path.absolute()} ("
    free = _free(path)
    shown += f"{', ' if what == 'cache' else ''}{size_text(free)} free)" if free is not None else ")"
    try:
        check_writable(path, purpose, setting)
    except InvalidInput as error:
        yield Finding("folders", what, shown, str(error))
        return
    little = free is not None and free < LITTLE_ROOM
    yield Finding("folders", what, shown, f"make room there, or name another folder with {setting}" if little else "")


def _free(path: Path) -> int | None:
    for folder in (path, *path.absolute().parents):
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue  # it is not there yet
    return None


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def folder_size(folder: Path) -> int:
    """Bytes of all files in a folder; 0 if there is none."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).lstat().st_size
            except OSError:
                continue  # removed meanwhile
    return total


def size_text(size: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _proxies(environ: Mapping[str, str]) -> Iterator[Finding]:
    for proxy in proxies(environ):
        yield Finding("proxies", proxy.variable, proxy.shown, proxy.fault or "")
    for name in (NO_PROXY.lower(), NO_PROXY):
        if stated := environ.get(name, ""):
            ignored = ignored_no_proxy(stated)
            advice = f"{', '.join(ignored)} names no host and no network, and is ignored" if ignored else ""
            yield Finding("proxies", name, stated, advice)


def without_password(text: str) -> str:
    """A setting's value; of an address, without what may be a secret in it."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return "(an address that cannot be read)"
    if "@" not in parts.netloc:
        return text if not parts.query else parts._replace(query="…").geturl()
    return parts._replace(netloc=f"…@{parts.netloc.rpartition('@')[2]}", query="").geturl()
