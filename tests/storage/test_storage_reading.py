"""Input tables and corpora by URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.run.environment import read_environment
from research.errors import InvalidCorpus, InvalidInput, InvalidTable
from research.search.local import LocalCorpus
from research.tables.inputs.read import json_rows, open_table
from tests.storage.s3_server import ObjectStorage


def rows_of(source: str) -> list[dict[str, object]]:
    return [row for batch in open_table(source).batches(10) for row in json_rows(batch)]


def test_a_table_on_object_storage_is_read_like_one_on_disk(s3: ObjectStorage, tmp_path: Path) -> None:
    file, bucket = tmp_path / "missions.csv", s3.bucket()
    file.write_text("mission,year\nVoyager 1,1977\n")
    s3.put(bucket, "tables/missions.csv", file.read_bytes())
    url = f"s3://{bucket}/tables/missions.csv"
    assert rows_of(url) == rows_of(str(file)) == [{"mission": "Voyager 1", "year": 1977}]
    assert open_table(url).fingerprint == open_table(file).fingerprint


async def test_a_corpus_on_object_storage_is_the_corpus_on_disk(s3: ObjectStorage, tmp_path: Path) -> None:
    """Same documents, same name, same identity; a second opening reads only what was changed, and forgets what is gone."""
    corpus, bucket, index = tmp_path / "corpus", s3.bucket(), tmp_path / "index"
    (corpus / "deep").mkdir(parents=True)
    (corpus / "voyager.md").write_text("# Voyager\n\nVoyager 1 was launched in 1977.")
    (corpus / "deep" / "cassini.md").write_text("# Cassini\n\nCassini was launched in 1997.")
    (corpus / "photo.raw").write_bytes(b"not a document")
    s3.put_folder(bucket, "corpus", corpus)
    url = f"s3://{bucket}/corpus"
    there, here = LocalCorpus.open(url, index), LocalCorpus.open(corpus, index)
    assert there.identity == here.identity
    assert (await there.fetch("corpus://corpus/deep/cassini.md")).text == (
        await here.fetch("corpus://corpus/deep/cassini.md")
    ).text
    copied = {path: path.stat().st_ino for path in index.rglob("copies/*/corpus/**/*.md")}
    assert len(copied) == 2
    s3.put(bucket, "corpus/voyager.md", b"# Voyager\n\nVoyager 1 left the heliosphere in 2012.")
    assert LocalCorpus.open(url, index).identity != here.identity
    again = {path: path.stat().st_ino for path in index.rglob("copies/*/corpus/**/*.md")}
    assert [path.name for path in copied if copied[path] != again[path]] == ["voyager.md"]


def test_one_file_of_documents_on_object_storage_is_a_corpus(s3: ObjectStorage, tmp_path: Path) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "documents.jsonl", b'{"url": "https://nasa.example/", "text": "Voyager 1 was launched in 1977."}\n')
    assert LocalCorpus.open(f"s3://{bucket}/documents.jsonl", tmp_path).document_count == 1


@pytest.mark.parametrize("place", ["nothing-here", "{bucket}/nothing.csv"])
def test_what_is_not_there_is_one_sentence(s3: ObjectStorage, tmp_path: Path, place: str) -> None:
    url = f"s3://{place.format(bucket=s3.bucket())}"
    with pytest.raises(InvalidTable, match=url) as table:
        open_table(url)
    with pytest.raises(InvalidCorpus, match=f"corpus {url}") as corpus:
        LocalCorpus.open(url, tmp_path)
    assert "\n" not in f"{table.value}{corpus.value}"


def test_an_endpoint_that_does_not_answer_is_one_sentence(
    s3: ObjectStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(InvalidCorpus, match="corpus s3://bucket/corpus: cannot be read"):
        LocalCorpus.open("s3://bucket/corpus", tmp_path)


def test_a_url_with_a_secret_is_refused_without_showing_it(tmp_path: Path) -> None:
    url = "s3://AKIAMADEUP:hidden-secret@bucket/table.csv"
    with pytest.raises(InvalidTable, match="AWS_SECRET_ACCESS_KEY") as table:
        open_table(url)
    with pytest.raises(InvalidCorpus, match="AWS_SECRET_ACCESS_KEY") as corpus:
        LocalCorpus.open(url, tmp_path)
    assert "hidden" not in f"{table.value}{corpus.value}"


def test_caches_are_on_this_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESEARCH_CACHE_DIR", "s3://bucket/cache")
    with pytest.raises(InvalidInput) as refused:
        read_environment()
    (fault,) = refused.value.faults
    assert "RESEARCH_CACHE_DIR" in str(refused.value)
    assert "must be on this disk" in fault.message
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("RESEARCH_CACHE_DIR", "~/cache")
    assert str(read_environment().cache_dir) == "/home/ada/cache"
