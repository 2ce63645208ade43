"""The typed abstraction of brokers. It needs no notebook, and only the standard library::

    from brokerkit.core import connect, OutboundMessage

    with connect("nats://localhost:4222") as broker:
        broker.publisher().topic("orders.new").publish(OutboundMessage(b"{}", key=b"c1"))
        with broker.consumer("orders.>", "me", start="earliest") as consumer:
            message = consumer.next_message(timeout=1.0)

Code that works with any broker uses the protocols in ``vocabulary.protocols``. The functions in ``adapters``
turn one protocol into another. A new backend implements the contract in ``contract``.
"""

from .runtime.connection import Connection, connect
from .runtime.inspector import ConnectedInspector
from .runtime.message_consumer import MessageConsumer
from .runtime.publisher import ConnectedPublisher
from .runtime.publishing_topic import ConnectedTopic
from .runtime.received import ReceivedBatch
from .runtime.record_consumer import RecordConsumer
from .vocabulary.attributes import NO_ATTRIBUTES, Attributes, AttributeValue
from .vocabulary.cancellation import Cancellation
from .vocabulary.capabilities import Capabilities
from .vocabulary.columns import Columns
from .vocabulary.errors import (
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
    NotShownWarning,
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
from .vocabulary.messages import Message, OutboundMessage, Record
from .vocabulary.protocols import (
    BatchedMessageIterator,
    BatchedMessageStream,
    BatchedReceiver,
    BatchedRecordIterator,
    MessageIterator,
    MessageStream,
    Publisher,
    Receiver,
    RecordIterator,
    Topic,
    TopicInspector,
    TransactionalPublisher,
)
from .vocabulary.results import PublishFailed, PublishResult
from .vocabulary.topics import Bounds, Slice, SubscriptionInfo, TopicDescription, TopicInfo

__all__ = [
    "NO_ATTRIBUTES",
    "AbandonedWarning",
    "AckFailed",
    "AfterTheEndWarning",
    "AlreadyExists",
    "AttributeValue",
    "Attributes",
    "BatchedMessageIterator",
    "BatchedMessageStream",
    "BatchedReceiver",
    "BatchedRecordIterator",
    "Bounds",
    "BrokerError",
    "Cancellation",
    "Cancelled",
    "Capabilities",
    "Closed",
    "Columns",
    "ConfigError",
    "ConnectedInspector",
    "ConnectedPublisher",
    "ConnectedTopic",
    "Connection",
    "DecodeError",
    "GivenUpWarning",
    "InUse",
    "LockLost",
    "Message",
    "MessageConsumer",
    "MessageIterator",
    "MessageStream",
    "NotFound",
    "NotShownWarning",
    "NotSupported",
    "OutboundMessage",
    "PreviewWarning",
    "PublishFailed",
    "PublishResult",
    "Publisher",
    "ReceivedBatch",
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
    "TopicInspector",
    "TransactionalPublisher",
    "Unauthorized",
    "Unavailable",
    "UnsettledWarning",
    "connect",
]
