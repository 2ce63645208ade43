"""The typed broker abstraction: usable without a notebook, standard library only.

    from brokerkit.core import connect, OutboundMessage

    with connect("nats://localhost:4222") as broker:
        broker.publisher().topic("orders.new").publish(OutboundMessage(b"{}", key=b"c1"))
        with broker.consumer("orders.>", "me", start="earliest") as consumer:
            message = consumer.next_message(timeout=1.0)

`protocols` are what code for any broker is written against; `adapters` turn one into another;
`driver` is what a new backend writes.
"""

from .attributes import NO_ATTRIBUTES, Attributes, AttributeValue
from .browser import ConnectedBrowser
from .cancellation import Cancellation
from .capabilities import Capabilities, Gap
from .columns import Columns
from .connection import Connection, connect
from .errors import (
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
    PublishFailed,
    RetentionWarning,
    StaleAck,
    StorageError,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsettledWarning,
)
from .held import Held
from .message_consumer import MessageConsumer
from .messages import Message, OutboundMessage, PublishResult, Record
from .protocols import (
    BatchedMessageIterator,
    BatchedMessageStream,
    BatchedReceiver,
    BatchedRecordIterator,
    Browser,
    MessageIterator,
    MessageStream,
    Publisher,
    Receiver,
    RecordIterator,
    Topic,
    TransactionalPublisher,
)
from .publisher import ConnectedPublisher, ConnectedTopic
from .record_consumer import RecordConsumer
from .topics import Bounds, Slice, SubscriptionInfo, TopicDescription, TopicInfo

__all__ = [
    "NO_ATTRIBUTES",
    "AbandonedWarning",
    "AckFailed",
    "AlreadyExists",
    "AttributeValue",
    "Attributes",
    "BatchedMessageIterator",
    "BatchedMessageStream",
    "BatchedReceiver",
    "BatchedRecordIterator",
    "Bounds",
    "BrokerError",
    "Browser",
    "Cancellation",
    "Cancelled",
    "Capabilities",
    "Closed",
    "Columns",
    "ConfigError",
    "ConnectedBrowser",
    "ConnectedPublisher",
    "ConnectedTopic",
    "Connection",
    "DecodeError",
    "Gap",
    "GivenUpWarning",
    "Held",
    "InUse",
    "LockLost",
    "Message",
    "MessageConsumer",
    "MessageIterator",
    "MessageStream",
    "NotFound",
    "NotSupported",
    "OutboundMessage",
    "PreviewWarning",
    "PublishFailed",
    "PublishResult",
    "Publisher",
    "Receiver",
    "Record",
    "RecordConsumer",
    "RecordIterator",
    "RetentionWarning",
    "Slice",
    "StaleAck",
    "StorageError",
    "SubscriptionInfo",
    "TooLarge",
    "Topic",
    "TopicDescription",
    "TopicInfo",
    "TransactionalPublisher",
    "Unauthorized",
    "Unavailable",
    "UnsettledWarning",
    "connect",
]
