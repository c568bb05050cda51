"""The vectors of the Standard Webhooks libraries, held against our signing and checking.

    python tests/benchmarks/webhook_vectors.py --eval FOLDER

Prints how many pass. Ends with 1 if one fails, with 2 if the vectors are not there.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from research.webhooks.signing import ID, SIGNATURE, TIMESTAMP, WebhookSecret, WrongSignature


def passes(vector: dict[str, Any]) -> bool:
    """Whether the vector is accepted or refused as it should be; one that is right and alone is what we would have signed."""
    secret, at = WebhookSecret(vector["secret"]), datetime.fromtimestamp(vector["timestamp"], UTC)
    headers = {ID: vector["msg_id"], TIMESTAMP: str(vector["timestamp"]), SIGNATURE: vector["signature"]}
    valid = vector["verify"] == "valid"
    try:
        secret.verify(vector["payload"], headers, now=at)
    except WrongSignature:
        return not valid
    is_alone = " " not in vector["signature"]
    return valid and (not is_alone or secret.headers(vector["msg_id"], at, vector["payload"]) == headers)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True, help="the folder that holds webhook_vectors/")
    file = parser.parse_args().eval / "webhook_vectors" / "standard_webhooks_vectors.jsonl"
    if not file.exists():
        print(f"{file} is not there")
        return 2
    vectors = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    failed = [vector for vector in vectors if not passes(vector)]
    print(f"{len(vectors)} vectors: {len(vectors) - len(failed)} pass, {len(failed)} fail")
    for vector in failed:
        print(f"  FAILED {json.dumps(vector, ensure_ascii=False)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
