"""What an address may say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from brokerkit.backends.pubsub.names import path_of, shown
from brokerkit.backends.pubsub.options import ENDPOINT, read_options
from brokerkit.core import ConfigError, connect
from brokerkit.core.vocabulary.address import Address


@pytest.fixture(autouse=True)
def _no_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)


def test_the_project_is_in_the_url_and_the_service_is_the_default() -> None:
    found = read_options(Address.parse("pubsub://my-project"))
    assert (found.project, found.host, found.emulator) == ("my-project", ENDPOINT, False)


def test_a_project_with_a_colon_is_an_option() -> None:
    assert (
        read_options(Address.parse("pubsub://", {"project": "example.com:p-1"})).project == "example.com:p-1"
    )


def test_the_emulator_comes_from_the_option_and_else_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "localhost:8085")
    from_environment = read_options(Address.parse("pubsub://p-1"))
    assert (from_environment.host, from_environment.emulator) == ("localhost:8085", True)
    named = read_options(Address.parse("pubsub://p-1?emulator=127.0.0.1:9000"))
    assert named.host == "127.0.0.1:9000"
    service = read_options(Address.parse("pubsub://p-1?endpoint=europe-west1-pubsub.googleapis.com"))
    assert (service.host, service.emulator) == ("europe-west1-pubsub.googleapis.com:443", False)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("pubsub://p-1/orders", "pubsub://PROJECT"),
        ("pubsub://ann@p-1", "pubsub://PROJECT"),
        ("pubsub://p-1?emulator=nowhere", "HOST:PORT"),
        ("pubsub://p-1?emulator=host:99999", "HOST:PORT"),
        ("pubsub://p-1?emulator=a:1&endpoint=b:2", "choose one"),
        ("pubsub://p-1?colour=red", "credentials"),
        ("pubsub://p_1", "project id"),
        ("pubsub://p-1?credentials=/nowhere/key.json", "service account"),
    ],
)
def test_an_address_that_cannot_be_used_says_what_was_expected(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_options(Address.parse(url))


def test_an_invalid_key_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text(json.dumps({"type": "service_account", "private_key": "very-secret-key"}), "utf-8")
    with pytest.raises(ConfigError, match="service account") as raised:
        connect(f"pubsub://p-1?credentials={key}", timeout=5)
    error: BaseException | None = raised.value
    while error is not None:
        assert "very-secret-key" not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__


def test_names_are_ids_here_and_paths_elsewhere() -> None:
    assert path_of("p-1", "topics", "orders") == "projects/p-1/topics/orders"
    assert path_of("p-1", "topics", "projects/p-2/topics/orders") == "projects/p-2/topics/orders"
    assert shown("p-1", "projects/p-1/topics/orders") == "orders"
    assert shown("p-1", "projects/p-2/topics/orders") == "projects/p-2/topics/orders"


@pytest.mark.parametrize(
    "name", ["ab", "1orders", "google", "a/b/c", "with space", "projects/p/subscriptions/abc"]
)
def test_a_name_that_the_service_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="expected 3 to 255"):
        path_of("p-1", "topics", name)


@pytest.mark.extended
def test_without_the_library_the_error_has_the_line_that_installs_it() -> None:
    program = (
        "import sys\n"
        "sys.modules['google.pubsub_v1'] = None\n"
        "sys.modules['grpc'] = None\n"
        "from brokerkit.core import connect, ConfigError\n"
        "try:\n"
        "    connect('pubsub://p-1?emulator=127.0.0.1:1')\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert "pip install 'brokerkit-notebook[pubsub]'" in done.stdout
