"""The configurations of other tools for Kafka: properties of Java and librdkafka, and kcat's file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from brokerkit.core.contract.configuration_file import Untranslated, expanded, read_properties, read_text
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import Secret, hidden

from .options import REFUSED
from .registry_properties import take_registry

Given = dict[str, Secret]

_PROGRAMS = re.compile(
    r"(key|value)\.(de)?serializer(\..*)?|interceptor\.classes|metric(s|\.reporters).*|max\.poll\.records|"
    r"default\.api\.timeout\.ms|auto\.include\.jmx\.reporter|enable\.metrics\.push|buffer\.memory|max\.block\.ms|"
    r"exclude\.internal\.topics|partition\.assignment\.strategy|partitioner\..*|group\.instance\.id|"
    r"specific\.avro\.reader|auto\.register\.schemas|use\.latest\.version|.*subject\.name\.strategy|"
    r"delivery\.timeout\.ms|linger\.ms|batch\.size|retries|processing\.guarantee|application\.id|"
    r"isolation\.level|request\.timeout\.ms"
)
"""Settings of how a program reads and writes, which say nothing about how to connect."""
_RENAMED = {
    "ssl.truststore.certificates": "ssl.ca.pem",
    "ssl.keystore.certificate.chain": "ssl.certificate.pem",
    "ssl.keystore.key": "ssl.key.pem",
    "receive.buffer.bytes": "socket.receive.buffer.bytes",
    "send.buffer.bytes": "socket.send.buffer.bytes",
    "fetch.max.wait.ms": "fetch.wait.max.ms",
}
_LOGIN = {"username": "sasl.username", "password": "sasl.password"}
_MODULES = {
    "PlainLoginModule": _LOGIN,
    "ScramLoginModule": _LOGIN,
    "OAuthBearerLoginModule": {
        "clientId": "sasl.oauthbearer.client.id",
        "clientSecret": "sasl.oauthbearer.client.secret",
        "scope": "sasl.oauthbearer.scope",
    },
    "Krb5LoginModule": {
        "keyTab": "sasl.kerberos.keytab",
        "principal": "sasl.kerberos.principal",
        "serviceName": "sasl.kerberos.service.name",
    },
}
"""The login modules of Java by the end of their names, and their options."""
_JAAS = re.compile(r"\s*([\w.$]+)\s+(?:required|requisite|sufficient|optional)\b(.*?);?\s*", re.DOTALL)
_OPTION = re.compile(r"(\w+)\s*=\s*(?:\"((?:\\.|[^\"\\])*)\"|'([^']*)'|([^\s;]+))")
_OIDC_HANDLER = re.compile(r"org\.apache\.kafka\..*OAuthBearerLoginCallbackHandler")
_PEM_OPTIONS = ("ssl.ca.pem", "ssl.certificate.pem", "ssl.key.pem")
_PEM = re.compile(r"(-----BEGIN ([^-]+)-----)([A-Za-z0-9+/=\s]*)(-----END \2-----)")
_JKS = b"\xfe\xed\xfe\xed"


def from_properties(path: str) -> Address:
    """Return the address in a file of client properties of Java or librdkafka.

    Raises:
        ConfigError: It cannot be read, or a setting cannot be used.
    """
    if not path:
        raise ConfigError("expected kafka-properties:FILE, the path of a file of client properties")
    return _address(read_properties(path), path)


def from_kcat(path: str) -> Address:
    """Return the address in a file of kcat. An empty path is the file that kcat itself reads.

    Raises:
        ConfigError: It cannot be read, or a setting cannot be used.
    """
    usual = os.environ.get("KCAT_CONFIG") or str(Path.home() / ".config" / "kcat.conf")
    path = path or usual
    lines = (Secret(line.strip()) for line in read_text(path).reveal().splitlines())
    pairs = (line.reveal().partition("=") for line in lines if line and not line.reveal().startswith("#"))
    return _address({name.strip(): Secret(value) for name, equals, value in pairs if equals}, path)


def _address(given: Given, path: str) -> Address:
    lacking = Untranslated(path)
    servers = given.pop("bootstrap.servers", None) or given.pop("metadata.broker.list", None)
    if servers is None:
        raise ConfigError(f"{path} has no bootstrap.servers=")
    # a listener in front of a host is how brokers are told their addresses
    hosts = (each.strip().rpartition("://")[2] for each in servers.reveal().split(","))
    _take_login(given, lacking)
    _take_stores(given, lacking)
    options: dict[str, Any] = take_registry(given, lacking)
    for name, value in given.items():
        if name in REFUSED or _PROGRAMS.fullmatch(name):
            continue
        if name == "ssl.endpoint.identification.algorithm" and not value:
            options[name] = "none"
        elif value:
            own = _RENAMED.get(name, name)
            options[own] = hidden(own, _in_lines(value) if own in _PEM_OPTIONS else value.reveal())
    lacking.raise_if_any()
    return Address("kafka", tuple(host for host in hosts if host), options=options)


def _take_login(given: Given, lacking: Untranslated) -> None:
    """Replace the login modules and classes of Java by properties of librdkafka."""
    jaas = given.pop("sasl.jaas.config", None)
    if jaas is not None:
        module, options = _parsed(jaas)
        names = next((each for end, each in _MODULES.items() if module.endswith(end)), {})
        if not names:
            lacking.add(
                "sasl.jaas.config",
                f"the login module {module or '(unreadable)'} has no counterpart; known are "
                f"{', '.join(_MODULES)}",
            )
        for option, value in options.items():
            if option in names:
                given.setdefault(names[option], value)
    handler = given.pop("sasl.login.callback.handler.class", None)
    if handler is not None and not _OIDC_HANDLER.fullmatch(handler.reveal()):
        lacking.add(
            "sasl.login.callback.handler.class",
            f"{handler.reveal()} is a class of Java: give oauth_cb=, a function that returns (token, time)",
        )
    for name in ("sasl.client.callback.handler.class", "sasl.login.class", "ssl.engine.factory.class"):
        if given.pop(name, None) is not None:
            lacking.add(name, "it is a class of Java")
    if "sasl.oauthbearer.token.endpoint.url" in given:
        given.setdefault("sasl.oauthbearer.method", Secret("oidc"))


def _parsed(jaas: Secret) -> tuple[str, Given]:
    """Return the login module and its options; an empty name if they cannot be read."""
    match = _JAAS.fullmatch(jaas.reveal())
    if match is None:
        return "", {}
    return match[1], {
        name: Secret(re.sub(r"\\(.)", r"\1", quoted) or single or bare)
        for name, quoted, single, bare in _OPTION.findall(match[2])
    }


def _take_stores(given: Given, lacking: Untranslated) -> None:
    """Replace the truststore and the keystore of Java by files that librdkafka reads."""
    trust, trust_kind = given.pop("ssl.truststore.location", None), given.pop("ssl.truststore.type", None)
    password = given.pop("ssl.truststore.password", None)
    if trust is not None and _kind(trust, trust_kind) == "PEM":
        given["ssl.ca.location"] = trust
    elif trust is not None:
        del password
        lacking.add(
            "ssl.truststore.location",
            f"librdkafka reads PEM: keytool -exportcert -rfc -keystore {trust.reveal()} -alias NAME > ca.pem "
            "and then ssl.ca.location=ca.pem",
        )
    key, key_kind = given.get("ssl.keystore.location"), given.pop("ssl.keystore.type", None)
    if key is None:
        return
    kind = _kind(key, key_kind)
    if kind == "PEM":
        given["ssl.certificate.location"] = given["ssl.key.location"] = given.pop("ssl.keystore.location")
        given.pop("ssl.keystore.password", None)
    elif kind == "JKS":
        lacking.add(
            "ssl.keystore.location",
            f"librdkafka reads PKCS12 and PEM: keytool -importkeystore -srckeystore {key.reveal()} "
            "-destkeystore client.p12 -deststoretype PKCS12",
        )


def _in_lines(pem: Secret) -> str:
    """Return PEM in lines, as OpenSSL wants it; Java takes any white space between them, and none."""
    return _PEM.sub(
        lambda each: "\n".join(["", each[1], *re.findall(".{1,64}", "".join(each[3].split())), each[4], ""]),
        pem.reveal(),
    )


def _kind(path: Secret, said: Secret | None) -> str:
    """Return the format of a store: what the file is, since keytool writes PKCS12 under any name."""
    try:
        with open(expanded(path.reveal()), "rb") as file:
            start = file.read(64)
    except OSError:
        return "JKS" if said is None else said.reveal().upper()
    if b"-----BEGIN" in start or (said is not None and said.reveal().upper() == "PEM"):
        return "PEM"
    return "JKS" if start.startswith(_JKS) else "PKCS12"
