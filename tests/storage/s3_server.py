"""Object storage for tests: one moto server on loopback for a module, and made-up keys."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import obstore
import pytest
from obstore.store import S3Store

KEY_ID, SECRET = "AKIAMADEUP0KEY", "made-up-secret-for-tests"


@dataclass
class ObjectStorage:
    """An S3 server on loopback."""

    endpoint: str

    def bucket(self) -> str:
        """A new bucket, by a name that no other server of this process knows: those of moto share their buckets."""
        name = f"bucket-{uuid.uuid4().hex}"
        httpx.put(f"{self.endpoint}/{name}").raise_for_status()
        return name

    def put(self, bucket: str, key: str, data: bytes) -> None:
        obstore.put(self.store(bucket), key, data)

    def put_folder(self, bucket: str, prefix: str, folder: Path) -> None:
        for file in folder.rglob("*"):
            if file.is_file():
                self.put(bucket, f"{prefix}/{file.relative_to(folder).as_posix()}", file.read_bytes())

    def get(self, bucket: str, key: str) -> bytes:
        return bytes(obstore.get(self.store(bucket), key).bytes())

    def keys(self, bucket: str) -> set[str]:
        return {entry["path"] for page in obstore.list(self.store(bucket)) for entry in page}

    def store(self, bucket: str) -> S3Store:
        return S3Store(bucket, client_options={"allow_http": True})


@contextmanager
def object_storage() -> Iterator[ObjectStorage]:
    """A server, which this process and those that it starts take for S3."""
    from moto.server import ThreadedMotoServer  # a third of a second, which every test process would spend at collection

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    storage = ObjectStorage(f"http://{host}:{port}")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "AWS_ENDPOINT_URL": storage.endpoint,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            environment.setenv(name, value)
        yield storage
    server.stop()


@pytest.fixture(scope="module")
def s3() -> Iterator[ObjectStorage]:
    with object_storage() as storage:
        yield storage
