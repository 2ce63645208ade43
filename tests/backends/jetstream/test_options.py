"""Addresses and options, without a server."""

from pathlib import Path

import pytest

from brokerkit.backends.jetstream.options import read_options
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import revealed


def read(url: str, **options: object) -> dict[str, object]:
    return revealed(dict(read_options(Address.parse(url, options)).client))


def test_hosts_get_the_default_port() -> None:
    assert read_options(Address.parse("nats://a,b:99,[::1]:7,[::2]")).servers == (
        "nats://a:4222", "nats://b:99", "nats://[::1]:7", "nats://[::2]:4222",
    )  # fmt: skip
    assert read_options(Address.parse("nats://")).hosts == ("localhost:4222",)


def test_a_user_with_password_and_a_lone_token_are_told_apart() -> None:
    assert read("nats://u:p%40@h") == {"name": "brokerkit", "user": "u", "password": "p@"}
    assert read("nats://tok@h") == {"name": "brokerkit", "token": "tok"}
    assert read("nats://h", user="u", password="p")["user"] == "u"


def test_an_unknown_option_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown option 'sasl'.*domain.*user_credentials"):
        read("nats://h", sasl="x")


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("nats://h:port", {}),
        ("nats://h:0", {}),
        ("nats://h/path", {}),
        ("nats://h", {"password": "p"}),
        ("nats://t@h", {"user_credentials": "/nowhere"}),
        ("nats://h", {"tls": "perhaps"}),
        ("nats://h", {"tls_ca": "/nowhere"}),
        ("nats://h", {"stream": "a.b"}),
    ],
)
def test_meaningless_arguments_are_refused(url: str, options: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        read(url, **options)


def test_two_ways_to_log_in_are_refused(tmp_path: Path) -> None:
    creds = tmp_path / "x.creds"
    creds.write_text("x")
    with pytest.raises(ConfigError, match="choose one"):
        read("nats://u:p@h", user_credentials=str(creds))


def test_the_repr_shows_no_secret() -> None:
    assert "hunter2" not in repr(read_options(Address.parse("nats://u:hunter2@h")))
