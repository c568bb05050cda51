"""Bodies are decoded in bounded steps."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.errors import FetchFailed, PageUnreadable
from research.web.body import INNOCENT, STEP, Decoder
from research.web.settings import WebLimits

URL = "https://example.com/"


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def decoded(data: bytes, encoding: str | None, limits: WebLimits | None = None, size: int = 1000) -> bytes:
    decoder = Decoder(encoding, URL, limits or WebLimits())
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    pieces = [piece for part in parts for piece in decoder.feed(part)]
    decoder.finish()
    return b"".join(pieces)


ENCODINGS = {
    None: lambda data: data,
    "identity": lambda data: data,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
}


@given(
    st.binary(max_size=3000).flatmap(lambda unit: st.integers(0, 60).map(lambda times: unit * times)),
    st.sampled_from(list(ENCODINGS)),
    st.integers(1, 5000),
)
def test_a_body_comes_back_as_it_was_however_it_is_cut_on_the_way(data: bytes, encoding: str | None, size: int) -> None:
    assert decoded(ENCODINGS[encoding](data), encoding, size=size) == data


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.integers(1, 50))
def test_gzip_may_have_several_members_and_zeros_behind_them(parts: list[bytes], size: int) -> None:
    assert decoded(b"".join(map(gzip.compress, parts)) + bytes(7), "gzip", size=size) == b"".join(parts)


@given(st.binary(min_size=50, max_size=3000), st.data())
def test_a_body_that_is_cut_is_told_from_a_whole_one(data: bytes, draw: st.DataObject) -> None:
    packed = gzip.compress(data)
    with pytest.raises(FetchFailed, match="ended in the middle of its gzip"):
        decoded(packed[: draw.draw(st.integers(1, len(packed) - 1))], "gzip")


def test_no_step_expands_further_than_it_may_and_a_bomb_is_given_up_early() -> None:
    bomb = gzip.compress(bytes(200_000_000))
    decoder = Decoder("gzip", URL, WebLimits(max_ratio=100))
    sizes: list[int] = []
    with pytest.raises(PageUnreadable, match="decompression bomb"):
        sizes.extend(len(piece) for piece in decoder.feed(bomb[:1000]))
    assert max(sizes) <= STEP
    assert sum(sizes) <= INNOCENT + STEP


def test_a_body_of_blanks_that_is_small_is_no_bomb() -> None:
    assert decoded(gzip.compress(bytes(900_000)), "gzip") == bytes(900_000)


def test_a_body_that_decodes_to_too_much_is_refused_whatever_its_ratio() -> None:
    with pytest.raises(PageUnreadable, match=r"more than 0\.1 MB"):
        decoded(bytes(range(256)) * 1000, None, WebLimits(max_decoded_bytes=100_000))


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "br, gzip"])
def test_an_encoding_that_was_not_asked_for_is_named(encoding: str) -> None:
    with pytest.raises(PageUnreadable, match=f"encoded as '{encoding}'"):
        Decoder(encoding, URL, WebLimits())


def test_a_body_that_is_not_what_its_header_says_is_unreadable() -> None:
    with pytest.raises(PageUnreadable, match="the body is not gzip"):
        decoded(b"<h1>plain</h1>", "gzip")


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "deflate"]))
def test_any_bytes_end_in_a_body_or_a_typed_error(data: bytes, encoding: str) -> None:
    try:
        decoded(data, encoding, size=97)
    except (FetchFailed, PageUnreadable):
        return
