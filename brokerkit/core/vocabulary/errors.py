"""The errors that every backend raises::

    BrokerError
    ├── ConfigError        an argument or option cannot be used (also a ValueError)
    │   └── InUse          another process or thread writes the same folder or file
    ├── NotFound           the topic, subscription or stream does not exist
    ├── AlreadyExists      it already exists
    ├── NotSupported       this system cannot do it; the text names the nearest thing that works
    ├── Unauthorized       the broker refused the credentials, or a permission is missing
    ├── Unavailable        the broker did not answer (retryable)
    ├── Closed             the consumer, publisher, browser or session was closed
    ├── Cancelled          the call was cancelled while it waited
    ├── TooLarge           a message is above the broker's limit
    ├── DecodeError        a payload could not be decoded
    ├── StorageError       a local file could not be written: disk full, read-only (also an OSError)
    ├── PublishFailed      at least one message was not confirmed; `results` has every outcome
    └── AckFailed          an acknowledgement did not take effect, or was not confirmed
        ├── StaleAck       the partition was taken away, or returned by a nack, meanwhile
        └── LockLost       the lock or lease of the message had expired

The exception of the client library, if there was one, is the ``__cause__``.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import Any

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}


class BrokerError(Exception):
    """The base of all errors of brokerkit.

    Attributes:
        retryable: Whether the same call may succeed later without any change by the caller.
    """

    retryable: bool = False

    def __init__(self, *args: object, retryable: bool | None = None) -> None:
        super().__init__(*args)
        if retryable is not None:
            self.retryable = retryable


class ConfigError(BrokerError, ValueError):
    """An address, option, position or argument cannot be used."""


class NotFound(BrokerError, LookupError):
    """The topic, subscription, consumer or stream does not exist."""


class AlreadyExists(BrokerError):
    """The topic or subscription to be created already exists."""


class NotSupported(BrokerError):
    """The system cannot do this. The text names the nearest thing that works."""


class Unauthorized(BrokerError):
    """The broker refused the credentials, or a permission is missing."""


class Unavailable(BrokerError):
    """The broker could not be reached or did not answer in time."""

    retryable = True


class Closed(BrokerError):
    """The object was used after it was closed, or in a forked child process."""


class Cancelled(BrokerError):
    """A `Cancellation` was cancelled while the call waited."""


class TooLarge(BrokerError):
    """A message is larger than the broker or the topic accepts."""


class DecodeError(BrokerError, ValueError):
    """A payload could not be decoded as asked."""


class AckFailed(BrokerError):
    """An acknowledgement did not take effect, or was not confirmed (then it is `retryable`).

    Attributes:
        failures: The error of each row that failed, by row, if a batch was settled.
        frame: The rows, if a frame was made of them.
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
    """The partition of the record was taken away, or read again, since the record was read."""


class LockLost(AckFailed):
    """The lock or lease of the message expired; the broker may have delivered it again."""


class StorageError(BrokerError, OSError):
    """A local file or folder could not be written. The text says how to go on."""

    @classmethod
    def of(cls, what: object, error: OSError, go_on: str) -> StorageError:
        """Return the error for a file or folder that the system did not let be written.

        Args:
            what: The file or folder.
            error: The error of the system.
            go_on: What to do once the cause is fixed.
        """
        return cls(f"{what} cannot be written: {_why_not_written(error)}. {go_on}")


def _why_not_written(error: OSError) -> str:
    if error.errno in _FULL:
        return "there is no room left on the disk (or the quota is used up): make room"
    if error.errno in _REFUSED:
        return "it is read-only, or writing is not permitted: allow it, or choose another place"
    return f"{os.strerror(error.errno) if error.errno else error}"


class InUse(ConfigError):
    """Something else uses it: a process that writes the same folder, or members of a group.

    The text names it.
    """


class UnsettledWarning(UserWarning):
    """A message was dropped without ``ack()`` or ``nack()``. The broker delivers it again."""


class RetentionWarning(UserWarning):
    """The broker deleted rows before they were read."""


class AfterTheEndWarning(UserWarning):
    """A position where reading begins lies after the last message, so nothing is there yet."""


class NotShownWarning(UserWarning):
    """Something may exist that the user may not see, so it is missing from a list or a description."""


class GivenUpWarning(UserWarning):
    """Messages were returned after their last delivery. The broker does not deliver them again."""


class PreviewWarning(UserWarning):
    """The feature is a preview in the client library: it may change, and is not for production."""


class AbandonedWarning(UserWarning):
    """Closing took longer than its timeout. It was abandoned, and may go on in the background."""
