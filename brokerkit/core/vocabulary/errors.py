"""The one tree of errors that every backend raises.

    BrokerError
    ├── ConfigError        what was asked makes no sense (also a ValueError)
    │   └── InUse          another process or thread writes the same folder or file
    ├── NotFound           the topic, subscription or stream is not there
    ├── AlreadyExists      it is there already, and is different from what was asked for
    ├── NotSupported       this system cannot do it; the text names the nearest thing that works
    ├── Unauthorized       the broker refused who we are or what we may do
    ├── Unavailable        the broker did not answer (retryable)
    ├── Closed             the consumer, publisher, browser or session was closed
    ├── Cancelled          a `Cancellation` was tripped while waiting
    ├── TooLarge           a message is above the broker's limit
    ├── DecodeError        a payload could not be decoded
    ├── StorageError       a local file could not be written: disk full, read-only (also an OSError)
    ├── PublishFailed      at least one message was not confirmed; `results` has every outcome
    └── AckFailed          an acknowledgement did not take effect, or was not confirmed
        ├── StaleAck       the partition was taken away, or given back by a nack, meanwhile
        └── LockLost       the lock or lease of the message had expired

A driver's own exception is always the ``__cause__``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BrokerError(Exception):
    """Base of all errors of brokerkit.

    ``retryable`` says whether the same call may succeed later without any change by the caller.
    """

    retryable: bool = False

    def __init__(self, *args: object, retryable: bool | None = None) -> None:
        super().__init__(*args)
        if retryable is not None:
            self.retryable = retryable


class ConfigError(BrokerError, ValueError):
    """An address, option, position or argument that cannot be used."""


class NotFound(BrokerError, LookupError):
    """The named topic, subscription, consumer or stream does not exist."""


class AlreadyExists(BrokerError):
    """The thing to be created exists, with another configuration."""


class NotSupported(BrokerError):
    """The system cannot do this. The message names the nearest thing that works."""


class Unauthorized(BrokerError):
    """The broker refused the credentials, or the permission is missing."""


class Unavailable(BrokerError):
    """The broker could not be reached or did not answer in time."""

    retryable = True


class Closed(BrokerError):
    """Used after it was closed, or in a forked child process."""


class Cancelled(BrokerError):
    """A `Cancellation` was tripped while this call was waiting."""


class TooLarge(BrokerError):
    """A message is larger than the broker or the topic accepts."""


class DecodeError(BrokerError, ValueError):
    """A payload could not be decoded as asked."""


class AckFailed(BrokerError):
    """An acknowledgement did not take effect, or was not confirmed (then it is `retryable`).

    ``failures`` maps the row of a batch to its own error, where a batch was settled.
    ``frame`` holds the rows, where a frame had been made of them.
    """

    frame: Any = None

    def __init__(
        self,
        *args: object,
        retryable: bool | None = None,
        failures: Mapping[int, BrokerError] | None = None,
    ) -> None:
        super().__init__(*args, retryable=retryable)
        self.failures: dict[int, BrokerError] = dict(failures or {})


class StaleAck(AckFailed):
    """The record's partition went to somebody else, or was given back, since it was read."""


class LockLost(AckFailed):
    """The lock or lease of the message expired; the broker may have delivered it again."""


class StorageError(BrokerError, OSError):
    """A local file or folder could not be written; the text says how to go on."""


class InUse(ConfigError):
    """Another process or thread is writing the same folder or file; the text names it."""


class UnsettledWarning(UserWarning):
    """A message was thrown away without `ack()` or `nack()`; the broker will deliver it again."""


class RetentionWarning(UserWarning):
    """Rows that were planned for reading had been deleted by the broker before they were read."""


class GivenUpWarning(UserWarning):
    """Messages were given back after their last delivery: the broker delivers them to nobody any more."""


class PreviewWarning(UserWarning):
    """What was asked for is a preview in the client library: it may change, and is not for production."""


class AbandonedWarning(UserWarning):
    """Closing took longer than its timeout; something was left hanging in the background."""
