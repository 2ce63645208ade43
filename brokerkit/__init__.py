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
    from .core.vocabulary.capabilities import Capabilities as Capabilities
    from .core.vocabulary.errors import AbandonedWarning as AbandonedWarning
    from .core.vocabulary.errors import AckFailed as AckFailed
    from .core.vocabulary.errors import AfterTheEndWarning as AfterTheEndWarning
    from .core.vocabulary.errors import AlreadyExists as AlreadyExists
    from .core.vocabulary.errors import BrokerError as BrokerError
    from .core.vocabulary.errors import Cancelled as Cancelled
    from .core.vocabulary.errors import Closed as Closed
    from .core.vocabulary.errors import ConfigError as ConfigError
    from .core.vocabulary.errors import DecodeError as DecodeError
    from .core.vocabulary.errors import GivenUpWarning as GivenUpWarning
    from .core.vocabulary.errors import InUse as InUse
    from .core.vocabulary.errors import LockLost as LockLost
    from .core.vocabulary.errors import NotFound as NotFound
    from .core.vocabulary.errors import NotShownWarning as NotShownWarning
    from .core.vocabulary.errors import NotSupported as NotSupported
    from .core.vocabulary.errors import PreviewWarning as PreviewWarning
    from .core.vocabulary.errors import RetentionWarning as RetentionWarning
    from .core.vocabulary.errors import StaleAck as StaleAck
    from .core.vocabulary.errors import StorageError as StorageError
    from .core.vocabulary.errors import TooLarge as TooLarge
    from .core.vocabulary.errors import Unauthorized as Unauthorized
    from .core.vocabulary.errors import Unavailable as Unavailable
    from .core.vocabulary.errors import UnsettledWarning as UnsettledWarning
    from .core.vocabulary.messages import OutboundMessage as OutboundMessage
    from .core.vocabulary.results import PublishFailed as PublishFailed
    from .core.vocabulary.results import PublishResult as PublishResult
    from .core.vocabulary.topics import Slice as Slice
    from .display.descriptions import Description as Description
    from .display.lag import LagFrame as LagFrame
    from .display.subscriptions import DescribedSubscription as DescribedSubscription
    from .frames import Codec as Codec
    from .frames import Decoder as Decoder
    from .frames import Explanation as Explanation
    from .frames import attr as attr
    from .frames import avro as avro
    from .frames import codec as codec
    from .frames import decoder as decoder
    from .frames import expand as expand
    from .frames import failures as failures
    from .frames import plain as plain
    from .frames import protobuf as protobuf
    from .frames.compare import DiffFrame as DiffFrame
    from .frames.compare import ProfileFrame as ProfileFrame
    from .frames.compare import diff as diff
    from .frames.compare import profile as profile
    from .frames.mapped import MappedRows as MappedRows
    from .frames.mapped import read_rows as read_rows
    from .frames.masking import Mask as Mask
    from .frames.outcome import OutcomeFrame as OutcomeFrame
    from .frames.typed import MixedSchemasWarning as MixedSchemasWarning
    from .registry import RegisteredSchema as RegisteredSchema
    from .registry import SchemasUnknownWarning as SchemasUnknownWarning
    from .registry import schema_source as schema_source
    from .saved import connections as connections
    from .saved import delete_connection as delete_connection
    from .saved import save_connection as save_connection
    from .session.capture.capturing import Captured as Captured
    from .session.consume.batches import Batch as Batch
    from .session.consume.batches import Batches as Batches
    from .session.consume.earlier_rows import EarlierRowsWarning as EarlierRowsWarning
    from .session.diagnosis import Diagnosis as Diagnosis
    from .session.diagnosis import doctor as doctor
    from .session.filters import FilterWarning as FilterWarning
    from .session.interrupted import Interrupted as Interrupted
    from .session.publish.copy_topic import CopyWarning as CopyWarning
    from .session.publish.placement import PlacingWarning as PlacingWarning
    from .session.publish.resending import UnknownRowsWarning as UnknownRowsWarning
    from .session.publish.transaction import Transaction as Transaction
    from .session.read.export import Exported as Exported
    from .session.read.queries import sql as sql
    from .session.read.scan import Scan as Scan
    from .session.read_report import NotYetReadableWarning as NotYetReadableWarning
    from .session.read_report import ReadReport as ReadReport
    from .session.schema_notes import SchemaIgnoredWarning as SchemaIgnoredWarning
    from .session.schemas.registration import Registration as Registration
    from .session.schemas.versions import SchemaVersions as SchemaVersions
    from .session.start_ignored import StartIgnoredWarning as StartIgnoredWarning
    from .widgets.browse.browser import TopicBrowser as TopicBrowser
    from .widgets.compose import Composer as Composer
    from .widgets.dashboard import Dashboard as Dashboard
    from .widgets.opening import ConnectionChooser as ConnectionChooser
    from .widgets.tail import Tail as Tail
    from .workbench import Session as Session
    from .workbench import connect as connect
    from .workbench import open as open

_HOMES = {
    "saved": (
        "connections",
        "delete_connection",
        "save_connection",
    ),
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
        "NotShownWarning",
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
    "registry": ("RegisteredSchema", "SchemasUnknownWarning", "schema_source"),
    "core.vocabulary.messages": ("OutboundMessage",),
    "core.vocabulary.results": (
        "PublishFailed",
        "PublishResult",
    ),
    "core.vocabulary.topics": ("Slice",),
    "display.descriptions": ("Description",),
    "display.lag": ("LagFrame",),
    "display.subscriptions": ("DescribedSubscription",),
    "frames": (
        "Codec",
        "Decoder",
        "Explanation",
        "attr",
        "avro",
        "codec",
        "decoder",
        "expand",
        "failures",
        "plain",
        "protobuf",
    ),
    "frames.compare": (
        "DiffFrame",
        "ProfileFrame",
        "diff",
        "profile",
    ),
    "frames.mapped": ("MappedRows", "read_rows"),
    "frames.masking": ("Mask",),
    "frames.typed": ("MixedSchemasWarning",),
    "frames.outcome": ("OutcomeFrame",),
    "session.consume.batches": (
        "Batch",
        "Batches",
    ),
    "session.publish.copy_topic": ("CopyWarning",),
    "session.diagnosis": (
        "Diagnosis",
        "doctor",
    ),
    "session.capture.capturing": ("Captured",),
    "session.read.queries": ("sql",),
    "session.read.export": ("Exported",),
    "session.consume.earlier_rows": ("EarlierRowsWarning",),
    "session.filters": ("FilterWarning",),
    "session.interrupted": ("Interrupted",),
    "session.publish.placement": ("PlacingWarning",),
    "session.publish.resending": ("UnknownRowsWarning",),
    "session.read_report": (
        "NotYetReadableWarning",
        "ReadReport",
    ),
    "session.read.scan": ("Scan",),
    "session.schema_notes": ("SchemaIgnoredWarning",),
    "session.schemas.registration": ("Registration",),
    "session.schemas.versions": ("SchemaVersions",),
    "session.start_ignored": ("StartIgnoredWarning",),
    "session.publish.transaction": ("Transaction",),
    "widgets.browse.browser": ("TopicBrowser",),
    "widgets.compose": ("Composer",),
    "widgets.dashboard": ("Dashboard",),
    "widgets.opening": ("ConnectionChooser",),
    "widgets.tail": ("Tail",),
    "workbench": (
        "Session",
        "connect",
        "open",
    ),
}
"""Where each public name is; it is loaded on first use. Type checkers read the imports above."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

# `from brokerkit import *` leaves the built-in `open` alone
__all__ = ["__version__", *(name for name in _HOME_OF if name != "open")]  # noqa: PLE0604  # the names are strings


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .core.contract.garbage_collection import uncollected

    # collecting would be a tenth of the time of an import, and free nothing
    found = getattr(uncollected(import_module, f".{_HOME_OF[name]}", __name__), name)
    globals()[name] = found
    return found


def load_ipython_extension(shell: Any) -> None:
    """Add the magics of `brokerkit.magics` for ``%load_ext brokerkit``."""
    shell.register_magics(import_module(".magics", __name__).BrokerMagics)


def __dir__() -> list[str]:
    return sorted([*__all__, "open"])
