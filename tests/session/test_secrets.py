"""A secret that is planted through any way in comes out of none: no text, log, traceback, pickle or file."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import logging
import os
import pickle
import socket
import subprocess
import sys
import threading
import traceback
import uuid
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.address import Address, resolve
from brokerkit.core.vocabulary.secrets import Secret, is_public, is_secret
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.sandbox.servicebus.server import KEY, ServiceBusServer
from brokerkit.workbench import Session

from .canary import CANARY, check, texts_of

NOT_TEXT = f"{CANARY}\udcff"
JSON = json.dumps({"sasl.password": CANARY, "sasl.username": "u"})


@dataclass(repr=False)
class Way:
    """One way for the canary to get in. Nothing of it is shown by a traceback."""

    name: str
    target: str | None
    options: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    file: str = ""
    key_file: str = ""

    def __repr__(self) -> str:
        return self.name

    def connect(self) -> Session:
        return bk.connect(self.target, timeout=0.5, **self.options)

    def examine(self) -> Any:
        return bk.doctor(self.target, timeout=0.5, **self.options)


KEY_FILE = "brokerkit-canary-key.json"
"""A file in the working folder of a test."""
OAUTH2 = json.dumps({"type": "client_credentials", "client_id": "i", "client_secret": CANARY})
ACCOUNT = json.dumps(
    {
        "type": "service_account",
        "client_email": "a@b",
        "token_uri": "http://127.0.0.1:1/",
        "private_key": f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n",
    }
)
AZURE = f"Endpoint=sb://127.0.0.1:1/;SharedAccessKeyName=a;SharedAccessKey={CANARY}="
NOWHERE = "127.0.0.1:1"
WAYS = [
    Way("kafka url", f"kafka://u:{CANARY}@{NOWHERE}"),
    Way("kafka keyword", f"kafka://u@{NOWHERE}", {"sasl.password": CANARY}),
    Way("kafka url query", f"kafka://{NOWHERE}?sasl.username=u&sasl.password={CANARY}"),
    Way("kafka environment", f"kafka://u@{NOWHERE}", environment={"BROKERKIT_KAFKA_SASL_PASSWORD": CANARY}),
    Way("kafka librdkafka", f"kafka://{NOWHERE}", {"librdkafka": {"sasl.password": CANARY, "sasl.username": "u"}}),
    Way("kafka librdkafka as JSON", f"kafka://{NOWHERE}", {"librdkafka": JSON}),
    Way("kafka broken JSON", f"kafka://{NOWHERE}", {"librdkafka": JSON[:-1]}),
    Way("kafka unknown option", f"kafka://{NOWHERE}", {"passwords": CANARY}),
    Way("kafka refused option", f"kafka://{NOWHERE}", {"sasl.password": CANARY, "enable.auto.commit": True}),
    Way("kafka option of a wrong type", f"kafka://{NOWHERE}", {"sasl.password": [CANARY]}),
    Way("kafka url inside", f"kafka://{NOWHERE}", {"sasl.oauthbearer.token.endpoint.url": f"http://u:{CANARY}@h"}),
    Way("kafka command", f"kafka://{NOWHERE}", {"sasl.kerberos.kinit.cmd": f"kinit -p {CANARY}", "sasl.mechanism": "x"}),
    Way("kafka bad port", f"kafka://u:{CANARY}@host:port:port"),
    Way("kafka key", f"kafka://{NOWHERE}", {"security.protocol": "SSL", "ssl.key.pem": CANARY}),
    Way("nats url", f"nats://u:{CANARY}@{NOWHERE}"),
    Way("nats token", f"nats://{CANARY}@{NOWHERE}"),
    Way("nats keyword token", f"nats://{NOWHERE}", {"token": CANARY}),
    Way("nats two ways", f"nats://u:{CANARY}@{NOWHERE}", {"token": CANARY}),
    Way("nats seed", f"nats://{NOWHERE}", {"nkeys_seed": f"SU{CANARY}"}),
    Way("nats seed for a file", f"nats://{NOWHERE}", {"nkeys_seed": CANARY}),
    Way("nats user without", f"nats://{NOWHERE}", {"password": CANARY}),
    Way("pulsar url", f"pulsar://u:{CANARY}@{NOWHERE}"),
    Way("pulsar token", f"pulsar://{NOWHERE}", {"token": CANARY}),
    Way("pulsar admin", f"pulsar://{NOWHERE}", {"admin": f"http://u:{CANARY}@h"}),
    Way("pulsar url query", f"pulsar://{NOWHERE}?token={CANARY}"),
    Way("pulsar user alone", f"pulsar://{CANARY}@{NOWHERE}"),
    Way("pulsar environment", f"pulsar://{NOWHERE}", environment={"BROKERKIT_PULSAR_TOKEN": CANARY}),
    Way("pulsar token in the admin's query", f"pulsar://{NOWHERE}", {"admin": f"http://h/?token={CANARY}"}),
    Way("pulsar oauth2 key file", f"pulsar://{NOWHERE}", {"oauth2_issuer": f"http://{NOWHERE}", "oauth2_key_file": KEY_FILE}, key_file=OAUTH2),
    Way("pulsar oauth2 key in place of its file", f"pulsar://{NOWHERE}", {"oauth2_issuer": f"http://{NOWHERE}", "oauth2_key_file": OAUTH2}),
    Way("pulsar oauth2 issuer", f"pulsar://{NOWHERE}", {"oauth2_issuer": f"http://u:{CANARY}@{NOWHERE}", "oauth2_key_file": KEY_FILE}, key_file=OAUTH2),
    Way("pubsub user", f"pubsub://u:{CANARY}@project"),
    Way("pubsub key file", f"pubsub://project?endpoint={NOWHERE}", {"credentials": KEY_FILE}, key_file=ACCOUNT),
    Way("pubsub broken key file", f"pubsub://project?endpoint={NOWHERE}", {"credentials": KEY_FILE}, key_file=ACCOUNT[:-1]),
    Way("pubsub key in place of its file", f"pubsub://project?endpoint={NOWHERE}", {"credentials": ACCOUNT}),
    Way("pubsub key in the query", f"pubsub://project?endpoint={NOWHERE}&credentials={quote(ACCOUNT)}"),
    Way("pubsub environment", f"pubsub://project?endpoint={NOWHERE}", environment={"BROKERKIT_PUBSUB_CREDENTIALS": ACCOUNT}),
    Way("pubsub default credentials", f"pubsub://project?endpoint={NOWHERE}", environment={"GOOGLE_APPLICATION_CREDENTIALS": KEY_FILE}, key_file=ACCOUNT),
    Way("pubsub emulator", "pubsub://project", {"emulator": f"http://u:{CANARY}@{NOWHERE}"}),
    Way("pubsub emulator in the environment", "pubsub://project", environment={"PUBSUB_EMULATOR_HOST": f"http://u:{CANARY}@{NOWHERE}"}),
    Way("kafka strange option", f"kafka://{NOWHERE}", {"mine": CANARY}),
    Way("nats strange option", f"nats://{NOWHERE}", {"mine": CANARY}),
    Way("pulsar strange option", f"pulsar://{NOWHERE}", {"mine": f"https://u:{CANARY}@h"}),
    Way("pubsub strange option", "pubsub://project", {"mine": CANARY}),
    Way("servicebus strange option", AZURE.replace(CANARY, "x"), {"mine": CANARY}),
    Way("registry url", "inmem://", {"registry": f"http://u:{CANARY}@{NOWHERE}"}),
    Way("registry token in the url", "inmem://", {"registry": f"http://{CANARY}@{NOWHERE}"}),
    Way("registry password", "inmem://", {"registry": f"http://{NOWHERE}", "registry_user": "u", "registry_password": CANARY}),
    Way("registry token", f"inmem://?registry=http://{NOWHERE}&registry_token={CANARY}"),
    Way("registry with a query", "inmem://", {"registry": f"http://h/?token={CANARY}"}),
    Way("registry that is no address", "inmem://", {"registry": CANARY}),
    Way("registry misspelled", f"kafka://{NOWHERE}", {"registry_passwort": CANARY}),
    Way("registry from the environment", "inmem://", environment={"BROKERKIT_INMEM_REGISTRY": f"https://u:{CANARY}@{NOWHERE}"}),
    Way("registry saved", "mine", file=f'[mine]\nurl = "inmem://"\nregistry = "http://{NOWHERE}"\nregistry_token = "{CANARY}"\n'),
    Way("kafka dotted option", f"kafka://{NOWHERE}", {"my.strange.option": CANARY}),
    Way("kafka dotted option for librdkafka", f"kafka://{NOWHERE}", {"librdkafka": {"my.strange.option": CANARY}}),
    Way("kafka dotted option in a url", f"kafka://{NOWHERE}?my.strange.option={CANARY}"),
    Way("nats dotted option", f"nats://{NOWHERE}", {"my.strange.option": CANARY}),
    Way("pulsar dotted option", f"pulsar://{NOWHERE}", {"my.strange.option": CANARY}),
    Way("servicebus dotted option", AZURE.replace(CANARY, "x"), {"my.strange.option": CANARY}),
    Way("dotted option saved", "mine", file=f'[mine]\nurl = "kafka://{NOWHERE}"\nmy.strange.option = "{CANARY}"\n'),
    Way("strange option in a url", f"nats://{NOWHERE}?mine={CANARY}"),
    Way("strange option in the environment", f"nats://{NOWHERE}", environment={"BROKERKIT_NATS_MINE": CANARY}),
    Way("strange option saved", "mine", file=f'[mine]\nurl = "nats://{NOWHERE}"\nmine = "{CANARY}"\n'),
    Way("servicebus", AZURE),
    Way("servicebus keyword", None, {"connection_string": AZURE}, {"BROKERKIT_URL": "servicebus://ns"}),
    Way("servicebus broken", AZURE.replace("AccessKeyName=a", "AccessKeyNam=a") + ";broken"),
    Way("environment", None, environment={"BROKERKIT_URL": f"kafka://u:{CANARY}@{NOWHERE}"}),
    Way("saved", "mine", file=f'[mine]\nurl = "nats://u:{CANARY}@{NOWHERE}"\n'),
    Way("saved option", "mine", file=f'[mine]\nurl = "kafka://u@{NOWHERE}"\nsasl.password = "{CANARY}"\n'),
    Way("saved from environment", "mine", environment={"PW": CANARY}, file=f'[mine]\nurl = "nats://u@{NOWHERE}"\npassword = {{env = "PW"}}\n'),
    Way("saved under another name", "other", file=f'[mine]\nurl = "nats://u:{CANARY}@{NOWHERE}"\n'),
    Way("saved in broken TOML", "mine", file=f'[mine]\nurl = "nats://u:{CANARY}@{NOWHERE}\n'),
    Way("saved without a url", "mine", file=f'[mine]\npassword = "{CANARY}"\n'),
    Way("pasted", f"eyJhbGciOiJIUzI1NiJ9.{CANARY}.{CANARY}xxxxxxxxxxxxxxxxxxxxxxxx"),
    Way("not text in a url", f"kafka://u:{CANARY}%FF@{NOWHERE}"),
    Way("not text in a query", f"nats://{NOWHERE}?token={CANARY}%FF"),
    Way("not text as a keyword", f"kafka://u@{NOWHERE}", {"sasl.password": NOT_TEXT}),
    Way("not text as bytes", f"kafka://u@{NOWHERE}", {"sasl.password": CANARY.encode() + b"\xff"}),
    Way("not text in the environment", f"nats://u@{NOWHERE}", environment={"BROKERKIT_NATS_PASSWORD": NOT_TEXT}),
    Way("not text in a connection string", AZURE.replace("=a;", "=a;X=\udcff;")),
    Way("not text for pulsar", f"pulsar://u:{CANARY}%E9@{NOWHERE}"),
]  # fmt: skip
SOME_WAYS = [
    way if number % 3 == 0 else pytest.param(way, marks=pytest.mark.extended)
    for number, way in enumerate(WAYS)
]


@pytest.fixture
def planted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Way:
    way: Way = request.param
    file = tmp_path / "connections.toml"
    file.write_text(way.file, "utf-8", "surrogateescape")
    monkeypatch.setenv("BROKERKIT_CONFIG", str(file))
    (tmp_path / KEY_FILE).write_text(way.key_file, "utf-8")
    monkeypatch.chdir(tmp_path)
    for name, value in way.environment.items():
        monkeypatch.setitem(os.environ, name, value)
    return way


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that anything logs, at the level DEBUG."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.mark.parametrize("planted", SOME_WAYS, ids=[way.name for way in WAYS], indirect=True)
@pytest.mark.usefixtures("small_heap")
def test_a_connection_that_fails_shows_no_secret(planted: Way, logged: io.StringIO) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found: Any = None
        try:
            found = planted.connect()
        except bk.BrokerError as error:
            found = error
        if isinstance(found, Session):
            texts = [
                repr(found),
                found._repr_html_(),
                found.target,
                repr(vars(found)),
                repr(vars(found.connection.address)),
            ]
            if found.registry is not None:
                with pytest.raises(bk.BrokerError) as caught:
                    found.schemas()
                texts += [repr(pickle.dumps(found.registry)), *texts_of(caught.value)]
            found.close()
        else:
            texts = list(texts_of(found))
        if "not text" in planted.name:
            assert "is not UTF-8 text" in str(found)
    gc.collect()
    check([*texts, logged.getvalue(), *(str(each.message) for each in warned)])


@pytest.fixture(
    params=[b"", b"\0" * 64, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"INFO {}\r\n-ERR 'no'\r\n"], ids=str
)
def other_protocol(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server that answers each connection with the same bytes and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client:
                        client.sendall(request.param)
                        client.settimeout(0.2)
                        client.recv(4096)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "url",
    ["kafka://u:{}@{}", "nats://u:{}@{}", "nats://{}@{}", "pulsar://u:{}@{}", "pulsar+token {} {}", AZURE],
)
def test_a_server_of_another_protocol_makes_no_secret_visible(
    url: str, other_protocol: str, logged: io.StringIO
) -> None:
    options: dict[str, Any] = {"timeout": 0.25}
    if url == AZURE:
        target = AZURE.replace(NOWHERE, other_protocol)
    elif url.startswith("pulsar+token"):
        target, options["token"] = f"pulsar://{other_protocol}", CANARY
    else:
        target = url.format(CANARY, other_protocol)
    try:
        session = bk.connect(target, **options)
    except bk.BrokerError as error:
        check([*texts_of(error), logged.getvalue()])
    else:
        with session, pytest.raises(bk.BrokerError) as caught:
            session.peek("topic")
        check([*texts_of(caught.value), logged.getvalue()])


@pytest.mark.parametrize("planted", [way for way in WAYS if "not text" not in way.name][::3], ids=lambda way: way.name, indirect=True)  # fmt: skip
def test_an_examination_shows_no_secret(planted: Way, logged: io.StringIO) -> None:
    found = planted.examine()
    errors = [step.error for step in found.steps if step.error is not None]
    check([repr(found), found._repr_html_(), *(text for error in errors for text in texts_of(error)), logged.getvalue()])  # fmt: skip


def shown_by(session: Session, topic: str, folder: Path) -> Iterator[str]:
    """Everything that a session which works gives out."""
    address = session.connection.address
    yield from (repr(session), session._repr_html_(), session.target, session.name, session.connection.name)
    yield from (
        repr(address),
        str(address),
        repr(address.options),
        f"{address.password}",
        f"{address.password!s:>9}",
    )
    yield repr(pickle.dumps(address))
    session.publish_batch(topic, ["1", "2"])
    frame = session.peek(topic)
    yield repr(frame.attrs) + frame.to_html() + repr(pickle.dumps(frame))
    scan = session.scan(topic, progress=False)
    yield repr(scan) + scan._repr_html_() + repr(pickle.dumps(scan.slices))
    yield repr(pickle.dumps(scan.to_dask().dask)) + repr(dict(scan.to_dask().dask))
    scan.to_parquet(folder / "out")
    outcome = session.publish_frame(topic, frame, journal=folder / "journal", progress=False)
    yield repr(outcome.attrs)
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.read_bytes().decode("latin-1")
    for widget in (session.browse(topic), session.tail(topic), session.compose(topic)):
        yield repr(widget) + repr(widget._repr_mimebundle_())
        yield widget.call if hasattr(widget, "call") else ""
        getattr(widget, "close", lambda: None)()
    yield repr(session.describe(topic)) + session.topics().to_html()
    with pytest.raises(bk.BrokerError) as caught:
        session.peek("never-created")
    yield from texts_of(caught.value)


@pytest.mark.broker
@pytest.mark.parametrize("way", ["url", "keyword"])
def test_a_session_of_nats_shows_no_secret(
    nats_server: NatsServer, logged: io.StringIO, tmp_path: Path, way: str
) -> None:
    host = nats_server.url.removeprefix("nats://")
    url, options = (f"nats://u:{CANARY}@{host}", {}) if way == "url" else (nats_server.url, {"token": CANARY})
    with bk.connect(url, **options) as session:
        session.create_topic(f"secret-{way}")
        check(shown_by(session, f"secret-{way}", tmp_path))
    check([logged.getvalue()])


@pytest.mark.broker
@pytest.mark.parametrize(
    "options",
    [
        {"sasl.password": CANARY, "sasl.username": "u", "security.protocol": "PLAINTEXT", "debug": "all"},
        {"sasl.oauthbearer.token.endpoint.url": f"http://u:{CANARY}@h/", "debug": "all"},
        {"sasl.kerberos.kinit.cmd": f"kinit -p {CANARY}", "debug": "generic"},
    ],
    ids=["password", "url", "command"],
)
def test_a_session_of_kafka_shows_no_secret(kafka_server: KafkaServer, logged: io.StringIO, tmp_path: Path, options: dict[str, str]) -> None:  # fmt: skip
    topic = f"secret-{len(str(options))}"
    with bk.connect(f"kafka://{kafka_server.bootstrap}", **options) as session:
        session.create_topic(topic, partitions=1)
        check(shown_by(session, topic, tmp_path))
    check([logged.getvalue()])


@pytest.mark.broker
def test_a_session_of_pulsar_shows_no_secret(pulsar_server: PulsarServer, logged: io.StringIO, tmp_path: Path) -> None:  # fmt: skip
    topic = f"secret-{uuid.uuid4().hex[:8]}"
    with bk.connect(pulsar_server.url, admin=pulsar_server.admin, token=CANARY) as session:
        session.create_topic(topic)
        check(shown_by(session, topic, tmp_path))
    check([logged.getvalue()])


@pytest.mark.broker
def test_a_session_of_servicebus_shows_no_secret(servicebus_server: ServiceBusServer, logged: io.StringIO, tmp_path: Path) -> None:  # fmt: skip
    """The server's key is its own: its signatures are checked, so this one is looked for."""
    topic = f"secret-{uuid.uuid4().hex[:8]}"
    with bk.connect(servicebus_server.connection_string) as session:
        session.create_topic(topic)
        texts = list(shown_by(session, topic, tmp_path))
    for text in (*texts, logged.getvalue()):
        assert KEY not in text


CHILD = """
import pickle, sys
from brokerkit.core.runtime.connection import Connection
address = pickle.load(sys.stdin.buffer)
with Connection(address, timeout=10) as connection:
    print(len(connection.inspector().topics(timeout=10)))
"""


@pytest.mark.broker
@pytest.mark.parametrize("known", [True, False])
def test_a_worker_takes_the_credentials_from_its_own_environment(known: bool) -> None:
    with NatsServer(user="u", password=CANARY) as server, bk.connect(server.url) as session:
        session.create_topic("t")
        data = pickle.dumps(session.connection.address)
        assert CANARY.encode() not in data
        environment = {**os.environ, **({"BROKERKIT_NATS_PASSWORD": CANARY} if known else {})}
        done = subprocess.run([sys.executable, "-c", CHILD], input=data, capture_output=True, env=environment, timeout=60)  # fmt: skip
    check([done.stdout.decode(), done.stderr.decode()])
    if known:
        assert done.stdout.decode().strip() == "1", done.stderr.decode()[-500:]
    else:
        assert b"Unauthorized" in done.stderr or b"refused the credentials" in done.stderr


@pytest.mark.parametrize("backend", ["inmem", "jetstream", "pubsub", "pulsar", "servicebus", "registry"])
def test_every_option_of_an_address_is_known_to_be_a_secret_or_to_be_none(backend: str) -> None:
    home = "brokerkit.registry" if backend == "registry" else f"brokerkit.backends.{backend}"
    options = getattr(import_module(f"{home}.options"), "OPTIONS", {})
    unknown = [name for name in options if not is_secret(name) and not is_public(name, "")]
    assert unknown == []


HIDING: list[Callable[[Secret], str]] = [
    repr,
    str,
    "{}".format,
    "{:>20}".format,
    "%s".__mod__,
    lambda secret: repr([secret, {"a": secret}]),
]


@pytest.mark.parametrize("show", HIDING)
def test_a_secret_is_a_value_that_nothing_shows(show: Callable[[Secret], str]) -> None:
    assert "***" in show(Secret(CANARY))
    assert CANARY not in show(Secret(CANARY))


def test_a_secret_is_neither_pickled_nor_written_as_json() -> None:
    for write in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError) as caught:
            write(Secret(CANARY))
        check(texts_of(caught.value))
    assert Secret(CANARY).reveal() == CANARY
    assert Secret("a") == Secret("a") != Secret("b")


def test_an_address_in_another_process_takes_its_secrets_from_the_environment_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = resolve(
        f"kafka://u:{CANARY}@host?acks=all&session.timeout.ms=6000&sasl.kerberos.kinit.cmd=x", {}
    )
    data = pickle.dumps(address)
    assert CANARY.encode() not in data
    monkeypatch.setenv("BROKERKIT_KAFKA_SASL_PASSWORD", "there")
    found = pickle.loads(data)
    assert isinstance(found, Address)
    assert found.options == {"acks": "all", "session.timeout.ms": "6000", "sasl.password": Secret("there")}


def test_the_environment_is_not_read_into_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKERKIT_KAFKA_SASL_PASSWORD", CANARY)
    with pytest.raises(bk.ConfigError) as caught:
        bk.connect("kafka://host/path")
    check(texts_of(caught.value))


@pytest.mark.parametrize("name", ["hunter2", "hunter2.end", "Hunter2", "registry_hunter2"])
@pytest.mark.parametrize(
    ("scheme", "secret"),
    [
        ("inmem", "token"),
        ("kafka", "sasl.password"),
        ("nats", "password"),
        ("parquet", "token"),
        ("pubsub", "credentials"),
        ("pulsar", "token"),
        ("servicebus", "connection_string"),
    ],
)
def test_what_follows_an_ampersand_in_a_password_is_not_named(scheme: str, secret: str, name: str) -> None:
    """The end of the password is read as an option then; the error says where it stands."""
    url = f"{scheme}://{NOWHERE}?colour=red&{secret}=ab&{name}=x"
    with pytest.raises(bk.BrokerError) as caught:
        bk.connect(url)
    said = [*traceback.format_exception(caught.value), repr(bk.doctor(url, timeout=0.5))]
    assert "hunter2" not in "".join(said).lower()


def test_the_error_says_where_an_option_behind_a_secret_stands() -> None:
    with pytest.raises(bk.ConfigError, match="unknown option number 2 of the URL .behind a secret"):
        bk.connect(f"kafka://{NOWHERE}?sasl.password=ab&hunter2=x")
    # what is known works as before, and is named
    with pytest.raises(bk.ConfigError, match="tls must be"):
        bk.connect(f"nats://{NOWHERE}?token=ab&tls=maybe")
