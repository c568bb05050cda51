"""Concludes a task: from the draft and the work behind it to the parts of a Result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from research.errors import InvalidAnswer
from research.evidence.grounding import Cited, Evidence, answers_of, ground
from research.output_schema.output_spec import Field, OutputSpec
from research.ports.work import Draft, Investigated, Verdict
from research.result.agreement import with_agreement
from research.result.citation_numbers import resolved, without_citations
from research.result.result import Conclusion, FieldBasis, FieldWarning, Finding, Source, SourceQuality, as_text, lowest
from research.sources.source_quality import age_days, domain_of


def conclude(
    spec: OutputSpec, draft: Draft, work: Sequence[Investigated], verdicts: Sequence[Verdict] = (), about: str = ""
) -> Conclusion:
    """Judge the evidence of every field and gather what was read.

    Args:
        spec: the output schema.
        draft: the answer.
        work: every sub-query that was done.
        verdicts: a model's judgement of evidence that code could not judge.
        about: what the task is about, in words.

    Raises:
        InvalidAnswer: the draft's values break the schema (its author was shown the faults, and did not mend them).
    """
    evidence = Evidence(passages_by_id(work), verdicts, about)
    output: dict[str, Any] = {}
    basis: list[FieldBasis] = []
    field_warnings: list[FieldWarning] = []
    refuse_invalid(spec, draft)
    for field in spec.fields:
        grounded = ground(field, answers_of(field, spec, draft.answers), evidence)
        if grounded.value is not None and spec.check(_alone(spec, field, grounded.value)):
            field_warnings.append(_warning(field, "what its evidence supports does not fit the schema, so it is null"))
            grounded = grounded._replace(value=None, basis=[FieldBasis(field=field.name, reasoning=grounded.basis[0].reasoning)])
        if any(e.support == "against" for part in grounded.basis for citation in part.citations for e in citation.excerpts):
            field_warnings.append(_warning(field, "sources disagree; its basis shows both sides"))
        output[field.name] = grounded.value
        basis += grounded.basis
    sources = with_agreement(gather_sources(work), basis, spec.names)
    warnings = [warning for done in work for warning in done.warnings]
    warnings += [warning.text for warning in field_warnings]
    warnings += [
        f"{source.url}: looks as if it tries to instruct a model (“{source.quality.suspected_injection}”)"
        for source in sources
        if source.quality is not None and source.quality.suspected_injection is not None
    ]
    numbers = source_numbers(sources, evidence.cited)
    report = None if draft.report is None else resolved(draft.report, numbers, [source.url for source in sources])
    if report is not None and report.dropped:
        warnings.append(f"the report named sources that do not exist, which were taken out: {', '.join(report.dropped[:10])}")
    return Conclusion(
        output=output["answer"] if spec.kind == "text" else output,
        basis=basis,
        answer=without_citations(draft.summary) or as_text(output),
        report=None if report is None else report.text,
        findings=[_finding(spec, done, evidence, numbers) for done in work],
        sources=sources,
        warnings=warnings,
        field_warnings=field_warnings,
    )


def _warning(field: Field, text: str) -> FieldWarning:
    return FieldWarning(field=field.name, text=f"`{field.name}`: {text}")


def passages_by_id(work: Sequence[Investigated]) -> dict[str, Cited]:
    """Every passage that the work cites, with the page it was read on."""
    return {
        passage.id: Cited(passage, next(page for page in done.read if page.page_hash == passage.page_hash))
        for done in work
        for passage in done.passages
    }


def source_numbers(sources: Sequence[Source], cited: Mapping[str, Cited]) -> dict[str, int]:
    """The number of the source that each passage stands in."""
    of_page = {source.page_hash: source.index for source in reversed(sources) if source.page_hash is not None}
    return {name: of_page[found.page.page_hash] for name, found in cited.items() if found.page.page_hash in of_page}


def gather_sources(work: Sequence[Investigated]) -> list[Source]:
    """Every page of the work once: those that were read first, in order, then those that were only considered. Only the former
    have a quality, without the agreement that only a finished answer shows."""
    found: dict[str, Source] = {}

    def add(done: Investigated, url: str, title: str, **of_page: Any) -> None:
        if url not in found:
            place = {"index": len(found) + 1, "domain": urlsplit(url).netloc, "first_seen_subquery": done.subquery.question}
            found[url] = Source(url=url, title=title, **place, **of_page)

    for done in work:
        for page in done.read:
            quality = SourceQuality(
                domain=domain_of(page.url),
                kind=page.kind,
                age_days=age_days(page.published, page.fetched_at),
                suspected_injection=page.suspected_injection,
            )
            add(done, page.url, page.title, fetched=page.fetched_at, quality=quality, read=True, page_hash=page.page_hash)
    for done in work:
        for hit in done.considered:
            add(done, hit.url, hit.title, fetched=None)
    return list(found.values())


def refuse_invalid(spec: OutputSpec, draft: Draft) -> None:
    """See that a draft fits the schema.

    Raises:
        InvalidAnswer: the draft's values break the schema.
    """
    given = {answer.field: answer.value for answer in draft.answers}
    output = {field.name: given.get(field.name) for field in spec.fields}
    faults = (
        spec.check(output["answer"] if spec.kind == "text" else output) if any(v is not None for v in output.values()) else ()
    )
    if faults:
        raise InvalidAnswer("the model's answer breaks the output schema", faults)


def _alone(spec: OutputSpec, field: Field, value: Any) -> Any:
    """An answer that holds one field only."""
    return value if spec.kind == "text" else {f.name: value if f.name == field.name else None for f in spec.fields}


def _finding(spec: OutputSpec, done: Investigated, evidence: Evidence, numbers: Mapping[str, int]) -> Finding:
    fields = {field.name: field for field in spec.fields}
    grounded = [
        ground(fields[name], answers_of(fields[name], spec, done.answers), evidence)
        for name in done.subquery.fields
        if name in fields
    ]
    basis = [entry for one in grounded for entry in one.basis]
    return Finding(
        subquery=done.subquery.question,
        answer=resolved(done.summary, numbers).text
        or as_text({name: one.value for name, one in zip(done.subquery.fields, grounded, strict=True)}),
        citations=[citation for entry in basis for citation in entry.citations],
        confidence=lowest([entry.confidence for entry in basis]),
        evidence=" ".join(dict.fromkeys(entry.reasoning for entry in basis if entry.reasoning)),
    )
