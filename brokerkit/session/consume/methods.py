"""The methods of a session that take messages from a subscription: pull and batches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from brokerkit.core.runtime.connection import Connection
from brokerkit.core.vocabulary.arguments import check_count, check_seconds
from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.frames.masking.mask import Mask

from ..arguments import MAX_BYTES, check_bytes, model_of
from ..base import BrokerSession
from ..interrupted import outcome_kept
from ..options import ConsumeOptions, ReadOptions
from ..reader_schemas import planned
from .batches import Batches
from .earlier_rows import noting_earlier_rows
from .pull import Pulling, check_give_back, frame_maker

if TYPE_CHECKING:
    import pandas as pd


class ConsumingSession(BrokerSession):
    """A session that takes and acknowledges messages."""

    def __init__(
        self,
        connection: Connection,
        *,
        name: str | None = None,
        about: str | None = None,
        mask: Mask | None = None,
    ) -> None:
        super().__init__(connection, name=name, about=about, mask=mask)
        self._loops: WeakValueDictionary[tuple[str, str | None], Batches] = WeakValueDictionary()

    def _release(self, topic: str, subscription: str | None) -> None:
        """Make an earlier loop over the same subscription return its undelivered messages to the broker."""
        self._check_open()
        loop = self._loops.get((topic, subscription)) if isinstance(topic, str) else None
        if loop is not None:
            loop.release()

    def pull(
        self,
        topic: str,
        n: int = 500,
        *,
        subscription: str | None = None,
        start: Any = None,
        ack: bool = True,
        max_bytes: int | None = MAX_BYTES,
        timeout: float | None = 10.0,
        idle: float | None = 0.5,
        connect_timeout: float = 15.0,
        hold: float = 600.0,
        model: Model | None = None,
        share: bool = False,
        side_effects: str | None = None,
        decode: Any = "auto",
        decode_key: Any = "auto",
        expand: bool = False,
        attributes: bool = True,
        mask: Mask | str | None = None,
        unmask: bool = False,
        validate: bool = False,
        **options: Any,
    ) -> pd.DataFrame:
        """Take up to `n` messages as a frame, and acknowledge them once the frame is built.

        It returns when there are `n` rows or `max_bytes`, when no message came for `idle` seconds after the
        first, or after `timeout` seconds. Where the broker says how many messages are left (Kafka's groups,
        JetStream, Pulsar with ``admin=``, in memory), `idle` does not end the pull before those have come.
        ``frame.attrs["brokerkit"]["stopped"]`` says why it ended.

        Once acknowledged, messages are delivered at most once: if you lose the frame, they are gone for this
        subscription. `last_pull` keeps the last frame; use `batches` to acknowledge after the work is done.
        If a pull is interrupted before it acknowledges, all its messages are returned to the broker.

        Args:
            topic: The name of the topic.
            n: At most so many messages.
            subscription: The subscription, durable consumer or group to take from.
            start: Where to create the subscription if it does not exist; None raises NotFound instead. If it
                exists, `start` has no effect, and a `StartIgnoredWarning` says so. A time means the first
                message at or after it, and everything stored behind that, also with earlier times; an
                `EarlierRowsWarning` says how many rows have them.
            ack: Acknowledge the messages. False returns them to the broker.
            max_bytes: At most so many bytes of keys, payloads and headers, but at least one message; None
                sets no limit. The next pull goes on with what did not fit.
            timeout: Seconds to wait in all, counted from when the subscription is attached.
            idle: Seconds to wait for another message after the first.
            connect_timeout: Seconds to wait until the subscription is attached.
            hold: Seconds for which the messages are kept for this session.
            model: "message" or "record", where the system has both. None is the system's first.
            share: Join a share group of Kafka, which settles messages one by one, and not a consumer group.
                The same as ``model="message"``. A pull may return fewer messages than there are: pull again.
            side_effects: "give back" accepts that ``ack=False`` counts as a delivery, where the system counts
                deliveries and may move messages to a dead-letter topic.
            decode, decode_key, expand, mask, unmask, validate: As in `peek`.
            attributes: Keep the headers as a column.
            **options: Options of the system's consumer.

        Raises:
            NotFound: There is no such topic or subscription.
            NotSupported: The session is read-only, or the system has no such model.
            AckFailed: Messages could not be acknowledged; the error has `.frame`.
            Interrupted: Ctrl-C was pressed during the acknowledgement; the error has `.frame`.
        """
        n, max_bytes = check_count(n, "n"), check_bytes(max_bytes)
        timeout, idle = check_seconds(timeout, "timeout"), check_seconds(idle, "idle")
        model = self.connection.model_for(model_of(model, share))
        check_give_back(ack, side_effects, self.capabilities.of(model))
        details = {"pull": topic, "subscription": subscription, "acknowledged": ack}
        reading = ReadOptions(
            decode=decode,
            expand=expand,
            attributes=attributes,
            decode_key=decode_key,
            mask=mask,
            unmask=unmask,
            validate=validate,
        )
        reading = planned(self, [topic], reading)
        make_frame = noting_earlier_rows(frame_maker(self, reading, details), start)
        self._release(topic, subscription)
        consuming = ConsumeOptions(topic, subscription, model, hold, connect_timeout, n, options)
        consumer = self._open_consumer(consuming, start=start)
        pulling = Pulling(consumer, ack=ack, make_frame=make_frame, keep=partial(setattr, self, "last_pull"))
        run = partial(pulling.run, n, timeout=timeout, idle=idle, max_bytes=max_bytes)
        return outcome_kept(self, run, pulling.interrupted)

    def batches(
        self,
        topic: str,
        *,
        subscription: str | None = None,
        size: int = 500,
        max_bytes: int | None = MAX_BYTES,
        start: Any = None,
        window: float | None = 0.5,
        idle: float | None = None,
        connect_timeout: float = 15.0,
        hold: float = 600.0,
        model: Model | None = None,
        share: bool = False,
        decode: Any = "auto",
        decode_key: Any = "auto",
        expand: bool = False,
        attributes: bool = True,
        mask: Mask | str | None = None,
        unmask: bool = False,
        validate: bool = False,
        **options: Any,
    ) -> Batches:
        """Iterate over batches of messages that you acknowledge yourself::

            for batch in s.batches("orders", subscription="billing"):
                with batch:
                    work(batch.frame)

        Args:
            topic, subscription, start: As in `pull`.
            size: A batch ends at so many messages.
            max_bytes: A batch ends before it has more bytes of keys, payloads and headers than this, but has
                at least one message; None sets no limit. The next batch goes on; `Batch.ended` says why.
            window: A batch ends so many seconds after its first message.
            idle: End the loop when no message came for so many seconds and no more are known to be left. None
                never ends it.
            connect_timeout, hold, model, share: As in `pull`.
            decode, decode_key, expand, attributes, mask, unmask, validate: As in `pull`.
            **options: Options of the system's consumer.
        """
        size, max_bytes = check_count(size, "size"), check_bytes(max_bytes)
        window, idle = check_seconds(window, "window"), check_seconds(idle, "idle")
        details = {"batch": topic, "subscription": subscription}
        reading = ReadOptions(
            decode=decode,
            expand=expand,
            attributes=attributes,
            decode_key=decode_key,
            mask=mask,
            unmask=unmask,
            validate=validate,
        )
        reading = planned(self, [topic], reading)
        make_frame = noting_earlier_rows(frame_maker(self, reading, details), start)
        self._release(topic, subscription)
        model = model_of(model, share)
        consuming = ConsumeOptions(topic, subscription, model, hold, connect_timeout, size, options)
        made = Batches(
            partial(self._open_consumer, consuming),
            make_frame,
            start=start,
            size=size,
            max_bytes=max_bytes,
            window=window,
            idle=idle,
        )
        self._loops[topic, subscription] = made
        return made
