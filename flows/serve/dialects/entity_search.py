"""What a search for entities takes and answers: a find of people or companies whose matches are waited for."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import ConfigDict, Field

from flows.serve.dialects.findall_shapes import FindAllBody, FindAllSchema, Shape, found_of
from flows.serve.records.task_records import Submission, TaskRecord
from research.task.task import Task

DIALECT: Final = "entity_search"


class EntitySearchBody(Shape):
    """Which entities are looked for."""

    model_config = ConfigDict(extra="forbid")

    entity_type: Literal["people", "companies"]
    objective: str = Field(min_length=1, max_length=5_000, pattern=r"\S")
    match_limit: int = Field(default=100, ge=5, le=1_000)

    def submission(self) -> Submission:
        """The find that answers it: the objective's conditions, judged on the `base` tier.

        Raises:
            InvalidTask: the objective's conditions cannot be used.
        """
        read = FindAllSchema.ingested(self.objective.strip())
        body = FindAllBody(
            objective=read.objective,
            entity_type=read.entity_type or self.entity_type,
            match_conditions=read.match_conditions,
            generator="base",
            match_limit=self.match_limit,
        )
        task = Task.model_validate({"task": body.objective, "processor": "base"})
        return Submission(task=task, find=body.asked(), dialect=DIALECT)


class Entity(Shape):
    """An entity that meets every condition."""

    name: str
    url: str
    """The page on which it was found."""
    description: str
    """What stands about it there."""


class EntitySearchAnswer(Shape):
    """The entities that were found, in the order in which they were."""

    entity_set_id: str
    entities: list[Entity]

    @classmethod
    def of(cls, record: TaskRecord) -> EntitySearchAnswer:
        """What a find that is completed has come to."""
        matched = [each.candidate for each in found_of(record).candidates if each.status == "matched"]
        entities = [Entity(name=each.name, url=each.url, description=each.mention or "") for each in matched]
        return cls(entity_set_id=f"entity_set_{record.id}", entities=entities)
