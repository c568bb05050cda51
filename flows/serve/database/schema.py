"""The tables of the service's database, as SQLAlchemy declares them. Times are seconds since 1970, in UTC."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

VERSION: Final = 1
"""Of the form of these tables. A database of another one is refused rather than misread. A new table, index or column that may be
null or has a default needs no other version: `upgrade` adds it to a database that lacks it."""

metadata: Final = MetaData()
_number: Final = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts up by itself in SQLite

about: Final = Table("about", metadata, Column("version", Integer, primary_key=True))

tasks: Final = Table(
    "tasks",
    metadata,
    Column("number", _number, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("dialect", String, nullable=False),
    Column("group_id", String),
    Column("session_id", String),
    Column("visibility", String, nullable=False),
    Column("team", String),
    Column("idempotency_key", String),
    Column("content_key", String, nullable=False),  # of all that was asked: the same id with another one is a conflict
    Column("request", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("retrieval", Text),
    Column("find", Text),
    Column("webhook", Text),
    Column("handoff", String),
    Column("enable_events", Boolean, nullable=False),
    Column("status", String, nullable=False),
    Column("result", Text),
    Column("error", Text),
    Column("action", Text),
    Column("decision", Text),
    Column("warnings", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("modified_at", Double, nullable=False),
    Column("completed_at", Double),
    Column("last_sequence", Integer, nullable=False, default=0),
    # Who works on it. `lease_until` is also when an unfinished task may be claimed again.
    Column("claim", String),
    Column("worker", String),
    Column("lease_until", Double),
    Column("attempts", Integer, nullable=False, default=0),
    Column("task_run_id", String),
    Column("reserved_usd", Double, nullable=False, default=0.0),
    UniqueConstraint("owner", "id"),
    UniqueConstraint("owner", "dialect", "idempotency_key"),
    Index("tasks_by_status", "status", "owner", "number"),
    Index("tasks_by_owner", "owner", "number"),
    Index("tasks_by_visibility", "visibility", "number"),
    Index("tasks_by_id", "id"),
    Index("tasks_by_session", "owner", "session_id", "number"),
    Index("tasks_by_group", "owner", "group_id", "status"),
    sqlite_autoincrement=True,
)

events: Final = Table(
    "events",
    metadata,
    Column("id", _number, primary_key=True, autoincrement=True),
    Column("task_number", _number, nullable=False),
    Column("owner", String, nullable=False),
    Column("task_id", String, nullable=False),
    Column("group_id", String),
    Column("sequence", Integer, nullable=False),
    Column("type", String, nullable=False),
    Column("data", Text, nullable=False),
    Column("at", Double, nullable=False),
    UniqueConstraint("task_number", "sequence"),
    Index("events_by_group", "owner", "group_id", "id"),
    sqlite_autoincrement=True,
)

groups: Final = Table(
    "groups",
    metadata,
    Column("owner", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("metadata", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

steps: Final = Table(
    "steps",
    metadata,
    Column("task_number", _number, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)

charges: Final = Table(
    "charges",
    metadata,
    Column("id", _number, primary_key=True, autoincrement=True),
    Column("task_number", _number, nullable=False),
    Column("owner", String, nullable=False),
    Column("usd", Double),
    Column("counted_usd", Double),
    Column("purpose", String, nullable=False),
    Column("at", Double, nullable=False),
    Index("charges_by_task", "task_number"),
    Index("charges_by_owner", "owner"),
)

# Of the service (`service`) and of each owner (`owner:…`): what may be spent, what was, and calls whose price is not known.
accounts: Final = Table(
    "accounts",
    metadata,
    Column("scope", String, primary_key=True),
    Column("max_usd", Double),
    Column("spent_usd", Double, nullable=False),
    Column("unknown", Integer, nullable=False),
)

# What calls that are no tasks may spend, those of `research mcp`: free again once `until` is over.
reservations: Final = Table(
    "reservations",
    metadata,
    Column("number", _number, primary_key=True, autoincrement=True),
    Column("owner", String, nullable=False),
    Column("usd", Double, nullable=False),
    Column("until", Double, nullable=False),
)

workers: Final = Table(
    "workers",
    metadata,
    Column("name", String, primary_key=True),
    Column("slots", Integer, nullable=False),
    Column("seen_at", Double, nullable=False),
)

# Background tasks that were handed to Prefect, in that order, and when they began.
handed_over: Final = Table(
    "handed_over",
    metadata,
    Column("number", _number, primary_key=True, autoincrement=True),
    Column("task_run_id", String, unique=True),  # null: Prefect has not answered yet
    Column("at", Double, nullable=False),
    Column("begun_at", Double),
    Index("handed_over_begun", "begun_at"),
    sqlite_autoincrement=True,
)

# Pages that tasks of sessions have read, once an owner: gzipped JSON.
session_pages: Final = Table(
    "session_pages",
    metadata,
    Column("owner", String, primary_key=True),
    Column("page_hash", String, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("id", _number, primary_key=True, autoincrement=True),
    Column("task_number", _number, nullable=False),
    Column("owner", String, nullable=False),
    Column("task_id", String, nullable=False),
    Column("url", Text, nullable=False),
    Column("type", String, nullable=False),
    Column("notice", Text),  # what is told, and of when; null: it is made of the task
    Column("attempts", Integer, nullable=False),
    Column("next_at", Double),  # null: it was accepted, or is given up
    Column("accepted", Boolean, nullable=False, default=False),
    Index("deliveries_due", "next_at"),
)

attempts: Final = Table(
    "attempts",
    metadata,
    Column("id", _number, primary_key=True, autoincrement=True),
    Column("delivery_id", _number, nullable=False),
    Column("owner", String, nullable=False),
    Column("task_id", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("value", Text, nullable=False),
    Index("attempts_by_delivery", "delivery_id"),
    Index("attempts_by_task", "owner", "task_id"),
)

# A task on a schedule. `next_at` is what processes compare and set, so that one of them begins a run.
monitors: Final = Table(
    "monitors",
    metadata,
    Column("number", _number, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("status", String, nullable=False),
    Column("spec", Text, nullable=False),
    Column("baseline", String),  # the task that the next result is compared with
    Column("created_at", Double, nullable=False),
    Column("last_run_at", Double),
    Column("next_at", Double, nullable=False),
    UniqueConstraint("owner", "id"),
    Index("monitors_due", "status", "next_at"),
    sqlite_autoincrement=True,
)

# A run of a monitor, and what came of it: its event. It is open until `outcome` is set, which happens once.
monitor_runs: Final = Table(
    "monitor_runs",
    metadata,
    Column("number", _number, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("monitor_number", _number, nullable=False),
    Column("owner", String, nullable=False),
    Column("submission", Text, nullable=False),
    Column("task_id", String),  # null: not submitted yet
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("outcome", String),
    Column("previous", String),  # the task that its result was compared with
    Column("fields", Text),
    Column("error", Text),
    UniqueConstraint("owner", "task_id"),
    Index("monitor_runs_by_monitor", "monitor_number", "number"),
    Index("monitor_runs_open", "outcome"),
    sqlite_autoincrement=True,
)
