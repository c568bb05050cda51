"""The prompts: markdown files in `prompt_texts/`, put together into the stable part of each kind of conversation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Final

from research.models.claude.answer_schema import describe_fields
from research.output_schema.output_spec import OutputSpec
from research.task.agent_profile import AgentProfile

NAMES: Final = (
    "untrusted",
    "answer",
    "investigate",
    "investigate_chat",
    "questions",
    "plan",
    "grade",
    "synthesize",
    "verify",
    "judge",
    "agent",
)


@dataclass(frozen=True)
class Prompts:
    """One text for each name in `NAMES`."""

    texts: tuple[tuple[str, str], ...]

    @cached_property
    def identity(self) -> str:
        """Changes with every word."""
        return hashlib.sha256(repr(self.texts).encode()).hexdigest()[:16]

    def system(
        self,
        role: str,
        spec: OutputSpec,
        *,
        answers: bool = False,
        questions: bool = False,
        agent: AgentProfile | None = None,
    ) -> str:
        """The instructions of a role. The same for every row of a table, since it holds nothing of a row.

        Args:
            role: whose instructions.
            spec: the output that the table asks for.
            answers: whether the role answers the fields.
            questions: whether it may ask people.
            agent: whose own instructions stand below ours, which come first where the two differ.
        """
        text = dict(self.texts)
        parts = [text[role], *([text["questions"]] if questions else []), text["untrusted"]]
        parts += [text["answer"]] if answers else []
        if agent is not None and agent.instructions.strip():
            parts.append(f"# Instructions of the agent {agent.id}\n\n{text['agent'].strip()}\n\n{agent.instructions.strip()}")
        return "\n\n".join(
            [*(part.strip() for part in parts), f"# The fields, each with its JSON Schema\n\n{describe_fields(spec)}"]
        )


@lru_cache(maxsize=1)
def load_prompts() -> Prompts:
    """The prompts that ship."""
    folder = files("research.models.claude").joinpath("prompt_texts")
    return Prompts(tuple((name, folder.joinpath(f"{name}.md").read_text("utf-8")) for name in NAMES))
