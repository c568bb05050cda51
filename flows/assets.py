"""A run's results as a Prefect asset: what they are made of, and how many, how dear and how sure they are."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any, Final

import httpx
from prefect.assets import Asset, AssetProperties, add_asset_metadata, materialize
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

from flows.run.options import EnrichOptions, FindOptions, Options, RefreshOptions
from flows.run.outcome import Enrichment
from research.display.printable import printable
from research.identity import content_key
from research.storage.location import is_url, local_path
from research.tables.run_folder.run_folder import RunFolder
from research.tables.warehouse.reading import warehouse_of

MADE_BY: Final = "research-flows"
LONGEST_KEY: Final = 512
_KEPT: Final = 480
"""Characters of a longer one, before its digest."""
SECONDS: Final = 20.0
"""How long the server may take."""
_NOT_IN_A_KEY: Final = re.compile(r"[\s#?&%\"'<>\[\]{}|\\^`\x00-\x1f\x7f]")
"""Characters that Prefect refuses in an asset's key (3.8.8)."""
_CONFIDENCES: Final = ("high", "medium", "low", "without_confidence")


async def materialize_results(folder: RunFolder, done: Enrichment, options: Options) -> None:
    """Show the results of a run as an asset that its inputs lead to. It is one task run, whatever the table's size.

    A Prefect that does not take it costs the run nothing.
    """
    metadata = await asyncio.to_thread(describe, folder, done)
    name = printable(folder.path.name, one_line=True)
    asset = Asset(
        key=asset_key(f"{done.address}/results"),
        properties=AssetProperties(
            name=f"results of {name}", description=f"{done}: answers with their evidence, in {done.address}"
        ),
    )

    @materialize(
        asset,
        by=MADE_BY,
        asset_deps=[asset_key(place) for place in inputs(options)],
        name="results",
        task_run_name=f"results of {name}",
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    async def publish() -> None:
        add_asset_metadata(asset, metadata)

    try:
        async with asyncio.timeout(SECONDS):
            await publish()
    except (TimeoutError, httpx.HTTPError, PrefectException) as error:
        get_run_logger().warning("no asset in Prefect: %s", error or "no answer")


def asset_key(place: str) -> str:
    """The key of a file, a folder or a URL. What it may not hold is replaced, and what a URL says after `?` left out."""
    if is_url(place):
        scheme, rest = place.split("://", 1)
        address = f"{scheme.lower()}://{re.split('[?#]', rest.rpartition('@')[2], maxsplit=1)[0]}"
    else:
        address = f"file://{local_path(place).absolute()}"
    key = _NOT_IN_A_KEY.sub("_", address)
    return key if len(key) <= LONGEST_KEY else f"{key[:_KEPT]}-{content_key('asset', place=address)[:16]}"


def inputs(options: Options) -> Iterator[str]:
    """Where that lies which the results are made of: the table, and the results of an earlier run."""
    if isinstance(options, EnrichOptions):
        yield options.table
        earlier = options.reuse
    elif isinstance(options, FindOptions):
        earlier = None  # it begins with a search
    else:
        if isinstance(options, RefreshOptions) and options.table is not None:
            yield options.table
        earlier = options.run
    if earlier is not None:
        yield f"{earlier.rstrip('/')}/results"


def describe(folder: RunFolder, done: Enrichment) -> dict[str, Any]:
    """What the asset's event says of the results."""
    with warehouse_of(folder.path) as db:
        coverage = db.execute(f"SELECT field, filled, {', '.join(_CONFIDENCES)} FROM coverage").fetchall()  # noqa: S608 - our names
    columns, filled = folder.columns, {field: number for field, number, *_ in coverage}
    sure = [sum(numbers) for numbers in zip(*(numbers for _, _, *numbers in coverage), strict=True)]
    return {
        "run": done.address,
        "request": folder.key,
        "status": folder.status,
        **{name: getattr(done, name) for name in ("rows", "completed", "failed", "waiting", "cost_usd", "spent_usd", "model")},
        "confidence": dict(zip(_CONFIDENCES, sure, strict=True)),
        "schema": {
            output.field: {
                "column": output.column,
                "type": str(columns.schema.field(output.column).type),
                "filled": filled[output.field],
            }
            for output in columns.outputs
        },
    }
