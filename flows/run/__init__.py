"""A table's run, without Prefect: request, rows, shards, reuse, pilot, escalation, batches, estimate, events."""
