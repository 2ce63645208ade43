"""Connections are saved without their secrets, listed, used and deleted."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import keyring
import pytest

import brokerkit as bk
from brokerkit.core.runtime.registry import address_of
from brokerkit.core.vocabulary.secrets import Secret
from brokerkit.saved.recent import last_used, note_use, recent_path
from brokerkit.saved.secret_places import fetch

from .canary import CANARY, check, texts_of
from .file_keyring import FileKeyring, PlainKeyring

AZURE = f"Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey={CANARY}"


def given_by_a_module() -> str:
    return CANARY


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "folder" / "connections.toml"
    monkeypatch.setenv("BROKERKIT_CONFIG", str(path))
    return path


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[FileKeyring]:
    before = keyring.get_keyring()
    made = FileKeyring(tmp_path / "keyring.json")
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def row(name: str) -> dict[str, Any]:
    return bk.connections().set_index("name").loc[name].to_dict()


def test_a_saved_connection_is_listed_opened_and_deleted(file: Path) -> None:
    assert bk.connections().empty
    bk.save_connection("shop", "inmem://saved-shop", production=True)
    assert row("shop") == {
        "url": "inmem://saved-shop",
        "read_only": False,
        "production": True,
        "registry": None,
        "secrets": {},
        "options": {},
    }
    with bk.connect("shop") as s:
        assert s.production
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    bk.delete_connection("shop")
    assert bk.connections().empty
    with pytest.raises(bk.ConfigError, match="no saved connection 'shop'"):
        bk.delete_connection("shop")


def test_comments_and_what_else_stands_in_the_file_survive(file: Path) -> None:
    file.parent.mkdir()
    text = '# mine\nversion = 1\n\n[live] # the live one\nurl = "inmem://live"\n\n[other]\nx.y = 1 # why\n'
    file.write_text(text)
    bk.save_connection("new", "inmem://new")
    bk.save_connection("live", "inmem://second", read_only=True)
    bk.delete_connection("new")
    found = file.read_text()
    assert found == text.replace('"inmem://live"\n', '"inmem://second"\nread_only = true\n')


def test_a_file_behind_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir()
    (tmp_path / "real.toml").write_text("")
    file.symlink_to(tmp_path / "real.toml")
    bk.save_connection("a", "inmem://a")
    assert file.is_symlink()
    assert "inmem://a" in (tmp_path / "real.toml").read_text()


@pytest.mark.extended
def test_processes_that_save_at_the_same_time_lose_nothing(file: Path) -> None:
    program = "import brokerkit as bk, sys\nfor n in range(10): bk.save_connection(f'{sys.argv[1]}{n}', 'inmem://x')"
    running = [subprocess.Popen([sys.executable, "-c", program, name]) for name in "abc"]
    assert [each.wait(60) for each in running] == [0, 0, 0]
    assert len(bk.connections()) == 30


@pytest.mark.extended
@pytest.mark.parametrize(
    ("url", "options"),
    [
        (f"kafka://me:{CANARY}@host", {}),
        (f"nats://{CANARY}@host", {}),
        (f"kafka://host?sasl.password={CANARY}", {}),
        ("nats://host", {"token": CANARY}),
        ("kafka://host", {"sasl.pasword": CANARY}),
        ("pulsar://host", {"token": CANARY.encode()}),
        (AZURE, {}),
        ("inmem://x", {"registry": f"http://me:{CANARY}@host"}),
        ("kafka://host", {"librdkafka": {"sasl.password": CANARY}}),
    ],
)
def test_a_secret_is_refused_and_not_shown(url: str, options: dict[str, Any], file: Path) -> None:
    with pytest.raises(bk.ConfigError, match=r"secret=|own names") as caught:
        bk.save_connection("mine", url, **options)
    check(texts_of(caught.value))
    assert not file.exists()


def test_the_secret_itself_in_place_of_where_it_is_is_not_shown() -> None:
    with pytest.raises(bk.ConfigError, match="never is the secret itself") as caught:
        bk.save_connection("mine", "kafka://me@host", secret=CANARY)
    check(texts_of(caught.value))


@pytest.mark.extended
@pytest.mark.parametrize(
    ("url", "options", "option"),
    [
        (f"kafka://me:{CANARY}@host:9092?security.protocol=SASL_SSL", {}, "secret"),
        (f"pulsar://host/a/b?token={CANARY}", {}, "token"),
        ("nats://host", {"token": CANARY}, "token"),
        ("kafka://host", {"sasl.username": "me", "sasl.password": CANARY}, "sasl.password"),
        (AZURE, {}, "connection_string"),
        ("inmem://x", {"registry": f"http://me:{CANARY}@host"}, "registry_password"),
    ],
)
def test_secrets_move_to_the_keyring_and_come_from_it(
    url: str, options: dict[str, Any], option: str, ring: FileKeyring, file: Path
) -> None:
    bk.save_connection("mine", url, secret="keyring", **options)
    assert CANARY not in file.read_text()
    assert CANARY not in bk.connections().to_string()
    assert row("mine")["secrets"] == {option: f"keyring:mine/{option}"}
    meant, found = address_of(url, options), address_of("mine", {}, fetch)
    assert (found.scheme, found.hosts, found.user, found.password) == (
        meant.scheme,
        meant.hosts,
        meant.user,
        meant.password,
    )
    assert (found.options, found.registry) == (meant.options, meant.registry)
    bk.delete_connection("mine")
    assert ring.entries == {}


@pytest.mark.parametrize("user", ["me@", ""])
def test_a_secret_comes_from_the_environment(user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bk.save_connection("mine", f"nats://{user}host", secret="env:MY_SECRET")
    assert row("mine")["secrets"] == {"secret": "env:MY_SECRET"}
    with pytest.raises(bk.ConfigError, match="MY_SECRET, which is not set"):
        address_of("mine", {}, fetch)
    monkeypatch.setenv("MY_SECRET", CANARY)
    found = address_of("mine", {}, fetch)
    assert (found.user, found.password) == (("me", Secret(CANARY)) if user else (Secret(CANARY), None))


def test_a_secret_comes_from_a_function_of_a_module() -> None:
    bk.save_connection("mine", "kafka://me@host", secret=given_by_a_module)
    assert address_of("mine", {}, fetch).password == Secret(CANARY)
    with pytest.raises(bk.ConfigError, match="into a module"):
        bk.save_connection("other", "kafka://me@host", secret=lambda: CANARY)


def test_a_secret_that_is_typed_needs_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    bk.save_connection("mine", "kafka://me@host", secret="prompt")
    with pytest.raises(bk.ConfigError, match="no person can be asked"):
        bk.connect("mine")


def test_an_option_may_name_its_own_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_PASSWORD", CANARY)
    bk.save_connection("mine", "kafka://host", **{"ssl.key.password": {"env": "KEY_PASSWORD"}})
    assert address_of("mine", {}, fetch).options == {"ssl.key.password": Secret(CANARY)}


def test_the_path_of_a_file_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "me.creds").write_text("x")
    bk.save_connection("mine", "nats://host", user_credentials=str(tmp_path / "me.creds"))
    assert address_of("mine", {}).options["user_credentials"] == Secret(str(tmp_path / "me.creds"))


def test_a_keyring_that_keeps_plain_text_or_nothing_is_refused(ring: FileKeyring, tmp_path: Path) -> None:
    ring.forgets = True
    with pytest.raises(bk.ConfigError, match="read back") as caught:
        bk.save_connection("mine", f"kafka://me:{CANARY}@host", secret="keyring")
    check(texts_of(caught.value))
    keyring.set_keyring(PlainKeyring(tmp_path / "plain.json"))
    with pytest.raises(bk.ConfigError, match=r"no keyring that keeps a secret.*env:NAME"):
        bk.save_connection("mine", f"kafka://me:{CANARY}@host", secret="keyring")
    assert bk.connections().empty


@pytest.mark.extended
def test_a_machine_without_a_keyring_says_so() -> None:
    program = (
        "import brokerkit as bk\n"
        "try: bk.save_connection('mine', 'kafka://me:x@host', secret='keyring')\n"
        "except bk.ConfigError as error: print(error)"
    )
    environment = {**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "no keyring that keeps a secret" in done.stdout
    assert 'secret="env:NAME"' in done.stdout


def test_an_entry_that_left_the_keyring_is_named(ring: FileKeyring) -> None:
    bk.save_connection("mine", f"kafka://me:{CANARY}@host", secret="keyring")
    ring.file.unlink()
    with pytest.raises(bk.ConfigError, match="no entry 'mine/secret'"):
        bk.connect("mine")


def test_a_secret_that_was_written_by_hand_works_and_is_not_listed(file: Path) -> None:
    file.parent.mkdir()
    file.write_text(f'[a]\nurl = "kafka://me:{CANARY}@host"\n[b]\nurl = "nats://host"\ntoken = "{CANARY}"\n')
    assert CANARY not in bk.connections().to_string() + bk.connections().to_json()
    assert row("a")["secrets"] == {"url": "in the file"}
    assert row("b")["secrets"] == {"token": "in the file"}
    assert address_of("a", {}).password == Secret(CANARY)


@pytest.mark.parametrize("name", ["", "a b", "kafka://x", "a:b", "x" * 41])
def test_a_name_that_connect_would_not_find_is_refused(name: str) -> None:
    with pytest.raises(bk.ConfigError, match="name of a connection"):
        bk.save_connection(name, "inmem://x")


def test_a_file_that_is_broken_is_left_as_it_is(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("[broken")
    with pytest.raises(bk.ConfigError, match="not valid TOML"):
        bk.save_connection("a", "inmem://a")
    assert file.read_text() == "[broken"


FULL = """
import resource, sys
import brokerkit as bk
bk.save_connection("shop", "inmem://shop")
resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
for change in (
    lambda: bk.save_connection("other", "inmem://other"),
    lambda: bk.save_connection("shop", "inmem://changed"),
    lambda: bk.delete_connection("shop"),
):
    try:
        change()
    except bk.StorageError as error:
        print(error)
"""


@pytest.mark.extended
@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_full_disk_changes_no_saved_connection_and_says_what_to_do(file: Path) -> None:
    bk.save_connection("kept", "inmem://kept")
    program = FULL + "bk.connections()"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    said = done.stdout.splitlines()
    assert len(said) == 3
    assert all("no room left" in each and "make the same call then" in each for each in said[:2])
    assert set(bk.connections()["name"]) == {"kept", "shop"}
    assert row("shop")["url"] == "inmem://shop"
    assert [each.name for each in file.parent.iterdir() if not each.name.endswith(".lock")] == [file.name]
    bk.delete_connection("shop")
    assert set(bk.connections()["name"]) == {"kept"}


def test_a_time_of_use_without_a_zone_is_in_utc(file: Path) -> None:
    file.parent.mkdir()
    recent_path().write_text('{"a": "2026-01-01T00:00:00", "b": "2026-01-01T01:30:00+01:00"}')
    note_use("c")
    found = last_used()
    assert set(found) == {"a", "b", "c"}
    assert found["b"] - found["a"] == timedelta(minutes=30)
