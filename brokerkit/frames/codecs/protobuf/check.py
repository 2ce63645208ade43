"""One payload as the reference library reads it."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..extras import extra
from .required import missing_fields


class Checked(NamedTuple):
    """What the reference library says of a payload.

    Attributes:
        canonical: The message written again, without what the schema does not have.
        unknown: Whether it has fields or enum numbers that the schema does not have.
        missing: The paths of required fields that have no value.
        again: Whether the message is to be read again in its canonical form.
        error: Why it is refused.
    """

    canonical: bytes = b""
    unknown: bool = False
    missing: tuple[str, ...] = ()
    again: bool = True
    error: str | None = None

    @property
    def complete(self) -> bool:
        """Whether it is a message with all its required fields."""
        return self.error is None and not self.missing


class Checker:
    """A check of single payloads.

    Args:
        descriptor: The descriptor of the message.
        plain: The class that reads what the columnar library writes.
    """

    def __init__(self, descriptor: Any, plain: Any) -> None:
        factory = extra("google.protobuf.message_factory", "protobuf", "Protobuf")
        self._refused: type[Exception] = extra("google.protobuf.message", "protobuf", "Protobuf").DecodeError
        self._class = factory.GetMessageClass(descriptor)
        self._plain = plain

    def check(self, data: bytes, written: bytes | None = None) -> Checked:
        """Check a payload.

        Args:
            written: What the columnar library wrote again after reading it.
        """
        try:
            message = self._class.FromString(data)
        except self._refused as error:
            return Checked(error=str(error).rpartition(": ")[2])
        if not message.IsInitialized():
            return Checked(missing=missing_fields(message))
        size = message.ByteSize()
        message.DiscardUnknownFields()
        canonical = message.SerializePartialToString(deterministic=True)
        again = written is None or not (written == canonical or self.same(canonical, written))
        return Checked(canonical, len(canonical) != size, (), again)

    def goes_on(self, data: bytes, written: bytes) -> bool:
        """Return whether a payload is what was written and then only fields that the schema does not have."""
        if not data.startswith(written):
            return False
        try:
            return not self._plain.FromString(data[len(written) :]).ListFields()
        except self._refused:
            return False

    def same(self, one: bytes, other: bytes) -> bool:
        """Return whether two payloads hold the same values."""
        if one == other:
            return True
        first, second = (self._plain.FromString(data) for data in (one, other))
        return bool(
            first.SerializePartialToString(deterministic=True)
            == second.SerializePartialToString(deterministic=True)
        )
