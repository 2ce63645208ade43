"""Compressed payloads, compared with what the libraries of each format write."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable

import cramjam
import lz4.frame
import pytest
import zstandard

from brokerkit.frames.codecs.compression import NAMES, TooLong, compress, decompress, recognised
from brokerkit.frames.codecs.extras import MissingExtra

TEXT = b'{"order": 7, "price": "12.50"}' * 50
MEGABYTE = 2**20


def raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(data) + deflater.flush()


def zstd_without_size(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


WRITERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("zlib", zlib.compress),
    ("deflate", raw_deflate),
    ("zstd", zstandard.ZstdCompressor().compress),
    ("zstd", zstd_without_size),
    ("lz4", lz4.frame.compress),
    ("snappy", lambda data: bytes(cramjam.snappy.compress(data))),
    ("snappy-block", lambda data: bytes(cramjam.snappy.compress_raw(data))),
]
IDS = [f"{name}-{number}" for number, (name, _) in enumerate(WRITERS)]


@pytest.mark.parametrize(("name", "write"), WRITERS, ids=IDS)
@pytest.mark.parametrize("data", [TEXT, b"x", bytes(200_000)], ids=["text", "one byte", "long"])
def test_a_payload_is_decompressed_to_its_bytes(
    name: str, write: Callable[[bytes], bytes], data: bytes
) -> None:
    assert decompress(name, write(data)) == data


@pytest.mark.parametrize(("name", "write"), WRITERS, ids=IDS)
def test_a_payload_that_grows_beyond_the_cap_is_refused_before_it_is_in_memory(
    name: str, write: Callable[[bytes], bytes]
) -> None:
    payload = write(bytes(MEGABYTE))
    assert len(decompress(name, payload, MEGABYTE)) == MEGABYTE
    with pytest.raises(TooLong, match="more than 1,048,575 bytes"):
        decompress(name, payload, MEGABYTE - 1)


@pytest.mark.parametrize(("name", "write"), WRITERS, ids=IDS)
def test_a_payload_that_is_cut_off_is_refused(name: str, write: Callable[[bytes], bytes]) -> None:
    payload = write(TEXT)
    # the framed format has no end: its header alone is an empty payload
    whole = {10} if name == "snappy" else set()
    for length in set(range(1, len(payload))) - whole:
        with pytest.raises(ValueError, match=r"\w"):
            decompress(name, payload[:length])


@pytest.mark.parametrize(("name", "write"), WRITERS, ids=IDS)
def test_bytes_behind_the_end_are_refused(name: str, write: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decompress(name, write(TEXT) + b"\x07more bytes")


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_several_members_are_one_payload(name: str) -> None:
    write = dict(WRITERS)[name]
    assert decompress(name, write(b"one, ") + write(b"two")) == b"one, two"


@pytest.mark.parametrize(("name", "write"), WRITERS, ids=IDS)
def test_a_compression_is_recognised_by_its_first_bytes(name: str, write: Callable[[bytes], bytes]) -> None:
    expected = None if name in ("deflate", "snappy-block") else name
    assert recognised(write(TEXT)) == expected


@pytest.mark.parametrize("payload", [b"", b"\x1f", b"{}", b"PK\x03\x04", b"xylophone", bytes(20)])
def test_other_payloads_are_not_recognised(payload: bytes) -> None:
    assert recognised(payload) is None


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("zstd", "zstandard", "compression"),
        ("lz4", "lz4", "compression"),
        ("snappy", "cramjam", "compression"),
    ],
)
def test_a_missing_library_is_named_with_the_line_that_installs_it(
    name: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = dict(WRITERS)[name](TEXT)
    for loaded in [each for each in sys.modules if each.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr(sys, "meta_path", [_Without(module), *sys.meta_path])
    with pytest.raises(MissingExtra, match=rf'pip install "brokerkit-notebook\[{extra}\]"'):
        decompress(name, payload)


class _Without:
    """An environment without a module."""

    def __init__(self, module: str) -> None:
        self._module = module

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == self._module:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_every_name_has_a_test() -> None:
    assert {name for name, _ in WRITERS} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_compressed_is_decompressed_to_the_same_bytes(name: str) -> None:
    for data in (b"", TEXT, bytes(100_000)):
        assert decompress(name, compress(name, data)) == data
    assert compress(name, TEXT) == compress(name, TEXT)
