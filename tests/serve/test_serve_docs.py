"""The requests that docs/dialects.md shows are accepted as they stand."""

from __future__ import annotations

import json

import pytest

from tests.docs.docs_blocks import Block, blocks_in
from tests.serve.conftest import Served


@pytest.mark.parametrize("block", blocks_in("http"), ids=lambda block: block.place)
def test_a_request_of_the_docs_is_accepted(served: Served, block: Block) -> None:
    line, body = block.code.split("\n\n", 1)
    method, path = line.split()
    with served.client() as client, client.stream(method, path, json=json.loads(body)) as answer:
        assert answer.is_success, answer.read()
