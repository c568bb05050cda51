"""Every test here has the S3 server at hand."""

from tests.storage.s3_server import s3

__all__ = ["s3"]
