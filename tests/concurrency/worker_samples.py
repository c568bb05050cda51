"""What workers are asked to do in tests."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Mapping
from typing import Any


def echo(arguments: Mapping[str, Any], payload: bytes) -> tuple[Any, bytes]:
    return dict(arguments), payload


def hang(arguments: Mapping[str, Any], payload: bytes) -> tuple[Any, bytes]:
    """Hold Python's lock for centuries."""
    return bool(re.match(r"(a+)+$", "a" * 60 + "b")), b""


def sleep(arguments: Mapping[str, Any], payload: bytes) -> tuple[Any, bytes]:
    time.sleep(600)
    return None, b""


def take_memory(arguments: Mapping[str, Any], payload: bytes) -> tuple[Any, bytes]:
    return len([bytearray(10_000_000) for _ in range(arguments["megabytes"] // 10)]), b""


def fill_memory(arguments: Mapping[str, Any], payload: bytes) -> tuple[Any, bytes]:
    return len(b"x" * (arguments["megabytes"] * 1_000_000)), b""


def abort(arguments: Mapping[str, Any], payload: bytes) -> tuple[Any, bytes]:
    os.kill(os.getpid(), signal.SIGABRT)
    return None, b""


def refuse(arguments: Mapping[str, Any], payload: bytes) -> tuple[Any, bytes]:
    raise ValueError("not like this")


def chatter(arguments: Mapping[str, Any], payload: bytes) -> tuple[Any, bytes]:
    print("a library speaks")
    os.write(1, b"and so does one written in C")
    return "said", b""


def variables(arguments: Mapping[str, Any], payload: bytes) -> tuple[Any, bytes]:
    return sorted(os.environ), b""


def who(arguments: Mapping[str, Any], payload: bytes) -> tuple[Any, bytes]:
    return os.getpid(), b""
