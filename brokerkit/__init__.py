"""brokerkit: the notebook workbench for message brokers::

    import brokerkit as bk

    s = bk.connect("sandbox+nats://")      # or kafka:// nats:// inmem:// ...
    s.create_topic("orders.new")
    s.publish("orders.new", {"id": 1}, key="c1")
    s.peek("orders.new")                   # a DataFrame, without side effects

Importing this package loads neither pandas nor any client library; `brokerkit.core` never does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .core.vocabulary.capabilities import Capabilities
    from .core.vocabulary.errors import (
        AbandonedWarning,
        AckFailed,
        AfterTheEndWarning,
        AlreadyExists,
        BrokerError,
        Cancelled,
        Closed,
        ConfigError,
        DecodeError,
        GivenUpWarning,
        InUse,
        LockLost,
        NotFound,
        NotSupported,
        PreviewWarning,
        RetentionWarning,
        StaleAck,
        StorageError,
        TooLarge,
        Unauthorized,
        Unavailable,
        UnsettledWarning,
    )
    from .core.vocabulary.messages import OutboundMessage
    from .core.vocabulary.results import PublishFailed, PublishResult
    from .core.vocabulary.topics import Slice
    from .display.descriptions import Description
    from .frames import Decoder, attr, decoder, expand, failures, plain
    from .frames.outcome import OutcomeFrame
    from .session import (
        Batch,
        CopyWarning,
        Diagnosis,
        FilterWarning,
        Interrupted,
        NotYetReadableWarning,
        PlacingWarning,
        Scan,
        StartIgnoredWarning,
        Transaction,
        doctor,
    )
    from .session.reading import ReadReport
    from .workbench import Session, connect

_HOMES = {
    "core.vocabulary.capabilities": ("Capabilities",),
    "core.vocabulary.errors": (
        "AbandonedWarning",
        "AckFailed",
        "AfterTheEndWarning",
        "AlreadyExists",
        "BrokerError",
        "Cancelled",
        "Closed",
        "ConfigError",
        "DecodeError",
        "GivenUpWarning",
        "InUse",
        "LockLost",
        "NotFound",
        "NotSupported",
        "PreviewWarning",
        "RetentionWarning",
        "StaleAck",
        "StorageError",
        "TooLarge",
        "Unauthorized",
        "Unavailable",
        "UnsettledWarning",
    ),
    "core.vocabulary.messages": ("OutboundMessage",),
    "core.vocabulary.results": (
        "PublishFailed",
        "PublishResult",
    ),
    "core.vocabulary.topics": ("Slice",),
    "display.descriptions": ("Description",),
    "frames": (
        "Decoder",
        "attr",
        "decoder",
        "expand",
        "failures",
        "plain",
    ),
    "frames.outcome": ("OutcomeFrame",),
    "session": (
        "Batch",
        "CopyWarning",
        "Diagnosis",
        "FilterWarning",
        "Interrupted",
        "NotYetReadableWarning",
        "PlacingWarning",
        "Scan",
        "StartIgnoredWarning",
        "Transaction",
        "doctor",
    ),
    "session.reading": ("ReadReport",),
    "workbench": (
        "Session",
        "connect",
    ),
}
"""Where each public name is; it is loaded on first use."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AbandonedWarning",
    "AckFailed",
    "AfterTheEndWarning",
    "AlreadyExists",
    "Batch",
    "BrokerError",
    "Cancelled",
    "Capabilities",
    "Closed",
    "ConfigError",
    "CopyWarning",
    "DecodeError",
    "Decoder",
    "Description",
    "Diagnosis",
    "FilterWarning",
    "GivenUpWarning",
    "InUse",
    "Interrupted",
    "LockLost",
    "NotFound",
    "NotSupported",
    "NotYetReadableWarning",
    "OutboundMessage",
    "OutcomeFrame",
    "PlacingWarning",
    "PreviewWarning",
    "PublishFailed",
    "PublishResult",
    "ReadReport",
    "RetentionWarning",
    "Scan",
    "Session",
    "Slice",
    "StaleAck",
    "StartIgnoredWarning",
    "StorageError",
    "TooLarge",
    "Transaction",
    "Unauthorized",
    "Unavailable",
    "UnsettledWarning",
    "__version__",
    "attr",
    "connect",
    "decoder",
    "doctor",
    "expand",
    "failures",
    "plain",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
    globals()[name] = found
    return found


def load_ipython_extension(shell: Any) -> None:
    """Add `%topics`, `%peek` and `%%publish` for ``%load_ext brokerkit``; see `brokerkit.magics`."""
    shell.register_magics(import_module(".magics", __name__).BrokerMagics)


def __dir__() -> list[str]:
    return sorted(__all__)
