"""A Dask cluster of the user's, as a run needs it: reached, with workers, and with the versions that are used here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from research.errors import InvalidInput

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS: Final = 10.0
SAME: Final = ("research-flows", "prefect", "distributed", "cloudpickle")
"""Packages that workers must have in the version that is installed here."""


def check_dask() -> None:
    """See that Dask is installed.

    Raises:
        InvalidInput: Dask is not installed.
    """
    if find_spec("distributed") is None:
        raise InvalidInput("The runner `dask` needs Dask: pip install 'research-flows[dask]'.")


async def check_cluster(address: str, patience: float = CONNECT_SECONDS) -> None:
    """See that the cluster at an address can be used.

    Args:
        patience: how many seconds its scheduler may take to answer.

    Raises:
        InvalidInput: the cluster cannot be used; says why.
    """
    async with connected(address, patience):
        pass


@asynccontextmanager
async def connected(address: str, patience: float = CONNECT_SECONDS) -> AsyncIterator[Client]:
    """A client of a cluster.

    Raises:
        InvalidInput: its scheduler cannot be reached, it has no workers, or they have other versions than this process.
    """
    from distributed import Client  # half a second, and most runs need none of it

    async with AsyncExitStack() as held:
        try:
            client = Client(address, asynchronous=True, set_as_default=False, timeout=patience)
            held.push_async_callback(client.close)
            await client
        except (OSError, ValueError, TypeError) as error:
            raise InvalidInput(f"No Dask scheduler can be reached at {address}: {error}") from error
        asked: Any = client.get_versions(packages=SAME)  # typed as of a client that is not asynchronous, too
        versions = await asked
        if not versions["workers"]:
            raise InvalidInput(f"The Dask cluster at {address} has no workers: start some with `dask worker {address}`.")
        if differences := differing(versions["client"], versions["workers"]):
            found = "; ".join(differences)
            raise InvalidInput(f"The workers of the Dask cluster at {address} need the versions that are here: {found}.")
        yield client


def differing(here: Mapping[str, Any], workers: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """In which versions workers differ from this process.

    Args:
        here: as `Client.get_versions` tells it.
        workers: the same, by worker. None: it did not answer, or not in time.
    """
    found = []
    for name in ("python", *SAME):
        mine = _version(name, here)
        others = {_version(name, worker) for worker in workers.values() if worker is not None} - {mine}
        if others:
            found.append(f"{name} {', '.join(sorted(others))} there, {mine} here")
    return found


def _version(name: str, versions: Mapping[str, Any]) -> str:
    version = str(versions["packages"].get(name) or "missing")
    return ".".join(version.split(".")[:2]) if name == "python" else version
