"""Formats of one's own: functions that recognise and read them, declared here or by an installed package."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.registry.own import of_package

from ..decoded import ERROR_LENGTH
from .framing import NAMES
from .objects import object_text

GROUP = "brokerkit.codecs"
"""The entry points of installed packages: the name of the format, and its `Codec`."""

BUILT_IN = NAMES | {
    *("avro", "avro-container", "base64", "bytes", "cbor", "deflate", "gzip", "json", "lz4", "msgpack"),
    *("pair", "protobuf", "snappy", "text", "zlib", "zstd"),
}
_declared: dict[str, Codec] = {}


class Codec:
    """A format: how it is recognised, read, and written.

    Args:
        name: The word for it in the column `format`.
        evidence: Tells from the bytes of a payload whether it surely has this format.
        read: Returns what the payload holds, of which JSON text is made.

    Raises:
        ConfigError: The name cannot be used.
    """

    def __init__(self, name: str, evidence: Callable[[bytes], bool], read: Callable[[bytes], Any]) -> None:
        if not isinstance(name, str) or not name or not name.replace("-", "").isalnum():
            raise ConfigError(f"the name of a codec must be letters, digits and '-', not {name!r}")
        if name in BUILT_IN:
            raise ConfigError(f"{name!r} is a format of this package; give the codec another name")
        self.name = name
        self.evidence = evidence
        self.read = read
        self._write: Callable[[Any], bytes] | None = None

    def __call__(self, payload: bytes) -> Any:
        """Read one payload."""
        return self.read(payload)

    def __repr__(self) -> str:
        return f"Codec({self.name!r})"

    def writer(self, write: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
        """Declare the function that writes a value, which was edited as JSON, as a payload."""
        self._write = write
        return write

    def text(self, payload: bytes) -> str:
        """Return the JSON text of a payload. Raises ValueError, whatever the function raises."""
        try:
            return object_text(self.read(payload), _no_json)
        except Exception as error:  # every failure of the user's function belongs to its row
            raise ValueError(f"the codec raised {type(error).__name__}: {error}"[:ERROR_LENGTH]) from error

    def rewritten(self, value: Any) -> bytes:
        """Return the payload of a value. Raises ValueError if it cannot be written."""
        if self._write is None:
            raise ValueError(f"the codec {self.name!r} does not say how to write it: declare a writer")
        try:
            written = self._write(value)
        except Exception as error:
            raise ValueError(f"the codec raised {type(error).__name__}: {error}"[:ERROR_LENGTH]) from error
        if not isinstance(written, bytes):
            raise ValueError(f"the writer returned {type(written).__name__}, expected bytes")
        return written


def codec(name: str, *, evidence: Callable[[bytes], bool]) -> Callable[[Callable[[bytes], Any]], Codec]:
    r"""Declare a function that reads a format of one's own::

        @bk.codec("shop", evidence=lambda payload: payload.startswith(b"SHOP\x01"))
        def shop(payload):
            return {"id": int.from_bytes(payload[5:], "big")}

    `decode="auto"` asks for it where a payload is neither text nor JSON, once compressions are removed.

    Args:
        name: The word for the format in the column `format`.
        evidence: Tells from the bytes of a payload whether it surely has this format.

    Returns:
        A decorator that turns the function into a `Codec`.

    Raises:
        ConfigError: The name is taken.
    """

    def declare(read: Callable[[bytes], Any]) -> Codec:
        made = Codec(name, evidence, read)
        before = _place_of(name, read)
        if before is not None and before != _place(read):
            raise ConfigError(f"the codec {name!r} is {before} already, and cannot be {_place(read)} as well")
        _declared[name] = made
        return made

    return declare


def own_codecs() -> dict[str, Codec]:
    """Return the codecs that were declared or installed, by name."""
    return {**_installed(), **_declared} if _installed() else _declared


def _place_of(name: str, read: Any) -> str | None:
    """Return where a codec of a name is defined; None if there is none but that of the same package.

    Entry points are not loaded for it: the package may be importing the module that declares the codec.
    """
    if name in _declared:
        return _place(_declared[name].read)
    for point in entry_points(group=GROUP):
        if point.name == name and not of_package(point, read):
            return str(point.value).replace(":", ".")
    return None


@functools.cache
def _installed() -> dict[str, Codec]:
    found: dict[str, Codec] = {}
    for point in entry_points(group=GROUP):
        if point.name in found:
            raise ConfigError(f"two installed packages have a codec {point.name!r}: uninstall one")
        found[point.name] = _loaded(point)
    return found


def _loaded(point: Any) -> Codec:
    """Return the codec of an entry point; one that cannot be loaded fails the payloads that it would see."""
    try:
        found = point.load()
        if isinstance(found, Codec) and found.name == point.name:
            return found
        reason = f"{point.value} is not a Codec of that name"
    except Exception as error:  # a package that is broken must not break what it is not asked for
        reason = f"{point.value} raised {type(error).__name__}: {error}"

    def refuse(payload: bytes) -> Any:
        raise ConfigError(f"the codec cannot be loaded: {reason}")

    return Codec(point.name, refuse, refuse)


def _place(read: Any) -> str:
    return f"{getattr(read, '__module__', '?')}.{getattr(read, '__qualname__', type(read).__name__)}"


def _no_json(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} cannot be shown as JSON")
