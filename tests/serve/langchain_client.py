"""What `langchain-parallel` can do, done once against a service: run by `test_serve_langchain.py` in a venv of its own, whose
packages are pinned in `langchain_client.txt`. Prints what came back as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from langchain_parallel import (  # type: ignore[import-not-found]
    ChatParallel,
    ParallelDeepResearch,
    ParallelEnrichment,
    ParallelExtractTool,
    ParallelSearchRetriever,
    ParallelTaskGroup,
    ParallelTaskRunTool,
    ParallelWebSearchTool,
    parse_basis,
)
from pydantic import BaseModel, Field

QUESTION = "When was the Bell Rock Lighthouse first lit?"
PAGE = "corpus://corpus/bell-rock.md"


class Lighthouse(BaseModel):
    lighthouse: str = Field(description="Name of a lighthouse")


class Facts(BaseModel):
    builder: str = Field(description="Who built it")


def main(url: str, key: str) -> dict[str, Any]:
    at: dict[str, Any] = {"base_url": url, "api_key": key}
    chat = ChatParallel(model="base", **at)
    message = chat.invoke([("system", "Answer briefly."), ("human", QUESTION)])
    streamed = "".join(str(piece.content) for piece in ChatParallel(**at).stream(QUESTION))
    structured = chat.with_structured_output(Facts).invoke("Who built the Bell Rock Lighthouse?")
    search = ParallelWebSearchTool(**at).invoke(
        {"search_queries": ["Bell Rock Lighthouse"], "objective": QUESTION, "max_results": 1}
    )
    documents = ParallelSearchRetriever(max_results=1, **at).invoke("Bell Rock Lighthouse")
    extract = ParallelExtractTool(**at).invoke({"urls": [PAGE, "corpus://corpus/none.md"], "full_content": True})
    run = ParallelTaskRunTool(task_output_schema=Facts, **at).invoke({"input": "Bell Rock Lighthouse"})
    deep = asyncio.run(ParallelDeepResearch(**at).ainvoke(QUESTION))
    again = ParallelDeepResearch(**at).invoke(QUESTION, previous_interaction_id=deep["interaction_id"])
    group = ParallelTaskGroup(**at).run([QUESTION, {"lighthouse": "Eddystone Lighthouse"}])
    enriched = ParallelEnrichment(input_schema=Lighthouse, output_schema=Facts, **at).invoke(
        [Lighthouse(lighthouse="Bell Rock Lighthouse"), {"lighthouse": "Eddystone Lighthouse"}]
    )
    return {
        "chat": [message.content, message.response_metadata["basis"][0]["citations"][0]["url"]],
        "streamed": streamed,
        "structured": structured.model_dump(),
        "search": [result["url"] for result in search["results"]],
        "documents": [document.metadata["url"] for document in documents],
        "extract": [item.get("error_type") or item["content"][:22] for item in extract],
        "run": run["output"]["content"],
        "deep": [deep["output"]["content"], sorted(parse_basis(deep)["citations_by_field"])],
        "again": again["output"]["content"],
        "group": [result["run"]["status"] for result in group],
        "enriched": [result["output"]["content"] for result in enriched],
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
