"""Agents and secrets over the service: its profiles are known to all, its secrets to whom its owner lets have them."""

from __future__ import annotations

from pathlib import Path

import pytest
from serve_parts import ALICE, BOB, door, submission

from flows.serve.http.keys import Keys
from research.errors import InvalidTask
from research.secrets import KnownSecrets

KNOWN = KnownSecrets({"CRM_TOKEN": "the-value-of-crm", "OTHER": "the-value-of-other"})


async def test_an_owner_may_name_only_the_secrets_that_its_key_allows(tmp_path: Path) -> None:
    """Whose are none learns of none; no value is in what is said or kept."""
    keys = Keys(tmp_path / "keys.jsonl")
    _, shown = keys.add("alice", secrets_allowed=["CRM_TOKEN"])
    alice = keys.owner_of(shown)
    async with door(tmp_path, secrets=KNOWN) as opened:
        with pytest.raises(InvalidTask, match="None is known here") as refused:
            await opened.service.submit(BOB, submission(secrets=["CRM_TOKEN"]))
        with pytest.raises(InvalidTask, match="There are: CRM_TOKEN") as also:
            await opened.service.submit(alice, submission(secrets=["OTHER"]))
        accepted = await opened.service.submit(alice, submission(secrets=["CRM_TOKEN"]))
        done = await opened.service.wait(alice, accepted.id, 30)
        assert done.status == "completed"
    kept = _all_of(tmp_path)
    assert b"CRM_TOKEN" in kept
    for said in (str(refused.value), str(also.value), kept.decode("latin-1")):
        assert "the-value-of" not in said


def _all_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_an_accepted_task_keeps_the_profile_that_its_agent_had(tmp_path: Path) -> None:
    profile = tmp_path / "agents" / "keeper.toml"
    profile.parent.mkdir()
    profile.write_text('processor = "base"\ninstructions = "Be brief."')
    async with door(tmp_path) as opened:
        accepted = await opened.service.submit(ALICE, submission(agent_id="keeper", output_schema={"first_lit": "date"}))
        profile.write_text('processor = "ultra"')
        done = await opened.service.wait(ALICE, accepted.id, 30)
        with pytest.raises(InvalidTask, match=r"there is no agent 'nobody'.* There are: keeper"):
            await opened.service.submit(ALICE, submission(agent_id="nobody"))
    assert done.result is not None
    assert (done.result.processor, done.task.agent_profiles[0].instructions) == ("base", "Be brief.")
    assert done.result.output == {"first_lit": "1811-02-01"}
