"""The page on reading the web tells the truth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from research.web.settings import WebLimits, WebSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "web.md").read_text()


def test_its_table_has_every_setting_with_its_default() -> None:
    rows = {row.split("|")[1].strip(" `"): row.split("|")[3].strip() for row in PAGE.splitlines() if row.startswith("| `")}
    assert set(rows) == {"WebSettings", *WebSettings.model_fields}
    for name in ("per_host", "host_delay_seconds", "max_crawl_delay_seconds", "at_once", "freshness_seconds", "retry_seconds"):
        assert float(rows[name]) == WebSettings.model_fields[name].default
    assert float(rows["remember_failures_seconds"]) == WebSettings().remember_failures_seconds
    assert float(rows["cache_bytes"].removesuffix(" GB")) * 1e9 == WebSettings().cache_bytes


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (r"connection, TLS included \| (\d+) s", WebLimits().connect_seconds),
        (r"until the headers are there \| (\d+) s", WebLimits().first_byte_seconds),
        (r"silence in the middle \| (\d+) s", WebLimits().idle_seconds),
        (r"not counted\) \| (\d+) s", WebLimits().total_seconds),
        (r"no less than (\d+) bytes", WebLimits().pace_bytes_per_second),
        (r"a body as sent \| (\d+) MB", WebLimits().max_bytes / 1e6),
        (r"gzip or deflate \| (\d+) MB", WebLimits().max_decoded_bytes / 1e6),
        (r"and (\d+) times what was sent", WebLimits().max_ratio),
        (r"the first (\d+) MB", WebLimits().max_html_bytes / 1e6),
        (r"among them \| (\d+) \|", WebLimits().max_redirects),
    ],
)
def test_its_limits_are_the_ones_that_hold(words: str, value: float) -> None:
    found = re.search(words, PAGE)
    assert found is not None
    assert float(found.group(1)) == value
