"""A page that the corpus holds is read from there, and only others are asked of the web."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from research.errors import PageUnreadable
from research.pages.routing import CorpusThenWeb
from research.search.local import LocalCorpus
from research.testing import WebServer
from tests.web.web_opened import opened


async def test_the_corpus_goes_before_the_web_and_both_are_guarded(tmp_path: Path) -> None:
    with WebServer({"/held": "<h1>Of the web</h1>", "/other": "<h1>Of the web</h1>"}) as server:
        held, other = f"{server.url}/held", f"{server.url}/other"
        pq.write_table(pa.table({"url": [held], "text": ["Of the corpus"]}), tmp_path / "c.parquet")
        corpus = LocalCorpus.open(tmp_path / "c.parquet", tmp_path / "index")
        async with opened(tmp_path) as web:
            both = CorpusThenWeb(corpus, web)
            page = await both.fetch(held)
            assert page.text == "Of the corpus"
            assert "Of the web" in (await both.fetch(other)).text
            assert {request.path for request in server.requests} <= {"/other", "/robots.txt"}
            assert both.recall(page.page_hash).url == held
            with pytest.raises(PageUnreadable):
                both.recall("0" * 64)
            assert both.refusal(held) is None
            assert "private" in (both.refusal("http://10.0.0.1/") or "")
