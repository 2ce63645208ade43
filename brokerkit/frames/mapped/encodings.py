"""Bytes of a file as text."""

from __future__ import annotations

import re

from brokerkit.core.vocabulary.errors import ConfigError

ENCODINGS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
OTHER_FILES = (
    (b"PK\x03\x04", "a zip or Excel file: unpack it, save it as CSV, or give the frame of pandas.read_excel"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file: save it as CSV, or give the frame of pandas.read_excel"),
    (b"\x1f\x8b", "compressed with gzip: unpack it first"),
    (b"BZh", "compressed with bzip2: unpack it first"),
    (b"\xfd7zXZ\x00", "compressed with xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first"),
)
"""How files begin that are no text, and what to do."""
BROKEN = re.compile("[\udc80-\udcff]")
"""What stands for a byte that is no UTF-8."""
_NOT_ASCII = re.compile("[^\\x00-\\x7f]")


def decoded(data: bytes, encoding: str | None) -> tuple[str, str]:
    """Return bytes as text, and the name of their encoding.

    UTF-8 with some bytes that are none is UTF-8: these bytes become lone surrogates.

    Raises:
        ConfigError: They are not text in this encoding.
    """
    if encoding is None:
        encoding = next((name for mark, name in ENCODINGS if data.startswith(mark)), "utf-8")
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError as error:
            if encoding == "utf-16":
                raise ConfigError(f"it is no text in UTF-16: {error}") from error
        text = data.decode(encoding, "surrogateescape")
        broken = len(BROKEN.findall(text))
        if encoding == "utf-8-sig" or broken < len(_NOT_ASCII.findall(text)) - broken:
            return text, encoding
        encoding = "cp1252"
    try:
        return data.decode(encoding), encoding
    except (UnicodeDecodeError, LookupError) as error:
        raise ConfigError(f"it is no text in {encoding}: {error}; encoding= names another one") from error


def refuse_other_files(data: bytes, encoding: str | None) -> None:
    """Raise ConfigError for what is known not to be text."""
    for mark, what in OTHER_FILES:
        if data.startswith(mark):
            raise ConfigError(f"it is {what}")
    begin = data[:1_000]
    if (
        encoding is None
        and not data.startswith((b"\xff\xfe", b"\xfe\xff"))
        and begin.count(0) * 5 > len(begin)
    ):
        raise ConfigError(
            "it has zero bytes, so that it is no text, or UTF-16 without a mark: "
            "encoding='utf-16-le' or 'utf-16-be' reads that"
        )
