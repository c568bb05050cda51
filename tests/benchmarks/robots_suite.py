"""Google's own assertions about robots.txt, held against our reading of it.

    python tests/benchmarks/robots_suite.py --eval FOLDER

Prints how many pass, and every exception with its reason. Ends with 1 if one fails that is not known.
"""

from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path
from typing import Any, Final

from research.web.robots import RobotsRules

EXCEPTIONS: Final = {
    (
        "/foo/bar/\u30c4",
        "http://foo.bar/foo/bar/\u30c4",
    ): "protego compares percent-encoded and plain octets as equal, as RFC 9309 "
    "section 2.2.2 asks; Google's matcher expects an encoded URL and matches nothing otherwise (ours are always encoded)",
    ("/foo/bar/%E3%83%84", "http://foo.bar/foo/bar/\u30c4"): "the same: the URL is given unencoded",
    (
        "/foo/bar/%62%61%7A",
        "http://foo.bar/foo/bar/baz",
    ): "protego decodes unreserved characters before it compares, as the table of "
    "RFC 9309 section 2.2.2 asks; Google's matcher does not",
}
"""(last rule of the file, URL) -> why protego says otherwise."""


def text_of(vector: dict[str, Any]) -> str:
    if vector["robots_txt"] is not None:
        return str(vector["robots_txt"])
    return base64.b64decode(vector["robots_txt_b64"]).decode("utf-8", "replace")


def known(vector: dict[str, Any]) -> str | None:
    rule = text_of(vector).strip().rsplit(": ", 1)[-1]
    return EXCEPTIONS.get((rule, vector["url"])) if vector["test"] == "ID_Encoding" else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True, help="the folder that holds robots/google_robotstxt_vectors.jsonl")
    file = parser.parse_args().eval / "robots" / "google_robotstxt_vectors.jsonl"
    vectors = [json.loads(line) for line in file.read_text().splitlines()]
    failed = [
        each for each in vectors if RobotsRules(text_of(each), each["user_agent"]).allows(each["url"]) is not each["allowed"]
    ]
    excepted = [each for each in failed if known(each)]
    unknown = [each for each in failed if not known(each)]
    print(f"{len(vectors)} assertions: {len(vectors) - len(failed)} pass, {len(excepted)} are exceptions, {len(unknown)} fail")
    for each in excepted:
        print(f"  exception {each['test']} {each['url']}: {known(each)}")
    for each in unknown:
        print(f"  FAILED {json.dumps(each, ensure_ascii=False)}")
    return 1 if unknown else 0


if __name__ == "__main__":
    raise SystemExit(main())
