"""What the service does not accept, seen before anything is kept: files of its own disk, addresses that the guard refuses,
a webhook that could not be told, ids that no path can hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from pydantic_core import PydanticSerializationError

from flows.serve.records.task_records import TASK_ID, Owner, Submission
from research.errors import Fault, InvalidInput, InvalidTask
from research.mcp.settings import SETTING as MCP_SETTING
from research.mcp.settings import McpSettings
from research.models.names import refuse_other_makers
from research.money.processors import load_processors
from research.secrets import NONE, KnownSecrets
from research.task.agents import FOLDER, with_agents
from research.task.task import Task
from research.web.guard import Guard
from research.web.settings import WebSettings
from research.webhooks.delivery import Receiver
from research.webhooks.signing import WebhookSecret

SECRET: Final = "RESEARCH_WEBHOOK_SECRET"  # noqa: S105 - its name


@dataclass(frozen=True, slots=True)
class Admission:
    """The rules of what is accepted.

    Args:
        web: which addresses may be read and told.
        webhook_secret: what webhooks are signed with; None: no webhook can be.
        secrets: those of this service, of which each owner may name some.
        agents_dir: the folder of the profiles of agents that tasks may name.
        mcp: which servers of tools may be asked.
        base_url: the server of the models; None: Anthropic's own, which has no other maker's.
        processors: the file that overrides the table of models.
    """

    web: WebSettings
    webhook_secret: SecretStr | None = None
    secrets: KnownSecrets = NONE
    agents_dir: Path = FOLDER
    mcp: McpSettings = field(default_factory=McpSettings)
    base_url: str | None = None
    processors: Path | None = None

    def admitted(self, owner: Owner, submission: Submission) -> Submission:
        """The submission as it is kept: with the profiles of the agents that its task names, as they are now.

        Raises:
            InvalidTask: it is not accepted. `faults` names each place.
            InvalidInput: a profile of the service cannot be read.
        """
        self.check(submission)
        self.secrets.only(owner.secrets).resolve(submission.task.secrets)
        task = with_agents(submission.task, self.agents_dir)
        return submission if task is submission.task else submission.changed(task=task)

    def check(self, submission: Submission) -> None:
        """See that a task can be accepted.

        Raises:
            InvalidTask: it is not accepted. `faults` names each place.
        """
        try:
            submission.model_dump_json()
        except PydanticSerializationError as error:  # JSON can write half of a surrogate pair, and no text can hold it
            raise InvalidTask(
                "The task cannot be accepted:", [Fault("", "holds half of a character (\\ud800 to \\udfff)")]
            ) from error
        task, faults = submission.task, []
        guard = Guard(self.web.allow_private_hosts, self.web.allow_ports)
        if task.task_id is not None and not TASK_ID.fullmatch(task.task_id):
            faults.append(Fault("/task_id", "must be 1 to 256 characters, each a letter, a digit or one of . _ ~ : @ -"))
        if task.start_url is not None and (why := guard.refusal(task.start_url)) is not None:
            faults.append(Fault("/start_url", why))
        for place, file in enumerate(task.files):
            if not file.is_web:
                faults.append(Fault(f"/files/{place}", "must be a URL: over HTTP, no file of the service's own disk is read"))
            elif (why := guard.refusal(file.source)) is not None:
                faults.append(Fault(f"/files/{place}", why))
        faults += self._server_faults(task)
        try:
            refuse_other_makers(task.model, self.base_url, load_processors(self.processors))
        except InvalidInput as error:
            faults += error.faults
        if submission.webhook is not None:
            try:
                self.receiver(submission.webhook)
            except InvalidInput as error:
                faults.append(Fault("/webhook", str(error)))
        if faults:
            raise InvalidTask("The task cannot be accepted:", faults)

    def _server_faults(self, task: Task) -> list[Fault]:
        """MCP servers that may not be asked, and headers that would be lost: a task is kept without the values of its headers."""
        guard = Guard(self.mcp.allow_private_hosts, self.mcp.allow_ports, MCP_SETTING)
        faults = []
        for place, server in enumerate(task.mcp_servers):
            if (why := guard.refusal(server.url)) is not None:
                faults.append(Fault(f"/mcp_servers/{place}/url", why))
            if plain := server.plain_headers:
                names = ", ".join(plain)
                why = f"{names}: over HTTP, no value is kept; write ${{secrets.NAME}}, and NAME in the task's `secrets`"
                faults.append(Fault(f"/mcp_servers/{place}/headers", why))
        return faults

    def receiver(self, url: str) -> Receiver:
        """Who is told at an address.

        Raises:
            InvalidInput: the guard refuses it, or there is no secret to sign with.
        """
        if self.webhook_secret is None:
            raise InvalidInput(f"this service tells no webhooks: it has no secret to sign with ({SECRET})")
        return Receiver(url, WebhookSecret(self.webhook_secret.get_secret_value(), SECRET), self.web)
