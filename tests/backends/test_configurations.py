"""Configurations of other tools are read: what can be translated is, and the rest is named."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import brokerkit as bk
from brokerkit.core.runtime.registry import address_of
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.secrets import revealed
from brokerkit.sandbox.nats import NatsServer
from tests.brokers.pulsar_secure import self_signed
from tests.session.canary import CANARY, check, texts_of

if TYPE_CHECKING:
    from brokerkit.sandbox.kafka import KafkaServer
    from brokerkit.sandbox.pulsar import PulsarServer

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
BEARER = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
HANDLER = "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler"
Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROKERKIT_CONFIG", str(tmp_path / "connections.toml"))

    def write(text: str) -> str:
        (tmp_path / "client.properties").write_text(text, "utf-8")
        return "client.properties"

    return write


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("NATS_CONTEXT", raising=False)
    folder = tmp_path / "nats" / "context"
    folder.mkdir(parents=True)

    def save(name: str, *, select: bool = False, **settings: Any) -> None:
        (folder / f"{name}.json").write_text(json.dumps(settings), "utf-8")
        if select:
            (tmp_path / "nats" / "context.txt").write_text(name, "utf-8")

    return save


def options(address: Address) -> dict[str, Any]:
    return {**revealed(address.options), **revealed(address.registry)}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f'sasl.jaas.config={PLAIN} required username="u" password="p\\\\"=;w";', {"sasl.username": "u", "sasl.password": 'p"=;w'}),
        (f"sasl.jaas.config={SCRAM} required \\\n  username='u' \\\n  password=pw;", {"sasl.username": "u", "sasl.password": "pw"}),
        (
            f'sasl.jaas.config={BEARER} required clientId="c" clientSecret="s" scope="k";\n'
            f"sasl.oauthbearer.token.endpoint.url=https\\://host/token\nsasl.login.callback.handler.class={HANDLER}",
            {
                "sasl.oauthbearer.client.id": "c",
                "sasl.oauthbearer.client.secret": "s",
                "sasl.oauthbearer.scope": "k",
                "sasl.oauthbearer.method": "oidc",
                "sasl.oauthbearer.token.endpoint.url": "https://host/token",
            },
        ),
        ("ssl.endpoint.identification.algorithm=", {"ssl.endpoint.identification.algorithm": "none"}),
        ("ssl.truststore.certificates=abc", {"ssl.ca.pem": "abc"}),
        ("fetch.max.wait.ms : 100\n! a comment\nsocket.timeout.ms 7", {"fetch.wait.max.ms": "100", "socket.timeout.ms": "7"}),
        ("group.id=g\nacks=all\nkey.deserializer=x.Y\nauto.offset.reset=latest\nmax.poll.records=5", {}),
        ("schema.registry.url=http://r:8081\nbasic.auth.user.info=u:p", {"registry": "http://r:8081", "registry_user": "u", "registry_password": "p"}),
        ("schema.registry.url=http://r\nschema.registry.basic.auth.user.info=u:p:q", {"registry": "http://r", "registry_user": "u", "registry_password": "p:q"}),
        ("schema.registry.url=http://u:p@r", {"registry": "http://r", "registry_user": "u", "registry_password": "p"}),
        (
            "schema.registry.url=http://r\nbasic.auth.credentials.source=SASL_INHERIT\nsasl.username=u\nsasl.password=p",
            {"registry": "http://r", "registry_user": "u", "registry_password": "p", "sasl.username": "u", "sasl.password": "p"},
        ),
        ("schema.registry.url=http://r\nbearer.auth.token=t\nbearer.auth.credentials.source=STATIC_TOKEN", {"registry": "http://r", "registry_token": "t"}),
    ],
)  # fmt: skip
def test_properties_of_java_are_translated(text: str, wanted: dict[str, str], write: Write) -> None:
    path = write(f"# mine\nbootstrap.servers=one:9092,SASL_SSL://two:9093\n{text}\n")
    address = address_of(f"kafka-properties:{path}", {})
    assert (address.scheme, address.hosts) == ("kafka", ("one:9092", "two:9093"))
    assert options(address) == wanted


@pytest.mark.parametrize("between", ["\\n", "\\n\\\n  ", " ", " \\\n", "\\\n", "\\r\\n", ""])
def test_certificates_in_a_text_are_read_however_their_lines_are_joined(
    between: str, write: Write, tmp_path: Path
) -> None:
    certificate = self_signed(tmp_path)[0].read_text("utf-8")
    # Java takes any white space, also none
    joined = between.join([*certificate.splitlines(), *certificate.splitlines()])
    path = write(
        f"bootstrap.servers=127.0.0.1:9\nsecurity.protocol=SSL\nssl.truststore.certificates={joined}\n"
    )
    found = options(address_of(f"kafka-properties:{path}", {}))["ssl.ca.pem"]
    assert found.count(certificate.strip()) == 2
    assert ssl.create_default_context(cadata=found).cert_store_stats()["x509_ca"] == 1


def test_stores_in_a_format_that_is_read_are_used(write: Write, tmp_path: Path) -> None:
    (tmp_path / "ca.jks").write_text("-----BEGIN CERTIFICATE-----")
    (tmp_path / "me.jks").write_bytes(b"\x30\x82")
    path = write(
        "bootstrap.servers=h\nssl.truststore.location=ca.jks\nssl.truststore.password=x\n"
        "ssl.keystore.location=me.jks\nssl.keystore.password=p\nssl.keystore.type=JKS\nssl.key.password=k\n"
    )
    assert options(address_of(f"kafka-properties:{path}", {})) == {
        "ssl.ca.location": "ca.jks",
        "ssl.keystore.location": "me.jks",
        "ssl.keystore.password": "p",
        "ssl.key.password": "k",
    }


def test_everything_without_a_counterpart_is_named_at_once_without_secrets(
    write: Write, tmp_path: Path
) -> None:
    (tmp_path / "trust.jks").write_bytes(b"\xfe\xed\xfe\xed")
    (tmp_path / "key.jks").write_bytes(b"\xfe\xed\xfe\xed")
    path = write(
        f'bootstrap.servers=h\nsasl.jaas.config=com.example.MyLoginModule required secret="{CANARY}";\n'
        f"ssl.truststore.location=trust.jks\nssl.truststore.password={CANARY}\n"
        f"ssl.keystore.location=key.jks\nssl.keystore.password={CANARY}\n"
        "sasl.login.callback.handler.class=software.amazon.msk.auth.iam.IAMOAuthBearerLoginCallbackHandler\n"
        f"schema.registry.url=http://r\nschema.registry.ssl.keystore.password={CANARY}\n"
    )
    with pytest.raises(bk.ConfigError) as caught:
        bk.connect(f"kafka-properties:{path}")
    check(texts_of(caught.value))
    said = str(caught.value)
    for part in (
        "com.example.MyLoginModule",
        "keytool -exportcert",
        "-deststoretype PKCS12",
        "oauth_cb=",
        "schema.registry.ssl.keystore.password",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("target", "match"),
    [
        ("kafka-properties:none.properties", "none.properties.*cannot be read: No such file"),
        ("kafka-properties:", "expected kafka-properties:FILE"),
        ("kafka-properties:client.properties", "no bootstrap.servers"),
        ("pulsar-client:client.properties", "no brokerServiceUrl"),
        ("nats-context:none", "there is no context 'none'.*there: prod"),
        ("nats-context:", "no context is selected"),
    ],
)
def test_a_configuration_that_is_not_there_says_so(
    target: str, match: str, write: Write, context: Callable[..., None]
) -> None:
    write("x=1")
    context("prod")
    with pytest.raises(bk.ConfigError, match=match):
        bk.connect(target)


def test_a_setting_that_librdkafka_does_not_know_is_named(write: Write) -> None:
    path = write("bootstrap.servers=h\nsecurity.providers=x\n")
    with pytest.raises(bk.ConfigError, match=r"security\.providers"):
        bk.connect(f"kafka-properties:{path}")


def test_the_file_of_kcat_is_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("# mine\nbootstrap.servers=h:1\nsasl.username=u\nsasl.password= p=w\n")
    wanted = {"sasl.username": "u", "sasl.password": " p=w"}
    assert options(address_of(f"kcat:{path}", {})) == wanted
    monkeypatch.setenv("KCAT_CONFIG", path)
    assert options(address_of("kcat:", {})) == wanted


def test_a_context_of_nats_is_read(context: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "/keys")
    context(
        "prod",
        select=True,
        url="tls://one:4222,tls://two",
        creds="$WHERE/me.creds",
        jetstream_domain="hub",
        ca="",
    )
    address = address_of("nats-context:", {})
    assert (address.scheme, address.hosts) == ("nats", ("one:4222", "two"))
    assert options(address) == {"tls": True, "user_credentials": "/keys/me.creds", "domain": "hub"}
    context(
        "other",
        url="nats://u:p@h",
        jetstream_api_prefix="$JS.leaf.API",
        inbox_prefix="_I",
        description="mine",
    )
    found = address_of("nats-context:other", {})
    assert (found.user, revealed(found.password)) == ("u", "p")
    assert options(found) == {"domain": "leaf", "inbox_prefix": "_I"}


@pytest.mark.parametrize(
    ("url", "hosts", "user"),
    [
        ("demo.nats.io", ("demo.nats.io",), None),
        ("one:4222, u:p@two", ("one:4222", "two"), "u"),
        ("[::1]:4222,tls://b", ("[::1]:4222", "b"), None),
    ],
)
def test_a_server_of_nats_needs_no_scheme(
    url: str, hosts: tuple[str, ...], user: str | None, context: Callable[..., None]
) -> None:
    context("bare", url=url)
    found = address_of("nats-context:bare", {})
    assert (found.scheme, found.hosts, found.user) == ("nats", hosts, user)


def test_what_a_context_of_nats_has_beyond_is_named(context: Callable[..., None]) -> None:
    context(
        "odd", user_jwt=CANARY, user_seed=CANARY, socks_proxy="x", url="ws://h", jetstream_api_prefix="mine"
    )
    with pytest.raises(bk.ConfigError) as caught:
        bk.connect("nats-context:odd")
    check(texts_of(caught.value))
    for name in ("user_jwt", "user_seed", "socks_proxy", "url", "jetstream_api_prefix"):
        assert f"{name}: " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("authPlugin=org.apache.pulsar.client.impl.auth.AuthenticationToken\nauthParams=token:t", {"token": "t"}),
        ("authPlugin=org.apache.pulsar.client.impl.auth.AuthenticationToken\nauthParams=file:///TMP/token", {"token": "kept"}),
        ('authPlugin=a.AuthenticationToken\nauthParams={"token":"t"}', {"token": "t"}),
        ("authPlugin=a.AuthenticationTls\nauthParams=tlsCertFile:/c,tlsKeyFile:/k", {"tls_certificate": "/c", "tls_key_file": "/k"}),
        (
            'authPlugin=a.oauth2.AuthenticationOAuth2\nauthParams={"privateKey":"file:///k.json","issuerUrl":"https://i","audience":"a"}',
            {"oauth2_key_file": "/k.json", "oauth2_issuer": "https://i", "oauth2_audience": "a"},
        ),
        ("webServiceUrl=http://h:8080/\ntlsTrustCertsFilePath=/ca\ntlsEnableHostnameVerification=false", {"admin": "http://h:8080", "tls_ca": "/ca", "tls_check_hostname": "false"}),
        ("authPlugin=\nauthParams=\nuseKeyStoreTls=false\ntlsAllowInsecureConnection=false", {}),
    ],
)  # fmt: skip
def test_the_client_conf_of_pulsar_is_read(
    text: str, wanted: dict[str, str], write: Write, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("kept\n")
    path = write(f"brokerServiceUrl=pulsar+ssl://h:6651/\n{text.replace('/TMP', str(tmp_path))}\n")
    address = address_of(f"pulsar-client:{path}", {})
    assert (address.scheme, address.hosts) == ("pulsar+ssl", ("h:6651",))
    assert options(address) == wanted


def test_what_a_client_conf_of_pulsar_has_beyond_is_named(write: Write) -> None:
    path = write(
        "brokerServiceUrl=pulsar://h\nauthPlugin=a.AuthenticationSasl\n"
        f"authParams={CANARY}\ntlsAllowInsecureConnection=true\nuseKeyStoreTls=true\n"
    )
    with pytest.raises(bk.ConfigError) as caught:
        bk.connect(f"pulsar-client:{path}")
    check(texts_of(caught.value))
    for name in ("authPlugin: AuthenticationSasl", "tlsAllowInsecureConnection: ", "useKeyStoreTls: "):
        assert name in str(caught.value)


def test_keywords_win_over_a_configuration_and_it_may_be_saved(write: Write) -> None:
    path = write("bootstrap.servers=h\nclient.id=theirs\n")
    assert options(address_of(f"kafka-properties:{path}", {"client.id": "mine"})) == {"client.id": "mine"}
    bk.save_connection("prod", f"kafka-properties:{path}", production=True)
    assert bk.connections()["url"].tolist() == [f"kafka-properties:{path}"]
    found = address_of("prod", {})
    assert (found.hosts, found.marks.production, options(found)) == (("h",), True, {"client.id": "theirs"})


@pytest.mark.broker
def test_properties_of_java_and_kcat_connect_to_a_real_broker(
    kafka_server: KafkaServer, write: Write
) -> None:
    login = f'{PLAIN} required username="{kafka_server.user}" password="{kafka_server.password}";'
    common = f"bootstrap.servers={kafka_server.sasl_bootstrap}\nsecurity.protocol=SASL_PLAINTEXT\n"
    mechanism = "sasl.mechanism=PLAIN\n"
    java = write(f"{common}{mechanism}sasl.jaas.config={login}\ngroup.id=g\nkey.deserializer=x.Y\n")
    with bk.connect(f"kafka-properties:{java}") as s:
        s.topics()
        assert kafka_server.password not in repr(s) + s._repr_html_()
    rdkafka = write(
        f"{common}{mechanism}sasl.username={kafka_server.user}\nsasl.password={kafka_server.password}\n"
    )
    for target in (f"kafka-properties:{rdkafka}", f"kcat:{rdkafka}"):
        with bk.connect(target) as s:
            s.topics()
    wrong = write(f"{common}{mechanism}sasl.jaas.config={login.replace(kafka_server.password, CANARY)}\n")
    with pytest.raises(bk.Unauthorized) as caught:
        bk.connect(f"kafka-properties:{wrong}")
    check(texts_of(caught.value))


@pytest.mark.broker
def test_a_context_of_nats_connects_to_a_real_server(context: Callable[..., None]) -> None:
    with NatsServer(user="someone", password=CANARY) as server:
        place = server.url.rpartition("@")[2]
        context("mine", select=True, url=f"nats://{place}", user="someone", password=CANARY)
        with bk.connect("nats-context:") as s:
            s.topics()
            assert CANARY not in repr(s)
        context("wrong", url=f"nats://{place}", user="someone", password=CANARY[::-1])
        with pytest.raises(bk.Unauthorized):
            bk.connect("nats-context:wrong")
        context("bare", url=place, user="someone", password=CANARY)
        bk.connect("nats-context:bare").close()


@pytest.mark.broker
def test_a_client_conf_connects_to_a_real_pulsar(pulsar_server: PulsarServer, write: Write) -> None:
    path = write(f"webServiceUrl={pulsar_server.admin}\nbrokerServiceUrl={pulsar_server.url}\n")
    with bk.connect(f"pulsar-client:{path}") as s:
        s.topics()
