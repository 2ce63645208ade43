"""What every server that insists on security must show: what works, and how the rest is refused."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.workbench import Session


def use(session: Session, topic: str) -> None:
    """Create, list, publish, pull and peek."""
    with session:
        session.create_topic(topic)
        assert topic in set(session.topics()["topic"])
        session.publish(topic, "hello")
        assert list(session.pull(topic, subscription="me", start="earliest")["value"]) == ["hello"]
        assert list(session.peek(topic)["value"]) == ["hello"]


@contextmanager
def refused(
    kind: type[BrokerError], said: str, *, within: float, secrets: Sequence[str], retryable: bool = False
) -> Iterator[None]:
    """What is inside raises this, says so, and shows no secret; sooner than `within` seconds."""
    begin = time.monotonic()
    with pytest.raises(kind, match=said) as caught:
        yield
    assert time.monotonic() - begin < within
    assert type(caught.value) is kind
    assert caught.value.retryable is retryable
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert not any(secret in shown for secret in secrets)
