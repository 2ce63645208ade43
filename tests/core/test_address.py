"""What a URL, a saved name and the environment mean, and what of them never shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from brokerkit.core import ConfigError
from brokerkit.core.runtime.registry import address_of
from brokerkit.core.vocabulary.address import Address, resolve
from brokerkit.core.vocabulary.secrets import Secret, Secrets, is_secret

KEY = "Abc/def+ghi="
AZURE = f"Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey={KEY};EntityPath=q"


def test_a_url_is_taken_apart() -> None:
    address = Address.parse("Kafka://me:p%40ss@one:9092,two:9093/a%20b?acks=all&empty=", {"acks": "1"})
    assert (address.scheme, address.hosts, address.path) == ("kafka", ("one:9092", "two:9093"), "a b")
    assert (address.user, address.password) == ("me", Secret("p@ss"))
    assert address.options == {"acks": "1", "empty": ""}


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "[::1]", "[::1]:4222", "10.0.0.1:9092"])
def test_hosts_of_every_kind_are_read(host: str) -> None:
    assert Address.parse(f"nats://{host}").hosts == (host,)


def test_a_password_may_hold_an_at_sign() -> None:
    address = Address.parse("nats://me:p@ss@host")
    assert (address.user, address.password, address.hosts) == ("me", Secret("p@ss"), ("host",))


@pytest.mark.parametrize("password", ["geh/eim", "geh?eim", "12/34"])
def test_a_password_that_breaks_the_url_is_refused_without_being_shown(password: str) -> None:
    with pytest.raises(ConfigError, match="%2F") as caught:
        Address.parse(f"kafka://me:{password}@host")
    assert not re.search("geh|eim|12|34", str(caught.value).replace("%3", ""))


@pytest.mark.parametrize("text", ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkw.abc", "AccountKey=geheim"])
def test_a_pasted_secret_is_not_repeated(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKERKIT_CONFIG", str(tmp_path / "none.toml"))
    for ask in (lambda: Address.parse(text), lambda: resolve(text, {})):
        with pytest.raises(ConfigError) as caught:
            ask()
        assert text[10:] not in str(caught.value)


def test_an_azure_connection_string_is_an_address_whose_key_is_masked() -> None:
    address = address_of(AZURE, {})
    assert address.scheme == "servicebus"
    assert address.options["connection_string"] == Secret(AZURE)
    assert str(address) == "servicebus://ns.servicebus.windows.net"
    for text in (repr(address), str(address), address.public_url, address.secrets.mask(f"bad key {KEY}")):
        assert KEY not in text


def test_a_user_without_a_password_may_be_a_token_and_is_masked() -> None:
    address = Address.parse("nats://s3cret@host")
    assert "s3cret" not in repr(address) + str(address) + address.public_url
    assert address.secrets.mask("refused s3cret") == "refused ***"
    assert "me@" in str(Address.parse("nats://me@host", {"password": "x"}))


def test_a_password_inside_of_another_option_is_masked() -> None:
    options = {"schema.registry.url": "https://u:geheim@registry", "acks": "all"}
    address = Address.parse("kafka://host", options)
    assert "geheim" not in address.public_url
    assert "acks=all" in address.public_url
    assert address.secrets.mask("at https://u:geheim@registry") == "at https://u:***@registry"


@pytest.mark.parametrize("value", [12345, b"12345"])
def test_secrets_that_are_no_text_are_masked_too(value: Any) -> None:
    assert Address.parse("any://host", {"password": value}).secrets.mask("12345") == "***"


@pytest.mark.parametrize(
    "name",
    ["password", "sasl.password", "ssl.key.password", "token", "nkeys_seed", "nkeys_seed_str", "api_key",
     "private_key", "connection_string", "sasl.oauthbearer.client.secret", "auth_params", "ssl.key.pem",
     "basic.auth.user.info", "shared_access_key"],
)  # fmt: skip
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["key", "acks", "ssl.key.location", "user", "compression.type", "monkey"])
def test_other_names_are_shown(name: str) -> None:
    assert is_secret(name) is (name == "key")


def test_a_longer_secret_is_masked_before_a_shorter_one_within_it() -> None:
    assert Secrets(["abc", "abcdef"]).mask("abcdef abc") == "*** ***"


def test_masking_an_error_goes_through_its_causes_and_ends() -> None:
    inner, outer = ValueError("geheim 1"), RuntimeError("geheim 2")
    outer.__cause__, inner.__context__ = inner, outer
    Secrets(["geheim"]).clear(outer)
    assert (str(outer), str(outer.__cause__)) == ("*** 2", "*** 1")


def test_the_environment_gives_the_url_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKERKIT_URL", "kafka://host?acks=0")
    monkeypatch.setenv("BROKERKIT_KAFKA_SASL_PASSWORD", "x")
    monkeypatch.setenv("BROKERKIT_KAFKA_ACKS", "all")
    monkeypatch.setenv("BROKERKIT_KAFKA_USER__NAME", "y")
    assert resolve(None, {}).options == {"sasl.password": Secret("x"), "acks": "0", "user_name": Secret("y")}
    monkeypatch.delenv("BROKERKIT_URL")
    with pytest.raises(ConfigError, match="BROKERKIT_URL"):
        resolve(None, {})


@pytest.mark.parametrize(
    ("text", "match"),
    [('mine = "kafka://x"', "table"), ("[mine]\nacks = 1", "url ="), ("[mine", "not valid TOML")],
)
def test_a_broken_file_of_connections_says_what_is_wrong(
    text: str, match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "connections.toml"
    path.write_text(text)
    monkeypatch.setenv("BROKERKIT_CONFIG", str(path))
    with pytest.raises(ConfigError, match=match):
        resolve("mine", {})


def test_marks_stand_in_the_url_the_call_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    address = resolve("kafka://host?acks=all&production=yes", {"read_only": True})
    assert address.marks == (True, True, False)
    assert address.options == {"acks": "all"}
    assert resolve(address.public_url, {}).marks == address.marks
    monkeypatch.setenv("BROKERKIT_KAFKA_READ_ONLY", "true")
    monkeypatch.setenv("BROKERKIT_KAFKA_PRODUCTION", "1")
    assert resolve("kafka://host", {}).marks == (True, True, False)
    assert resolve("kafka://host", {"read_only": False, "production": False}).marks == (False, False, False)
    assert resolve("nats://host", {}).marks == (False, False, False)


def test_a_mark_that_says_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(ConfigError, match="production must be true or false"):
        resolve("kafka://host?production=maybe", {})
