"""The double as a process of its own, for benchmarks: prints its URL, serves until it is interrupted or its standard input ends.

python -m research.testing.serve --rule researcher --port 0 --latency 0.2
"""

from __future__ import annotations

import argparse
import importlib
import sys
import threading
from collections.abc import Sequence
from typing import Any, Final

from research.testing.catalogue import SDK_MODELS
from research.testing.faults import KINDS, Faults
from research.testing.model_server import ModelServer
from research.testing.researcher import researcher
from research.testing.rules import echo

READY: Final = {"echo": echo, "researcher": researcher}
"""Rules by their names on the command line."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m research.testing.serve", description=__doc__.splitlines()[0])
    parser.add_argument("--rule", default="echo", help="echo, researcher, or module:name of a rule of your own (default: echo)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before an answer begins")
    parser.add_argument("--fault", action="append", default=[], metavar="KIND=RATE", help=f"a status, or: {', '.join(KINDS)}")
    parser.add_argument("--retry-after", type=float, default=1.0, help="seconds, with 429 and 529")
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    parser.add_argument("--any-model", action="store_true", help="take every model name, not only those the SDK names")
    options = parser.parse_args(arguments)
    try:
        rates = {kind: float(rate) for kind, _, rate in (each.partition("=") for each in options.fault)}
        server = ModelServer(
            _rule(options.rule),
            faults=Faults(rates, seed=options.seed, retry_after=options.retry_after),
            latency=options.latency,
            port=options.port,
            record=False,
            models=None if options.any_model else SDK_MODELS,
        )
    except ValueError as error:
        parser.error(str(error))
    with server:
        print(server.url, flush=True)  # the one line that a starting process waits for
        _wait()
    return 0


def _rule(name: str) -> Any:
    if name in READY:
        return READY[name]
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"--rule {name}: neither one of {', '.join(READY)} nor an importable module:name ({error})") from error


def _wait() -> None:
    try:
        if sys.stdin is not None and not sys.stdin.isatty():
            sys.stdin.read()  # ends with the process that started this one
        else:
            threading.Event().wait()
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    sys.exit(main())
