"""Everything Prefect, and what a person types.

done = await flows.enrich("missions.csv", output_schema="mission.json", objective="Facts about {mission}", corpus="pages/")
"""

from flows.api import enrich
from flows.enrich import Enrichment
from flows.events import Event, RowFinished, RunFinished, RunStarted, ShardCommitted

__all__ = ["Enrichment", "Event", "RowFinished", "RunFinished", "RunStarted", "ShardCommitted", "enrich"]
