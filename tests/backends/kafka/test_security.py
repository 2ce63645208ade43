"""TLS, SASL and ACLs: on a real broker that insists on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

import brokerkit as bk
from brokerkit.core.vocabulary.errors import ConfigError, Unauthorized, Unavailable
from brokerkit.core.vocabulary.results import PublishFailed
from brokerkit.sandbox import kafka
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.workbench import Session
from tests.backends import security
from tests.backends.security import use
from tests.brokers.certificates import Authority
from tests.conftest import missing

pytestmark = pytest.mark.broker

SOON = 45.0
WRONG = "wrong-and-secret-77"
BOBS = "bobs-and-secret-41"
ALICES = KafkaServer.password


class SecuredServer(KafkaServer):
    """Alice may do all; bob may do what `RIGHTS` says."""

    others = {"bob": BOBS}  # noqa: RUF012  # never changed


Right = tuple[ResourceType, str, AclOperation]
RIGHTS: list[Right] = [
    *((ResourceType.TOPIC, "open", each) for each in (AclOperation.READ, AclOperation.WRITE)),
    (ResourceType.TOPIC, "read-only", AclOperation.READ),
    (ResourceType.TOPIC, "write-only", AclOperation.WRITE),
    (ResourceType.GROUP, "bobs", AclOperation.READ),
]


@dataclass
class Secured:
    server: SecuredServer
    trusted: Authority
    untrusted: Authority

    def url(self, user: str = f"{KafkaServer.user}:{ALICES}") -> str:
        return f"kafka://{user}@{self.server.sasl_tls_bootstrap}"

    def connect(self, user: str = f"{KafkaServer.user}:{ALICES}", **options: Any) -> Session:
        given = {"ssl.ca.location": str(self.trusted.ca), "timeout": SOON, **options}
        return bk.connect(self.url(user), **given)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    enable = kafka.available()
    if enable is not None:
        missing("kafka", enable)
    folder = tmp_path_factory.mktemp("kafka-security")
    trusted, untrusted = Authority(folder / "ours"), Authority(folder / "theirs", "another authority")
    certificate, key = trusted.sign("server", hosts=("127.0.0.1", "localhost"))
    keystore = folder / "keystore.pem"
    keystore.write_text(key.read_text() + certificate.read_text() + trusted.ca.read_text())
    settings = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:ANONYMOUS;User:{KafkaServer.user};User:CN=client",
    }
    with SecuredServer(settings=settings, keystore=keystore, truststore=trusted.ca) as server:
        _let_in(server)
        found = Secured(server, trusted, untrusted)
        with found.connect() as session:
            for topic in ("open", "read-only", "write-only", "secret"):
                session.create_topic(topic)
                session.publish(topic, "hello")
        yield found


def _let_in(server: SecuredServer) -> None:
    admin = AdminClient({"bootstrap.servers": server.bootstrap})
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
    users = [UserScramCredentialUpsertion(KafkaServer.user, scram, ALICES.encode())]
    rights = [
        AclBinding(kind, name, ResourcePatternType.LITERAL, "User:bob", "*", what, AclPermissionType.ALLOW)
        for kind, name, what in RIGHTS
    ]
    for future in [*admin.alter_user_scram_credentials(users).values(), *admin.create_acls(rights).values()]:
        future.result(60)


refused = partial(security.refused, within=SOON, secrets=(WRONG, BOBS, ALICES))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_a_password_over_tls_opens_everything(
    secured: Secured, mechanism: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    use(secured.connect(**{"sasl.mechanism": mechanism}), f"by-{mechanism}")
    assert ALICES not in "".join(capfd.readouterr()) + caplog.text


def test_a_client_certificate_opens_everything(secured: Secured) -> None:
    mine, key = secured.trusted.sign("client")
    own = {"ssl.ca.location": str(secured.trusted.ca), "security.protocol": "SSL", "timeout": SOON}
    own |= {"ssl.certificate.location": str(mine), "ssl.key.location": str(key)}
    use(bk.connect(f"kafka://{secured.server.tls_bootstrap}", **own), "by-certificate")


def test_a_missing_or_strange_client_certificate_is_unauthorized(secured: Secured) -> None:
    theirs, key = secured.untrusted.sign("client")
    own = {"ssl.ca.location": str(secured.trusted.ca), "security.protocol": "SSL", "timeout": SOON}
    strange = {"ssl.certificate.location": str(theirs), "ssl.key.location": str(key)}
    for options in (own, {**own, **strange}):
        with refused(Unauthorized, r"ssl\.certificate\.location="):
            bk.connect(f"kafka://{secured.server.tls_bootstrap}", **options)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_wrong_password_or_mechanism_is_unauthorized(secured: Secured, mechanism: str) -> None:
    with refused(Unauthorized, r"refused the credentials.*check user, password, sasl\.mechanism"):
        secured.connect(f"{KafkaServer.user}:{WRONG}", **{"sasl.mechanism": mechanism})


@pytest.mark.parametrize("authority", ["none", "another authority"])
def test_a_broker_with_an_untrusted_certificate_is_refused(secured: Secured, authority: str) -> None:
    given = {"ssl.ca.location": str(secured.untrusted.ca)} if authority == "another authority" else {}
    with refused(Unavailable, r"is not trusted.*ssl\.ca\.location="):
        bk.connect(secured.url(), timeout=SOON, **{"security.protocol": "SASL_SSL", **given})


def test_a_missing_authority_file_is_a_config_error(secured: Secured) -> None:
    with refused(ConfigError, r"ssl\.ca\.location"):
        secured.connect(**{"ssl.ca.location": "/nowhere.pem"})


@pytest.mark.parametrize(
    "options", [{}, {"security.protocol": "SASL_PLAINTEXT"}, {"security.protocol": "SSL"}]
)
def test_a_wrong_protocol_is_told_within_the_timeout(secured: Secured, options: dict[str, str]) -> None:
    if options.get("security.protocol") == "SSL":
        options = {**options, "ssl.ca.location": str(secured.trusted.ca)}
    user = f"{KafkaServer.user}:{WRONG}@" if "SASL_PLAINTEXT" in options.values() else ""
    with refused(Unavailable, r"TLS or SASL.*security\.protocol=", retryable=True):
        bk.connect(f"kafka://{user}{secured.server.sasl_tls_bootstrap}", timeout=2, **options)


@pytest.fixture
def bob(secured: Secured) -> Iterator[Session]:
    with secured.connect(f"bob:{BOBS}") as session:
        yield session


def test_a_user_does_what_the_acls_permit_and_sees_no_more(bob: Session) -> None:
    assert set(bob.topics()["topic"]) == {"open", "read-only", "write-only"}
    bob.publish("open", "there")
    frame = bob.pull("open", subscription="bobs", start="earliest")
    assert list(frame["value"]) == ["hello", "there"]
    assert list(bob.peek("read-only")["value"]) == ["hello"]
    bob.publish("write-only", "there")
    assert bob.describe("write-only").messages == 2


DENIED: dict[str, Callable[[Session], object]] = {
    "peek": lambda s: s.peek("write-only"),
    "scan": lambda s: s.scan("write-only").to_pandas(),
    "pull": lambda s: s.pull("write-only", subscription="bobs", start="earliest"),
    "peek at what is hidden": lambda s: s.peek("secret"),
    "describe what is hidden": lambda s: s.describe("secret"),
    "pull from what is hidden": lambda s: s.pull("secret", subscription="bobs", start="earliest"),
    "pull with another group": lambda s: s.pull("open", subscription="alices", start="earliest"),
    "batches of another group": lambda s: next(s.batches("open", subscription="alices")),
    "create a subscription": lambda s: s.create_subscription("open", "alices"),
    "create a topic": lambda s: s.create_topic("new"),
    "delete a topic": lambda s: s.delete_topic("open", confirm="open"),
    "a transaction": lambda s: s.transaction().__enter__(),
}


@pytest.mark.parametrize("what", DENIED)
def test_a_missing_acl_is_unauthorized_at_once(bob: Session, what: str) -> None:
    with refused(Unauthorized, r"lacks an ACL"):
        DENIED[what](bob)


@pytest.mark.parametrize("topic", ["read-only", "secret"])
def test_publishing_without_an_acl_has_surely_failed(bob: Session, topic: str) -> None:
    with refused(PublishFailed, "lacks an ACL"):
        bob.publish(topic, "there")
    outcome = bob.publish_frame(topic, pd.DataFrame({"a": range(3)}), progress=False)
    assert outcome.counts == {"confirmed": 0, "failed": 3, "unknown": 0}
    assert outcome["error"].str.contains("Unauthorized").all()


@pytest.mark.parametrize(
    ("user", "options", "step", "said"),
    [
        (f"{KafkaServer.user}:{WRONG}", {}, "connect", "refused the credentials"),
        (f"{KafkaServer.user}:{ALICES}", {"ssl.ca.location": ""}, "connect", "ssl.ca.location="),
        (f"bob:{BOBS}", {}, "describe secret", "lacks an ACL"),
    ],
)
def test_the_doctor_names_the_step(
    secured: Secured, user: str, options: dict[str, Any], step: str, said: str
) -> None:
    given = {"ssl.ca.location": str(secured.trusted.ca), "security.protocol": "SASL_SSL", **options}
    found = bk.doctor(secured.url(user), topic="secret", timeout=SOON, **given)
    assert found.failed is not None
    assert (found.failed.name, said in found.failed.detail) == (step, True), found
    shown = repr(found) + found._repr_html_() + repr(found.steps)
    assert not any(secret in shown for secret in (WRONG, BOBS, ALICES))


@pytest.fixture
def groups(secured: Secured) -> Iterator[Session]:
    """Bob's session, on a cluster with groups that he may not see."""
    with secured.connect() as alice:
        for share, name in ((True, "shared"), (False, "alices")):
            if name not in set(alice.subscriptions("open")["subscription"]):
                alice.create_subscription("open", name, start="earliest", share=share)
                alice.pull("open", 1, subscription=name, share=share, ack=True)
    with secured.connect(f"bob:{BOBS}") as bob:
        yield bob


@pytest.mark.filterwarnings("ignore::brokerkit.PreviewWarning")
def test_a_list_says_that_share_groups_are_missing_from_it(secured: Secured, groups: Session) -> None:
    with secured.connect() as alice:
        assert {"shared", "alices"} <= set(alice.subscriptions("open")["subscription"])
        assert alice.describe("open").not_shown == ()
    with pytest.warns(bk.NotShownWarning, match="share groups are not shown.*ACL"):
        found = groups.subscriptions("open")
    assert "shared" not in set(found["subscription"])
    assert ["share groups" in each for each in found.attrs["brokerkit"]["not_shown"]] == [True]
    described = groups.describe("open")
    assert "share groups are not shown" in repr(described)
    assert "share groups are not shown" in described._repr_html_()
    assert "settings are not shown" in "".join(described.not_shown)


@pytest.mark.filterwarnings(
    "ignore::brokerkit.PreviewWarning", "ignore:share groups:brokerkit.NotShownWarning"
)
def test_a_list_names_the_groups_that_are_refused(secured: Secured, groups: Session) -> None:
    admin = AdminClient({"bootstrap.servers": secured.server.bootstrap})
    seeing = (
        ResourceType.BROKER, "kafka-cluster", ResourcePatternType.LITERAL, "User:bob", "*",
        AclOperation.DESCRIBE, AclPermissionType.ALLOW,
    )  # fmt: skip
    (created,) = admin.create_acls([AclBinding(*seeing)]).values()
    created.result(60)
    try:
        with pytest.warns(bk.NotShownWarning, match="refused: group.*'alices'"):
            groups.subscriptions("open")
    finally:
        (deleted,) = admin.delete_acls([AclBindingFilter(*seeing)]).values()
        deleted.result(60)


def test_a_copy_says_that_the_terms_of_its_target_are_not_known(secured: Secured, groups: Session) -> None:
    with pytest.warns(bk.PlacingWarning, match="whether 'open' keeps the times.*not known"):
        groups.copy("read-only", groups, "open")
