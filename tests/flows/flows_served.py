"""Run by the schedule test in a process of its own: offers the flow on a schedule, and runs what the server schedules.

python flows_served.py SECONDS PARAMETERS
"""

from __future__ import annotations

import json
import sys

from prefect import serve

from flows.enrichment import enrich


def main(seconds: str, parameters: str) -> None:
    # Not `enrich.serve`: why is in docs/prefect.md.
    serve(enrich.to_deployment("scheduled", interval=float(seconds), parameters=json.loads(parameters)), limit=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
