"""Secrets that Prefect keeps: `Secret` blocks beside the variables of this process."""

from __future__ import annotations

from typing import Final

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings

from flows.run.environment import environment_secrets
from research.secrets import KnownSecrets

BLOCK_PREFIX: Final = "research-secret-"
"""Before a secret's name, in small letters and with - for _: the block `research-secret-crm-token` is the secret `CRM_TOKEN`. No
other block can be named."""


async def secrets_with_blocks() -> KnownSecrets:
    """The secrets of this process, and those of the Prefect server's blocks. Of two with one name, the variable counts."""
    here = await environment_secrets()
    return here.beside(await _blocks(), f"save a Prefect Secret block {BLOCK_PREFIX}<name>")


async def _blocks() -> dict[str, str]:
    if get_current_settings().api.url is None:
        return {}  # a run here has a temporary server, without blocks
    async with get_client() as client:
        try:
            listed = await client.read_block_documents_by_type("secret", include_secrets=False)
        except ObjectNotFound:  # nobody has saved one yet
            return {}
        names = [block.name for block in listed if block.name is not None and block.name.startswith(BLOCK_PREFIX)]
        blocks = [await client.read_block_document_by_name(name, "secret") for name in names]
    values = {block.name or "": block.data.get("value") for block in blocks}
    return {
        name.removeprefix(BLOCK_PREFIX).replace("-", "_").upper(): value
        for name, value in values.items()
        if isinstance(value, str)
    }
