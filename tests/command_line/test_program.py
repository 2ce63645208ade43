"""The command `brokerkit`: rows on the standard output, remarks on the other, and an exit code for scripts."""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from click.testing import CliRunner

import brokerkit as bk
from brokerkit.command_line import commands, main
from brokerkit.sandbox.nats import NatsServer
from tests.session.canary import CANARY

if TYPE_CHECKING:
    from brokerkit.sandbox.kafka import KafkaServer

COMMAND = [sys.executable, "-m", "brokerkit"]
Run = Callable[..., subprocess.CompletedProcess[bytes]]
WRITING = pytest.mark.parametrize(
    ("form", "unbuffered"),
    [
        ("table", ""),
        *(
            pytest.param(form, unbuffered, marks=pytest.mark.extended)
            for form in ("table", "jsonl", "csv", "parquet")
            for unbuffered in ("", "1")
            if (form, unbuffered) != ("table", "")
        ),
    ],
)
"""Each format, and the value of PYTHONUNBUFFERED that the process has."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "BROKERKIT_CONFIG": str(tmp_path / "connections.toml"), "COLUMNS": "200"}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run a command in this process, which has imported everything already, and check its exit code."""

    def run(*arguments: str, code: int = 0, sent: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        with CliRunner().isolation(sent, environment) as (out, err, _):
            ended = 0
            try:
                main(list(arguments))
            except SystemExit as end:
                ended = int(end.code or 0)
            sys.stdout.flush()
            done = subprocess.CompletedProcess(arguments, ended, out.getvalue(), err.getvalue())
        assert done.returncode == code, done.stderr.decode()
        assert b"Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def run_process(environment: dict[str, str]) -> Run:
    """Run a command in a process of its own, and check its exit code."""

    def run(*arguments: str, code: int = 0, sent: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [*COMMAND, *arguments], input=sent, env=environment, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == code, done.stderr.decode()
        assert b"Traceback" not in done.stderr
        return done

    return run


@pytest.fixture(params=["nats", "kafka"])
def broker(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The address of a real server, and a new topic with three messages."""
    server: NatsServer | KafkaServer = request.getfixturevalue(f"{request.param}_server")
    url = server.address
    topic = f"cli.{time.time_ns()}"
    with bk.connect(url) as s:
        s.create_topic(topic)
        s.publish_batch(topic, ['{"id": 1}', '{"id": 2}', "\x1b[31mred"])
    return url, topic


@pytest.mark.broker
def test_no_command_shows_what_the_mask_of_the_connection_hides(
    broker: tuple[str, str], run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    url, topic = broker
    with bk.connect(url) as s:
        s.publish_batch(topic, ['{"email": "k4n4r13n@example.com"}', b"\xffk4n4r13n"])
    (tmp_path / "connections.toml").write_text(
        f'[shop]\nurl = "{url}"\nmask = "email"\n[locked]\nurl = "{url}"\nmask = "email"\nmask_locked = true\n'
    )
    peek = ["peek", topic, "--start", "earliest"]
    follow = ["tail", topic, "-n", "9", "--count", "5"]
    for form, read in (("table", peek), ("csv", peek), ("jsonl", follow)):
        done = run("-c", "shop", "-o", form, *read)
        assert b"k4n4r13n" not in done.stdout + done.stderr
        assert b"***" in done.stdout
    for read in (peek, follow):
        assert b"k4n4r13n" in run("-c", "shop", "-o", "jsonl", *read, "--unmask").stdout
        assert b"locked" in run("-c", "locked", *read, "--unmask", code=6).stderr
    assert b'"id": 1' not in run("-c", "shop", *follow, "--mask", "id").stdout
    run("-c", "shop", "export", topic, str(tmp_path / "out"))
    files = [*(tmp_path / "out").rglob("*.parquet")]
    assert files
    assert "k4n4r13n" not in str([pd.read_parquet(each).to_dict() for each in files])
    assert b"unmask" in run("-c", "shop", "copy", topic, f"{topic}.again", code=6).stderr


@pytest.mark.broker
def test_rows_come_in_every_format(broker: tuple[str, str], run: Run, run_process: Run) -> None:
    url, topic = broker
    peek = ["peek", topic, "-n", "2", "--start", "earliest"]
    table = run_process("-c", url, *peek).stdout.decode().splitlines()
    assert [line.split()[0] for line in table] == ["topic", topic, topic]
    lines = [json.loads(line) for line in run("-c", url, "-o", "jsonl", *peek).stdout.splitlines()]
    assert [json.loads(line["value"])["id"] for line in lines] == [1, 2]
    csv = pd.read_csv(io.BytesIO(run("-c", url, "-o", "csv", *peek).stdout))
    assert csv["value"].tolist() == ['{"id": 1}', '{"id": 2}']
    parquet = pd.read_parquet(io.BytesIO(run("-c", url, "-o", "parquet", *peek).stdout))
    assert parquet["value"].tolist() == ['{"id": 1}', '{"id": 2}']
    assert b"\x1b" not in run("-c", url, "peek", topic).stdout
    assert topic in run("-c", url, "topics").stdout.decode()
    assert topic in run("-c", url, "describe", topic).stdout.decode()


@pytest.mark.broker
def test_messages_are_published_copied_and_exported(
    broker: tuple[str, str], run: Run, run_process: Run, tmp_path: Path
) -> None:
    url, topic = broker
    assert b"published 1" in run("-c", url, "publish", topic, "x", "--key", "k", "--attribute", "a=b").stderr
    assert b"published 1" in run_process("-c", url, "publish", topic, sent=b"\x00\xff").stderr
    assert b"published 2" in run("-c", url, "publish", topic, "--lines", sent=b"one\n\ntwo\n").stderr
    with bk.connect(url) as s:
        found = s.peek(topic)
        s.create_topic(f"{topic}-copy")
    assert found["raw"].tolist()[-3] == b"\x00\xff"
    assert found["value"].tolist()[-2:] == ["one", "two"]
    assert found["key"].tolist()[3] == "k"
    assert b"copied 7 of 7" in run("-c", url, "copy", topic, f"{topic}-copy").stderr
    assert b"exported 7 rows" in run("-c", url, "export", topic, str(tmp_path / "rows")).stderr
    assert len(pd.read_parquet(tmp_path / "rows")) == 7
    folder = str(tmp_path / "archive")
    assert b"captured 7 new" in run("-c", url, "capture", topic, folder, "--partition-by", "day").stderr
    assert b"captured 0 new" in run("-c", url, "capture", topic, folder).stderr
    assert f"{topic}-copy".encode() in run("-c", url, "restore", folder, f"{topic}-copy", "--dry-run").stdout
    assert b"restored 7 of 7" in run("-c", url, "restore", folder, f"{topic}-copy").stderr
    assert b"two" in run("-c", f"parquet://{folder}", "peek", topic).stdout


@pytest.mark.broker
def test_rows_of_a_file_are_published_and_bad_lines_stay_behind(
    broker: tuple[str, str], run: Run, tmp_path: Path
) -> None:
    url, topic = broker
    file = tmp_path / "refunds.csv"
    lines = [f"{n};c-{n};{n},50;late" for n in range(20)]
    lines[4], lines[9] = "4;c-4;n/a;late", '9;c-9;9,50;"late'
    file.write_text("\n".join(["order;customer;amount;reason", *lines]))
    mapped = ["--key", "customer", "--field", "order", "--field", "amount=total", "--header", "reason"]
    command = ["-c", url, "publish-rows", topic, str(file), *mapped]
    for more in ([], ["--dry-run"]):
        refused = run(*command, *more, code=7)
        assert b"'n/a' is not a number" in refused.stdout
        assert b"2 of 20 lines are bad: nothing was sent" in refused.stderr
    done = run(*command, "--skip-bad", "--rate", "1000", "--journal", str(tmp_path / "journal"), code=7)
    assert b"published 18 of 20" in done.stderr
    assert (
        b"published 18 of 20"
        in run(*command, "--skip-bad", "--journal", str(tmp_path / "journal"), code=7).stderr
    )
    with bk.connect(url) as s:
        found = s.peek(topic, 100)
    sent = found[found["key"] == "c-3"]
    assert sent["value"].tolist() == ['{"order":3,"total":3.5}']
    assert bk.attr(sent, "reason").tolist() == ["late"]
    assert found["key"].str.startswith("c-", na=False).sum() == 18


@pytest.mark.broker
def test_a_tail_shows_what_comes_and_ctrl_c_ends_it(
    broker: tuple[str, str], environment: dict[str, str]
) -> None:
    url, topic = broker
    command = [*COMMAND, "-c", url, "-o", "jsonl", "tail", topic, "--last", "1"]
    with (
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as running,
        bk.connect(url) as s,
    ):
        assert running.stdout is not None
        assert running.stderr is not None
        assert topic in running.stdout.readline()
        s.publish(topic, "later")
        assert "later" in running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 130
        said = running.stderr.read()
    assert "interrupted" in said
    assert "Traceback" not in said


@pytest.mark.broker
@WRITING
def test_a_reader_that_goes_away_ends_the_command_quietly(
    nats_server: NatsServer, environment: dict[str, str], form: str, unbuffered: str
) -> None:
    # more than a pipe holds, in each format: values that no compression makes smaller, and many rows
    values = [secrets.token_hex(500) for _ in range(1500)]
    topic = f"cli.{time.time_ns()}"
    with bk.connect(nats_server.address) as s:
        s.create_topic(topic)
        s.publish_batch(topic, values)
    command = [*COMMAND, "-c", nats_server.address, "-o", form, "peek", topic, "-n", "1500"]
    with subprocess.Popen(
        command,
        env={**environment, "PYTHONUNBUFFERED": unbuffered},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.read(1)
        running.stdout.close()
        assert running.wait(30) == 141
        assert running.stderr.read() == b""


@pytest.mark.broker
def test_exit_codes_tell_scripts_what_happened(nats_server: NatsServer, run: Run, run_process: Run) -> None:
    url = nats_server.address
    assert b"error:" in run_process("-c", url, "peek", f"none.{time.time_ns()}", code=3).stderr
    run("-c", "nats://127.0.0.1:9", "topics", code=5)
    run("-c", "nonsense://host", "topics", code=2)
    run("-c", url, "peek", code=2)
    run("-c", url, "peek", "x", "--limit", "many", code=2)
    run("-c", url, "--read-only", "publish", "x", "y", code=6)
    refused = run("-c", url, "-O", "production=true", "publish", "x", "y", "--confirm", "x", code=6).stderr
    assert b"without --allow-changes" in refused
    assert b"--confirm x" in run(
        "-c", url, "-O", "production=true", "--allow-changes", "publish", "x", "y", code=2
    ).stderr  # fmt: skip
    run("-c", url, "doctor")
    assert b"FAILED" in run("-c", "nats://127.0.0.1:9", "doctor", code=1).stdout


@pytest.mark.broker
@pytest.mark.parametrize(
    "system", ["nats", *(pytest.param(e, marks=pytest.mark.extended) for e in ("kafka", "servicebus"))]
)
def test_refused_credentials_end_a_command_with_one_line_and_a_code(
    system: str, run_process: Run, request: pytest.FixtureRequest
) -> None:
    with ExitStack() as stack:
        match system:
            case "nats":
                server = stack.enter_context(NatsServer(user="me", password="right"))
                url = f"nats://me:{CANARY}@{server.url.rpartition('@')[2]}"
            case "kafka":
                bootstrap = request.getfixturevalue("kafka_server").sasl_bootstrap
                url = f"kafka://me:{CANARY}@{bootstrap}?security.protocol=SASL_PLAINTEXT&sasl.mechanism=PLAIN"
            case _:
                given = request.getfixturevalue("servicebus_server").connection_string
                url = re.sub("SharedAccessKey=[^;]*", f"SharedAccessKey={CANARY}", given)
        said = run_process("-c", url, "topics", code=4).stderr.decode()
    assert "refused the credentials" in said
    assert said.count("\n") == 1
    assert CANARY not in said


def test_connections_are_saved_listed_and_deleted(run: Run) -> None:
    run("connections", "save", "shop", "inmem://shop", "--production")
    assert json.loads(run("-o", "jsonl", "connections").stdout)["name"] == "shop"
    parquet = pd.read_parquet(io.BytesIO(run("-o", "parquet", "connections").stdout))
    assert parquet[["name", "secrets"]].to_numpy().tolist() == [["shop", "{}"]]
    refused = run("connections", "save", "live", f"kafka://me:{CANARY}@host", code=2)
    assert b"secret=" in refused.stderr
    assert CANARY.encode() not in refused.stderr
    run("connections", "delete", "shop")
    run("connections", "delete", "shop", code=2)
    assert run("-o", "jsonl", "connections").stdout == b""


@pytest.mark.extended
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@WRITING
def test_an_output_that_cannot_be_written_is_an_error(
    run: Run, environment: dict[str, str], form: str, unbuffered: str
) -> None:
    run("connections", "save", "shop", "inmem://shop")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "-o", form, "connections"],
            env={**environment, "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith(b"error: the output cannot be written: there is no room left")
    assert done.stderr.count(b"\n") == 1


def test_the_help_says_where_a_password_belongs(run: Run) -> None:
    assert b"stays in the history of the shell" in run("--help").stdout


def test_a_sandbox_lists_what_can_be_started(run: Run) -> None:
    assert b"nats" in run("sandbox").stdout


def every_command() -> Iterator[tuple[str, ...]]:
    for name, command in commands.commands.items():
        yield (name,)
        for below in getattr(command, "commands", {}):
            yield (name, below)


@pytest.mark.parametrize("names", list(every_command()), ids=" ".join)
def test_the_help_of_each_command_names_the_call_in_python(names: tuple[str, ...]) -> None:
    assert "In Python: " in CliRunner().invoke(commands, [*names, "--help"]).stdout


def test_the_help_comes_without_waiting_for_pandas_and_client_libraries() -> None:
    check = (
        "import sys; from brokerkit.command_line import commands; "
        "print([name for name in ('pandas', 'pyarrow', 'numpy', 'confluent_kafka', 'nats') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.broker
def test_subscriptions_are_listed_and_moved(broker: tuple[str, str], run: Run) -> None:
    url, topic = broker
    with bk.connect(url) as s:
        s.pull(topic, 3, subscription="billing", start="earliest")
    rows = run("-c", url, "-o", "jsonl", "subscriptions", topic).stdout.splitlines()
    assert [json.loads(row)["subscription"] for row in rows] == ["billing"]
    moving = ("-c", url, "-o", "jsonl", "reset", topic, "billing", "earliest")
    assert json.loads(run(*moving, "--dry-run").stdout.splitlines()[0])["lag_after"] == 3
    assert json.loads(run(*moving[:-1], "-1h", "--dry-run").stdout.splitlines()[0])["lag_after"] == 3
    assert b"confirm" in run(*moving, code=2).stderr
    assert json.loads(run(*moving, "--confirm", "billing").stdout.splitlines()[0])["status"] == "done"


def test_the_help_lists_the_exit_codes(run: Run) -> None:
    shown = run("--help").stdout.decode()
    for code in (0, 1, 2, 3, 4, 5, 6, 7, 8, 130, 141):
        assert f"\n    {code} " in shown


@pytest.mark.parametrize("name", ["target", "read_only", "allow_changes", "timeout"])
@pytest.mark.parametrize("command", [["topics"], ["browse", "--no-open"]])
def test_what_has_an_option_of_its_own_is_no_option_of_the_system(
    run: Run, command: list[str], name: str
) -> None:
    done = run("-c", "inmem://", "--read-only", "--option", f"{name}=false", *command, code=2)
    assert f"{name} is no option of a system" in done.stderr.decode()
