"""brokerkit: the notebook workbench for message brokers.

    import brokerkit as bk

    s = bk.connect("sandbox+nats://")      # or kafka:// nats:// inmem:// ...
    s.create_topic("orders.new")
    s.publish("orders.new", {"id": 1}, key="c1")
    s.peek("orders.new")                   # a DataFrame, without side effects

Importing this loads neither pandas nor any client library; `brokerkit.core` never does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .core.vocabulary.errors import (
        AbandonedWarning,
        AckFailed,
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
    from .core.vocabulary.results import PublishFailed
    from .frames import Decoder, attr, decoder, expand, failures, plain
    from .session import (
        CopyWarning,
        FilterWarning,
        Interrupted,
        NotYetReadableWarning,
        PlacingWarning,
        StartIgnoredWarning,
        doctor,
    )
    from .workbench import Session, connect

_HOMES = {
    "session": ("FilterWarning", "Interrupted", "Session", "StartIgnoredWarning", "connect", "doctor"),
    "session.reading": ("NotYetReadableWarning",),
    "session.copying": ("CopyWarning",),
    "session.placing": ("PlacingWarning",),
    "frames": ("Decoder", "attr", "decoder", "expand", "failures", "plain"),
    "core.vocabulary.messages": ("OutboundMessage",),
    "core.vocabulary.results": ("PublishFailed",),
    "core.vocabulary.errors": (
        "AbandonedWarning",
        "AckFailed",
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
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AbandonedWarning",
    "AckFailed",
    "AlreadyExists",
    "BrokerError",
    "Cancelled",
    "Closed",
    "ConfigError",
    "CopyWarning",
    "DecodeError",
    "Decoder",
    "FilterWarning",
    "GivenUpWarning",
    "InUse",
    "Interrupted",
    "LockLost",
    "NotFound",
    "NotSupported",
    "NotYetReadableWarning",
    "OutboundMessage",
    "PlacingWarning",
    "PreviewWarning",
    "PublishFailed",
    "RetentionWarning",
    "Session",
    "StaleAck",
    "StartIgnoredWarning",
    "StorageError",
    "TooLarge",
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
    """What ``%load_ext brokerkit`` does: add `%topics`, `%peek` and `%%publish`; see `brokerkit.magics`."""
    shell.register_magics(import_module(".magics", __name__).BrokerMagics)


def __dir__() -> list[str]:
    return sorted(__all__)
