"""What may stand in a Kafka URL, and what each thing means to librdkafka."""

from __future__ import annotations

import pytest

from brokerkit.backends import kafka
from brokerkit.backends.kafka.options import REFUSED, read_options, tls_option
from brokerkit.core import ConfigError
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.secrets import Secret


def properties(url: str, **options: object) -> dict[str, object]:
    return read_options(Address.parse(url, options))


@pytest.mark.parametrize(
    ("hosts", "servers"),
    [
        ("one", "one:9092"),
        ("one:1,two", "one:1,two:9092"),
        ("[::1]", "[::1]:9092"),
        ("[::1]:5", "[::1]:5"),
    ],
)
def test_a_host_without_a_port_gets_the_default_port(hosts: str, servers: str) -> None:
    assert properties(f"kafka://{hosts}")["bootstrap.servers"] == servers


@pytest.mark.parametrize("url", ["kafka://", "kafka://host/topic"])
def test_an_address_without_hosts_or_with_a_path_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        properties(url)


def test_properties_of_librdkafka_pass_by_their_own_name() -> None:
    found = properties(
        "kafka://h?fetch.min.bytes=5", retries=3, librdkafka={"client.rack": "a", "debug": "broker"}
    )
    assert found["fetch.min.bytes"] == "5"
    assert (found["retries"], found["client.rack"], found["debug"]) == (3, "a", "broker")


def test_librdkafka_properties_may_be_json_in_the_url() -> None:
    assert properties('kafka://h?librdkafka={"client.rack":"b"}')["client.rack"] == "b"


@pytest.mark.parametrize("given", ["{", "[1]", 5])
def test_librdkafka_properties_must_be_a_dict(given: object) -> None:
    with pytest.raises(ConfigError, match="librdkafka="):
        properties("kafka://h", librdkafka=given)


def test_an_unknown_option_is_refused_with_what_is_known() -> None:
    with pytest.raises(ConfigError, match=r"'timeout'.*librdkafka=.*sasl\.mechanism"):
        properties("kafka://h?timeout=3")


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_property_that_would_break_a_promise_is_refused_by_either_way(name: str) -> None:
    for options in ({name: "x"}, {"librdkafka": {name: "x"}}):
        with pytest.raises(ConfigError, match=f"{name} cannot be set: "):
            properties("kafka://h", **options)


def test_user_and_password_of_the_url_are_those_of_sasl() -> None:
    found = properties("kafka://me:secret@h")
    assert (found["sasl.username"], found["sasl.password"]) == ("me", Secret("secret"))
    assert (found["sasl.mechanism"], found["security.protocol"]) == ("PLAIN", "SASL_PLAINTEXT")


def test_a_password_goes_through_tls_where_tls_is_configured() -> None:
    found = properties("kafka://me:secret@h", **{"ssl.ca.location": "/ca.pem"})
    assert found["security.protocol"] == "SASL_SSL"


SSL = "security.protocol=SSL"


@pytest.mark.parametrize(
    ("url", "signs_in", "found"),
    [
        ("kafka://h", False, "security.protocol=SSL"),
        ("kafka://h", True, "security.protocol=SASL_SSL"),
        ("kafka://h?security.protocol=plaintext", False, "security.protocol=SSL"),
        ("kafka://h?security.protocol=plaintext&sasl.mechanism=PLAIN", False, "security.protocol=SASL_SSL"),
        ("kafka://h?sasl.username=me", False, "security.protocol=SASL_SSL"),
        ("kafka://h?security.protocol=sasl_plaintext", False, "security.protocol=SASL_SSL"),
        ("kafka://h?security.protocol=SSL", False, None),
        ("kafka://h?reader=zip", False, None),
        ("kafka://h?nonsense=1", False, None),
        ("kafka://h?non.sense=1", False, None),
        ("kafka://h?fetch.min.bytes=many", False, None),
        ("kafka://me:pw@h?client.id=x&ssl.ca.location=/ca.pem&log_level=3&retries=2", True, None),
        ("kafka://h?client.id=x&fetch.min.bytes=5&debug=broker&socket.keepalive.enable=true", False, SSL),
        ("kafka://h?security.protocol=plaintext&enable.ssl.certificate.verification=false", False, SSL),
    ],
)
def test_the_option_for_tls_signs_in_where_the_address_does(
    url: str, signs_in: bool, found: str | None
) -> None:
    assert tls_option(Address.parse(url), signs_in) == found


def test_explicit_sasl_options_win() -> None:
    found = properties("kafka://me:secret@h?sasl.mechanisms=SCRAM-SHA-256&security.protocol=SASL_SSL")
    assert "sasl.mechanism" not in found
    assert (found["sasl.mechanisms"], found["security.protocol"]) == ("SCRAM-SHA-256", "SASL_SSL")


@pytest.mark.parametrize("option", ["no.such.property=1", "security.protocol=NONSENSE"])
def test_a_property_unknown_to_librdkafka_is_a_config_error_without_secrets(option: str) -> None:
    with pytest.raises(ConfigError) as caught:
        kafka.open(Address.parse(f"kafka://me:topsecret@127.0.0.1:1?{option}"), 1)
    assert option.partition("=")[0] in str(caught.value)
    assert "topsecret" not in str(caught.value)
