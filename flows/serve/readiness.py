"""What the service and its workers need, seen before anything starts: a worker that lacks it ends, is started again, and ends
for it again, while accepted tasks wait."""

from __future__ import annotations

import asyncio

from flows.run.environment import Environment
from flows.run.writable import CACHE, check_writable
from flows.serve.service.admission import SECRET
from flows.serve.work.worlds import for_tasks
from research.errors import InvalidCorpus, InvalidInput
from research.money.processors import PROCESSOR_NAMES
from research.ports.model import Model
from research.search.corpus import open_corpus
from research.task.agents import known_agents, read_profile
from research.webhooks.signing import WebhookSecret
from research.world import Settings, open_world


async def check_world(settings: Settings, *, has_cap: bool) -> None:
    """See that tasks can be researched with these settings. Calls no service, and leaves the corpus unread, which takes minutes
    where it has no index yet.

    Args:
        has_cap: whether some cap on the cost will be held.

    Raises:
        InvalidInput: a model, a search provider, a file or a folder that cannot be used; or a cap that could not be held.
        AuthenticationFailed: a key that cannot be one.
    """
    await asyncio.to_thread(check_writable, settings.cache_dir, CACHE, "RESEARCH_CACHE_DIR")
    without = for_tasks(settings)
    if settings.corpus is not None:
        if "://" not in settings.corpus:
            await asyncio.to_thread(_check_corpus, settings.corpus)
        others = tuple(name for name in settings.search if name.strip().lower() != "local")
        without = without.changed(corpus=None, search=others)
    async with open_world(without, settings.cache_dir / "pages") as world:
        if has_cap:
            _check_prices(world.model)


def check_admission(environment: Environment) -> None:
    """See that what tasks may name can be read: profiles of agents, the secret that webhooks are signed with.

    Raises:
        InvalidInput: it cannot.
    """
    if (secret := environment.webhook_secret) is not None:
        WebhookSecret(secret.get_secret_value(), SECRET)
    folder = environment.agents_dir
    if "agents_dir" in environment.model_fields_set and not folder.is_dir():
        raise InvalidInput(f"{folder} is no folder of agents' profiles: correct RESEARCH_AGENTS_DIR, or leave it out")
    try:
        names = known_agents(folder)
    except OSError as error:
        raise InvalidInput(f"the folder of agents' profiles {folder} cannot be read: {error.strerror}") from error
    for name in names:
        read_profile(folder / f"{name}.toml")


def _check_corpus(source: str) -> None:
    corpus = open_corpus(source)
    if next(corpus.items(), None) is None:
        shown = "".join(f"\n  {warning}" for warning in corpus.warnings[:5])
        raise InvalidCorpus(f"corpus {source!r}: there is no document in it{shown}")


def _check_prices(model: Model) -> None:
    unpriced = [model.unpriced(processor) for processor in PROCESSOR_NAMES]
    if all(unpriced):
        names = ", ".join(dict.fromkeys(name for each in unpriced for name in each))
        raise InvalidInput(
            f"no price is known for {names}, so no cap on the cost can be held: give its prices in a processors file (0 for a "
            "server of your own; RESEARCH_PROCESSORS), or leave the cap out"
        )
