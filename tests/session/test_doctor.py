"""doctor: which step of connecting fails, and why."""

from __future__ import annotations

import socket
import time

import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.errors import Unavailable
from brokerkit.session.diagnosis import Diagnosis


def statuses(found: Diagnosis) -> dict[str, str]:
    return {step.name: step.status for step in found.steps}


def test_every_step_is_tried_in_order() -> None:
    found = bk.doctor("inmem://orders", topic="nowhere")
    assert list(statuses(found)) == [
        "address",
        "client library",
        "network",
        "connect",
        "list topics",
        "a confirmation",
        "describe nowhere",
        "read nowhere",
    ]
    assert statuses(found)["connect"] == "ok"
    assert found.failed is not None
    assert found.failed.name == "describe nowhere"
    assert "nowhere" in found.failed.detail


def test_a_topic_is_described_and_read_without_a_trace() -> None:
    with bk.connect("inmem://doctors") as session:
        session.create_topic("orders", partitions=2)
        session.publish("orders", "one")
        found = bk.doctor("inmem://doctors", topic="orders")
        assert found.ok
        assert found.failed is None
        assert found.steps[-1].detail == "one message, without side effects"
        assert session.describe("orders").messages == 1


@pytest.mark.parametrize(
    ("target", "step", "said"),
    [
        ("zork://localhost", "client library", "unknown scheme 'zork'"),
        ("not a url", "address", "neither a connection URL"),
        ("kafka://no-such-host.invalid:9092", "network", "check the spelling"),
        ("kafka://localhost:9092?nonsense=1", "connect", "nonsense"),
    ],
)
def test_the_step_that_fails_is_named_and_ends_it(target: str, step: str, said: str) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        target = target.replace("localhost:9092", f"127.0.0.1:{listening.getsockname()[1]}")
        found = bk.doctor(target, timeout=3)
    assert found.failed is not None
    assert (found.failed.name, said in found.failed.detail) == (step, True), found
    after = found.steps[found.steps.index(found.failed) + 1 :]
    assert {each.status for each in after} <= {"not tried"}


def test_a_port_on_which_nothing_listens_is_told_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        begin = time.monotonic()
        found = bk.doctor(f"nats://127.0.0.1:{unused.getsockname()[1]}", timeout=90)
    assert time.monotonic() - begin < 60
    assert found.failed is not None
    assert "nothing listens on that port" in found.failed.detail
    assert isinstance(found.failed.error, Unavailable)


@pytest.mark.extended
def test_no_secret_is_shown() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"nats://me:s3cret-w0rd@127.0.0.1:{mute.getsockname()[1]}"
        found = bk.doctor(url, timeout=0.5)
    assert not found.ok
    for text in (repr(found), found._repr_html_(), found.frame.to_string(), repr(found.steps)):
        assert "s3cret-w0rd" not in text


def test_a_diagnosis_is_shown_in_a_notebook_and_a_terminal() -> None:
    found = bk.doctor("inmem://<b>", topic="<script>\x1b[31m")
    assert "<script>" not in found._repr_html_()
    assert "\x1b" not in repr(found)
    assert list(found.frame.columns) == ["step", "status", "detail", "seconds"]
