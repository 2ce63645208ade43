"""The programs of the guide "Programs without a notebook" do what it says."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from brokerkit.core import OutboundMessage, connect
from brokerkit.sandbox.nats import NatsServer

SCRIPTS = Path(__file__).parents[2] / "notebooks" / "guides" / "scripts"

pytestmark = pytest.mark.broker


def run(script: str, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, str(SCRIPTS / script), *arguments]
    return subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)


def topic_on(server: NatsServer, name: str) -> str:
    with connect(server.url) as broker:
        broker.create_topic(name)
    return name


def test_lines_that_are_loaded_are_dumped_in_order(nats_server: NatsServer) -> None:
    topic = topic_on(nats_server, "scripts.lines")
    loaded = run("load.py", nats_server.url, topic, given=b"one\ntwo\n\xff\n")
    assert (loaded.returncode, loaded.stderr) == (0, b"")
    dumped = run("dump.py", nats_server.url, topic)
    assert dumped.stderr == b""
    assert [json.loads(line)["value"] for line in dumped.stdout.splitlines()] == ["one", "two", "\\xff"]


def test_a_line_that_is_refused_is_named_and_the_others_are_stored(nats_server: NatsServer) -> None:
    topic = topic_on(nats_server, "scripts.refused")
    loaded = run("load.py", nats_server.url, topic, given=b"one\n" + b"x" * 2_000_000 + b"\ntwo\n")
    assert loaded.returncode == 1
    assert loaded.stderr.startswith(b"failed: b'xxx")
    dumped = run("dump.py", nats_server.url, topic)
    assert [json.loads(line)["value"] for line in dumped.stdout.splitlines()] == ["one", "two"]


def test_a_worker_handles_each_message_and_ends_when_it_is_interrupted(nats_server: NatsServer) -> None:
    topic = topic_on(nats_server, "scripts.work")
    with connect(nats_server.url) as broker:
        broker.publisher().topic(topic).publish_batch([OutboundMessage(str(n).encode()) for n in range(20)])
        command = [sys.executable, str(SCRIPTS / "worker.py"), nats_server.url, topic, "me"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
            assert worker.stdout is not None
            handled = {int(worker.stdout.readline()) for _ in range(20)}
            worker.send_signal(signal.SIGINT)
            assert worker.wait(30) == 0
        assert handled == set(range(20))
        (me,) = broker.inspector().describe(topic).subscriptions
        assert (me.lag, me.in_flight) == (0, 0)


def test_every_slice_is_read_once_by_some_process(nats_server: NatsServer) -> None:
    topic = topic_on(nats_server, "scripts.slices")
    with connect(nats_server.url) as broker:
        broker.publisher().topic(topic).publish_batch([OutboundMessage(str(n).encode()) for n in range(230)])
    done = run("every_slice.py", nats_server.url, topic)
    assert (done.returncode, done.stdout) == (0, b"230\n"), done.stderr
