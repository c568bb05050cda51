"""Runs the JSON-Schema-Test-Suite through the reader of output schemas and the validator that answers are checked with.

    python tests/benchmarks/json_schema_suite.py --eval FOLDER [--draft draft2020-12] [--list]

FOLDER holds `json_schema_test_suite/tests.jsonl.gz`, one case a line: draft, file, optional, group, test, schema, data, valid.
A schema of another draft says which one it is of, and is read as 2020-12.
Exit code 1 if a case fails that is not excepted by name and reason, if an exception of 2020-12 no longer happens, or if
following a schema's `$ref`s changes what it means.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from research.output_schema.dialects import translated
from research.output_schema.json_schema import document_faults, expand
from research.output_schema.validation import json_faults, validator

NEWEST = "draft2020-12"
ADDRESSES = {
    "draft3": "http://json-schema.org/draft-03/schema#",
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    NEWEST: "https://json-schema.org/draft/2020-12/schema",
}

# (start of the file's name, words of the case or of what happened) -> why it differs. The first match counts.
EXCEPTIONS: list[tuple[str, str, str]] = [
    (
        "",
        "and nothing is fetched",
        "a `$ref` that leads out of the document is refused: nothing is fetched, not even the metaschema",
    ),
    ("format.json", "is only an annotation by default", "formats are always checked: a wrong date must not reach a date column"),
    ("", "is not supported: write the schema in", "schemas of a custom metaschema are refused by name"),
    ("optional/refOfUnknownKeyword.json", "does not lead to a schema", "a `$ref` must lead to where a schema stands"),
    (
        "optional/dependencies-compatibility.json",
        "says valid",
        "`dependencies` is no keyword of 2020-12; from older drafts it is refused",
    ),
    ("optional/format/hostname.json", "says valid", "jsonschema's `hostname` (fqdn) does not look inside punycode labels"),
    (
        "optional/format/idn-hostname.json",
        "says valid",
        "jsonschema's `idn-hostname` (idna) lets a trailing dot and one Bidi rule pass",
    ),
    ("optional/format/iri", "IPv", "as for `uri`: rfc3986-validator does not judge every IP literal right"),
    ("optional/format/uri", "IPv", "jsonschema's `uri` (rfc3986-validator) lets a leading zero in an IPv4 part pass"),
    ("optional/format/uri-template.json", "", "jsonschema's `uri-template` checks less than RFC 6570 asks"),
    ("optional/format/relative-json-pointer.json", "", "jsonschema's own `relative-json-pointer`: digits of the prefix"),
]
EXCEPTIONS_OF_OLDER_DRAFTS: list[tuple[str, str, str]] = [
    ("", "recursive schemas cannot become columns", "`$recursiveRef` is refused: a column cannot hold what contains itself"),
    ("optional/zeroTerminatedFloats.json", "", "1.0 is a whole number since draft-06, and here in every draft"),
    ("optional/content.json", "", "`contentMediaType` and `contentEncoding` are annotations, as since 2019-09"),
    ("optional/format/color.json", "", "`color` is a format of draft-03 only, and is not checked"),
    ("optional/format/time.json", "", "draft-03's `time` has no zone, and is not checked"),
]


def excepted(case: dict[str, Any], name: str) -> str | None:
    """The reason why a case may differ; None if it must pass."""
    known = EXCEPTIONS if case["draft"] == NEWEST else EXCEPTIONS + EXCEPTIONS_OF_OLDER_DRAFTS
    return next((why for file, words, why in known if case["file"].startswith(file) and words in name), None)


def cases(path: Path, draft: str) -> Iterator[dict[str, Any]]:
    """The suite's cases of a draft, in order. Each schema says its draft, and is read as output schemas are."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for case in (case for case in map(json.loads, lines) if case["draft"] == draft):
            if isinstance(case["schema"], dict):
                case["schema"].setdefault("$schema", ADDRESSES[draft])
            case["read"] = translated(case["schema"])
            yield case


def outcome(case: dict[str, Any]) -> str:
    """`right`, or how the project differs from the suite."""
    faults = json_faults(case["schema"]) or [*case["read"].faults, *document_faults(case["read"].schema)]
    if faults:
        return f"schema refused: {faults[0]}"
    if json_faults(case["data"]):
        return f"data refused: {json_faults(case['data'])[0]}"
    valid = validator(case["read"].schema).is_valid(case["data"])
    return "right" if valid == case["valid"] else f"says {'valid' if valid else 'invalid'}"


def expansion(case: dict[str, Any]) -> str:
    """Whether the schema with every `$ref` followed judges the same as the schema; or why it cannot be followed."""
    schema = case["read"].schema
    if not isinstance(schema, dict) or case["read"].faults or document_faults(schema):
        return "not tried"
    expanded, faults = expand(schema)
    if faults:
        return "recursive" if "recursive" in faults[0].message else "with $dynamicRef"
    alike = validator(schema).is_valid(case["data"]) == validator(expanded).is_valid(case["data"])
    return "alike" if alike else "different"


def main() -> int:
    """Prints the figures; 0 if nothing is unexplained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True, help="folder of the evaluation data")
    parser.add_argument("--draft", default=NEWEST, choices=list(ADDRESSES))
    parser.add_argument("--list", action="store_true", help="print every excepted case")
    options = parser.parse_args()

    total = passed = 0
    reasons: dict[str, list[str]] = defaultdict(list)
    failed: list[str] = []
    expansions: Counter[str] = Counter()
    for case in cases(options.eval / "json_schema_test_suite" / "tests.jsonl.gz", options.draft):
        total += 1
        expansions[expansion(case)] += 1
        result = outcome(case)
        name = f"{case['file']} · {case['group']} · {case['test']}: {result}"
        if result == "right":
            passed += 1
        elif reason := excepted(case, name):
            reasons[reason].append(name)
        else:
            failed.append(name)
    excepted_count = sum(map(len, reasons.values()))
    write = sys.stdout.write
    write(f"{total} cases of {options.draft}: {passed} passed, {len(failed)} failed, {excepted_count} excepted\n")
    for reason, names in sorted(reasons.items(), key=lambda item: -len(item[1])):
        write(f"  excepted {len(names):4}  {reason}\n")
        write("".join(f"                 {name}\n" for name in names) if options.list else "")
    write("".join(f"  FAILED  {name}\n" for name in failed))
    unused = [f"{file} · {words}" for file, words, why in EXCEPTIONS if options.draft == NEWEST and why not in reasons]
    write("".join(f"  NOT NEEDED  exception {name}\n" for name in unused))
    write(f"with every $ref followed: {dict(expansions)}\n")
    return 1 if failed or unused or expansions["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
