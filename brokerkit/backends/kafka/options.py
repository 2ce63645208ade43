"""Conversion of addresses and options to librdkafka properties."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

from brokerkit.core.contract.options import Option, choice, refuse_unknown
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import (
    NameBehindSecret,
    Secret,
    Secrets,
    inner_secrets,
    is_public,
    is_secret,
    revealed,
)

from .tokens import TokenSource

log = logging.getLogger("brokerkit.kafka")
log.addHandler(logging.NullHandler())

DEFAULT_PORT = 9092
UNDOTTED = frozenset({"acks", "debug", "log_level", "partitioner", "retries"})
"""The librdkafka properties without a dot in their name."""

_POSITION = "positions are committed by ack() and by nothing else"
_START = "where a group begins is said by start=, and a lost position is never guessed"
_PUBLISH = "a publish is confirmed by all replicas and stored once"
REFUSED: Mapping[str, str] = {
    "bootstrap.servers": "the hosts of the URL are the bootstrap servers",
    "metadata.broker.list": "the hosts of the URL are the bootstrap servers",
    "group.id": "subscription= names the group",
    "enable.auto.commit": _POSITION,
    "auto.commit.enable": _POSITION,
    "auto.commit.interval.ms": _POSITION,
    "enable.auto.offset.store": _POSITION,
    "offset.store.method": _POSITION,
    "auto.offset.reset": _START,
    "enable.partition.eof": "the reader needs it for itself",
    "allow.auto.create.topics": "reading and publishing never create a topic; create_topic does",
    "enable.idempotence": _PUBLISH,
    "acks": _PUBLISH,
    "request.required.acks": _PUBLISH,
    "transactional.id": "publisher(transactional_id=) names it",
    "message.timeout.ms": "timeout= of the call says how long a publish may take",
    "delivery.timeout.ms": "timeout= of the call says how long a publish may take",
    "delivery.report.only.error": "each message's outcome is reported",
    "log.queue": "the log goes to the logger brokerkit.kafka",
}
"""Properties that would break a promise, and the reason why each cannot be set."""

COMMON: Mapping[str, Any] = {
    "client.id": "brokerkit",
    "allow.auto.create.topics": False,
    "log.connection.close": False,
    "reconnect.backoff.max.ms": 2000,
    "socket.connection.setup.timeout.ms": 10000,
    "receive.message.max.bytes": 1_000_000_000,
}

Properties = dict[str, Any]
ReaderChoice = Literal["auto", "native", "python"]
DEFAULT_READER: ReaderChoice = "python"
"""That of the client library; "auto" is the native reader where it can read."""
_READER = Option(choice("auto", "native", "python"), "what takes messages of a topic that is looked at")


def read_reader(address: Address) -> ReaderChoice:
    """Return which reader an address wants. Raises ConfigError for another word."""
    chosen: ReaderChoice | None = _READER.value("reader", address.options.get("reader"))
    return DEFAULT_READER if chosen is None else chosen


def read_options(address: Address) -> Properties:
    """Return the librdkafka properties for an address.

    Options with a dot in their name, and those in ``librdkafka={...}`` (in a URL as JSON text), are passed to
    librdkafka unchanged. The user and password of the URL become ``sasl.username`` and ``sasl.password``.
    With a password, ``sasl.mechanism`` defaults to PLAIN, and ``security.protocol`` to SASL_SSL if an
    ``ssl.`` property is given, otherwise to SASL_PLAINTEXT. With ``oauth_cb`` or ``sasl.oauthbearer.method``
    the mechanism defaults to OAUTHBEARER.

    Raises:
        ConfigError: The address has no host or has a path, or an option is unknown or not allowed.
    """
    if not address.hosts:
        raise ConfigError("a Kafka URL needs a broker: kafka://HOST:9092 (or several, with commas)")
    if address.path:
        raise ConfigError(f"a Kafka URL ends after the hosts: remove {address.path!r}")
    given = passed_through({name: value for name, value in address.options.items() if name != "reader"})
    if address.user is not None:
        given.setdefault("sasl.username", address.user)
    if address.password is not None:
        given.setdefault("sasl.password", address.password)
    if "sasl.password" in given:
        if not given.keys() & {"sasl.mechanism", "sasl.mechanisms"}:
            given["sasl.mechanism"] = "PLAIN"
        tls = any(name.startswith("ssl.") for name in given)
        given.setdefault("security.protocol", "SASL_SSL" if tls else "SASL_PLAINTEXT")
    elif "oauth_cb" in given or "sasl.oauthbearer.method" in given:
        given.setdefault("sasl.mechanism", "OAUTHBEARER")
        tls = any(name.startswith("ssl.") for name in given)
        given.setdefault("security.protocol", "SASL_SSL" if tls else "SASL_PLAINTEXT")
    servers = ",".join(_with_port(host) for host in address.hosts)
    return {**COMMON, **given, "bootstrap.servers": servers, "logger": MaskedLog(secrets_of(given))}


def tls_option(address: Address, signs_in: bool) -> str | None:
    """Return the option with which the client speaks TLS, as ``name=value``.

    None where it does already, or refuses the other options: then that is what is to be mended.
    """
    try:
        given = read_options(address)
        read_reader(address)
    except ConfigError:
        return None
    if not _accepted(given):
        return None
    protocol = str(revealed(given.get("security.protocol", "PLAINTEXT"))).upper()
    if protocol.endswith("SSL"):
        return None
    signs_in = signs_in or protocol.startswith("SASL") or any(name.startswith("sasl.") for name in given)
    return f"security.protocol={'SASL_SSL' if signs_in else 'SSL'}"


def _accepted(given: Properties) -> bool:
    """Return whether the client takes these properties. It connects nowhere to say so."""
    import confluent_kafka

    named = {name: value for name, value in given.items() if isinstance(value, str | int | float | Secret)}
    named = {name: revealed(value) for name, value in named.items() if name != "bootstrap.servers"}
    try:
        confluent_kafka.Producer({**named, "security.protocol": "plaintext", "log_level": 0})
    except confluent_kafka.KafkaException:
        return False
    return True


class MaskedLog:
    """The log of librdkafka. It writes to `log` and masks every secret."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def log(self, level: int, text: str, *values: object) -> None:
        if log.isEnabledFor(level):
            log.log(level, "%s", self._secrets.mask(text % values))


def _with_port(host: str) -> str:
    bare_ipv6 = host.startswith("[") and host.endswith("]")
    return f"{host}:{DEFAULT_PORT}" if bare_ipv6 or ":" not in host else host


def passed_through(options: Mapping[str, Any]) -> Properties:
    """Return options as librdkafka properties.

    Raises:
        ConfigError: An option is unknown, has a value of a wrong type, or is in `REFUSED`.
    """
    given = dict(options)
    tokens = given.pop("oauth_cb", None)
    if tokens is not None and not callable(tokens):
        raise ConfigError(
            f"oauth_cb must be a function that returns (token, the time at which it expires), not a "
            f"{type(tokens).__name__}"
        )
    extra = given.pop("librdkafka", None)
    if isinstance(extra, str | Secret):  # JSON would be a dict by now
        raise ConfigError('librdkafka= must be a dict, or JSON such as {"fetch.min.bytes": 1}')
    if extra is not None and not isinstance(extra, Mapping):
        raise ConfigError(f"librdkafka= must be a dict of properties, not {type(extra).__name__}")
    refuse_unknown(
        (name for name in given if "." not in name and name not in UNDOTTED),
        "librdkafka= (a dict), oauth_cb= (a function that returns tokens) and every property of librdkafka "
        "by its own name, such as security.protocol, sasl.mechanism, ssl.ca.location, client.id, "
        f"{', '.join(sorted(UNDOTTED - REFUSED.keys()))}",
    )
    given.update(extra or {})
    for name, value in given.items():
        if name in REFUSED:
            raise ConfigError(f"{name} cannot be set: {REFUSED[name]}")
        if not isinstance(value, str | int | float | bool | Secret):
            raise ConfigError(f"{name} must be a string, number or bool, not {type(value).__name__}")
    return given if tokens is None else {**given, "oauth_cb": TokenSource(tokens)}


def check_c_text(name: str | None, what: str) -> None:
    """Raise ConfigError for a name with a NUL, where librdkafka would cut it off."""
    if name is not None and "\0" in name:
        raise ConfigError(
            f"the {what} name {name!a:.60} contains a NUL character, which names of Kafka cannot"
        )


def secrets_of(properties: Mapping[str, Any]) -> Secrets:
    """Return the values of properties that must not be shown."""
    found = Secrets()
    for name, value in properties.items():
        if isinstance(name, NameBehindSecret) and not is_public(name, ""):
            # librdkafka names a property that it does not know
            found.add(name)
        if isinstance(value, Secret) or is_secret(name):
            found.add(str(revealed(value)))
            for part in inner_secrets(str(revealed(value))):
                found.add(part)
    return found
