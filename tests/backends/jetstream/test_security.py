"""TLS, every way to log in, and permissions: on real servers that insist on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.errors import ConfigError, Unauthorized, Unavailable
from brokerkit.core.vocabulary.results import PublishFailed
from brokerkit.sandbox.nats import NatsServer
from brokerkit.workbench import Session
from tests.backends import security
from tests.backends.security import use
from tests.brokers.certificates import Authority
from tests.brokers.nats_accounts import Accounts, new_seed

pytestmark = pytest.mark.broker

SOON = 45.0
PASSWORD = "right-and-secret-41"
WRONG = "wrong-and-secret-77"


@dataclass
class Secured:
    """A server with TLS and users, and what clients need for it.

    ann may do all; bob may not publish to ``secret`` nor below it, nor list streams; carl gets answers
    only below ``_CARL``.
    """

    server: NatsServer
    trusted: Authority
    untrusted: Authority
    seed: str

    def url(self, user: str = f"ann:{PASSWORD}") -> str:
        who = f"{user}@" if user else ""
        return f"nats://{who}{self.server.host}"

    def connect(self, user: str = f"ann:{PASSWORD}", **options: Any) -> Session:
        return bk.connect(self.url(user), **{"tls_ca": str(self.trusted.ca), "timeout": SOON, **options})


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("nats-security")
    trusted, untrusted = Authority(folder / "ours"), Authority(folder / "theirs", "another authority")
    certificate, key = trusted.sign("server", hosts=("127.0.0.1", "localhost"))
    seed, public = new_seed()
    settings = f"""
    tls {{ cert_file: "{certificate}", key_file: "{key}" }}
    authorization {{ users = [
      {{ user: ann, password: "{PASSWORD}" }}
      {{ user: bob, password: "{PASSWORD}", permissions: {{
         publish: {{ deny: ["secret", "$JS.API.STREAM.LIST", "$JS.API.CONSUMER.MSG.NEXT.secret.me"] }} }} }}
      {{ user: carl, password: "{PASSWORD}", permissions: {{ subscribe: {{ allow: ["_CARL.>"] }} }} }}
      {{ nkey: {public} }}
    ] }}
    """
    with NatsServer(settings=settings) as server:
        yield Secured(server, trusted, untrusted, seed)


refused = partial(security.refused, within=SOON, secrets=(PASSWORD, WRONG))


def test_a_password_over_tls_opens_everything(
    secured: Secured, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    use(secured.connect(), "by-password")
    assert PASSWORD not in "".join(capfd.readouterr()) + caplog.text
    assert caplog.text == ""


def test_an_nkey_seed_logs_in_as_text_and_as_file(secured: Secured, tmp_path: Path) -> None:
    use(secured.connect("", nkeys_seed=secured.seed), "by-seed")
    file = tmp_path / "user.nk"
    file.write_text(secured.seed + "\n")
    use(secured.connect("", nkeys_seed=str(file)), "by-seed-file")


def test_a_name_of_the_certificate_other_than_the_address_may_be_given(secured: Secured) -> None:
    secured.connect(tls_hostname="localhost").close()
    with refused(Unavailable, "tls_hostname="):
        secured.connect(tls_hostname="elsewhere.example")


@pytest.mark.parametrize("user", ["", f"ann:{WRONG}", f"ghost:{WRONG}", WRONG])
def test_missing_and_wrong_credentials_are_unauthorized(secured: Secured, user: str) -> None:
    with refused(Unauthorized, r"refused the credentials.*user_credentials="):
        secured.connect(user)


def test_an_unknown_seed_is_unauthorized(secured: Secured) -> None:
    seed, _ = new_seed()
    with refused(Unauthorized, "refused the credentials"):
        secured.connect("", nkeys_seed=seed)


@pytest.mark.parametrize(
    "options", [{"tls_ca": None}, {"tls_ca": None, "tls": True}, {"tls_ca": "untrusted"}]
)
def test_a_server_with_an_untrusted_certificate_gets_no_password(
    secured: Secured, options: dict[str, Any]
) -> None:
    if options["tls_ca"] == "untrusted":
        options = {"tls_ca": str(secured.untrusted.ca)}
    with refused(Unavailable, r"is not trusted.*tls_ca="):
        secured.connect(**options)


def test_tls_that_was_asked_for_is_never_done_without(nats_server: NatsServer) -> None:
    with refused(Unavailable, "offers no TLS"):
        bk.connect(f"nats://ann:{PASSWORD}@{nats_server.host}", tls=True, timeout=SOON)


def test_tls_is_used_where_the_server_leaves_the_choice(tmp_path: Path) -> None:
    trusted = Authority(tmp_path)
    certificate, key = trusted.sign("server", hosts=("127.0.0.1",))
    settings = f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\nallow_non_tls: true'
    with NatsServer(settings=settings) as server:
        bk.connect(server.url).close()
        with refused(Unavailable, "is not trusted"):
            bk.connect(server.url, tls=True, timeout=SOON)
        use(bk.connect(server.url, tls_ca=str(trusted.ca)), "chosen")


def test_a_client_shows_its_certificate_where_the_server_wants_one(secured: Secured, tmp_path: Path) -> None:
    trusted = secured.trusted
    certificate, key = trusted.sign("mutual", hosts=("127.0.0.1",))
    settings = (
        f'tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{trusted.ca}", verify: true }}'
    )
    with NatsServer(settings=settings) as server:
        mine, my_key = trusted.sign("client")
        own = {"tls_ca": str(trusted.ca), "timeout": SOON}
        use(bk.connect(server.url, tls_cert=str(mine), tls_key=str(my_key), **own), "mutual")
        with refused(Unauthorized, "tls_cert="):
            bk.connect(server.url, **own)
        theirs, their_key = secured.untrusted.sign("client")
        with refused(Unauthorized, "tls_cert="):
            bk.connect(server.url, tls_cert=str(theirs), tls_key=str(their_key), **own)


def test_a_credentials_file_logs_in_until_it_expires(tmp_path: Path) -> None:
    accounts = Accounts()
    with NatsServer(settings=accounts.settings) as server:
        good = accounts.credentials(tmp_path / "good.creds")
        use(bk.connect(server.url, user_credentials=str(good)), "by-credentials")
        old = accounts.credentials(tmp_path / "old.creds", expires=time.time() - 60)
        untrusted = Accounts().credentials(tmp_path / "untrusted.creds")
        for file in (old, untrusted):
            with refused(Unauthorized, "refused the credentials"):
                bk.connect(server.url, user_credentials=str(file), timeout=SOON)
        with refused(Unauthorized, "refused the credentials"):
            bk.connect(server.url, timeout=SOON)


@pytest.mark.parametrize("option", ["nkeys_seed", "user_credentials"])
def test_a_file_that_holds_no_login_is_a_config_error_that_does_not_show_it(
    secured: Secured, tmp_path: Path, option: str
) -> None:
    file = tmp_path / "login"
    file.write_text(WRONG)
    with refused(ConfigError, f"{option}="):
        secured.connect("", **{option: str(file)})


DENIED: dict[str, Callable[[Session], object]] = {
    "topics": lambda s: s.topics(),
    "publish": lambda s: s.publish("secret", "x"),
    "pull": lambda s: s.pull("secret", subscription="me"),
    "batches": lambda s: next(s.batches("secret", subscription="me")),
}


@pytest.fixture(scope="module")
def secret(secured: Secured) -> None:
    """A topic with a subscription and a message."""
    with secured.connect() as session:
        session.create_topic("secret", stream="secret")
        session.create_subscription("secret", "me", start="earliest")
        session.publish("secret", "hello")


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize("what", DENIED)
def test_a_missing_permission_is_unauthorized_at_once_and_named(secured: Secured, what: str) -> None:
    kind = PublishFailed if what == "publish" else Unauthorized
    with secured.connect(f"bob:{PASSWORD}") as session:
        with refused(kind, "does not permit this user to publish to"):
            DENIED[what](session)
        # and what is permitted goes on working
        assert list(session.peek("secret")["value"]) == ["hello"]


@pytest.mark.usefixtures("secret")
def test_a_frame_that_may_not_be_published_has_surely_failed(secured: Secured) -> None:
    with secured.connect(f"bob:{PASSWORD}") as session:
        outcome = session.publish_frame("secret", pd.DataFrame({"a": range(3)}), progress=False)
    assert outcome.counts == {"confirmed": 0, "failed": 3, "unknown": 0}
    assert outcome["error"].str.contains("permit").all()


def test_an_inbox_that_is_not_permitted_is_told_with_the_option_that_helps(secured: Secured) -> None:
    with refused(Unauthorized, "inbox_prefix="):
        secured.connect(f"carl:{PASSWORD}")
    use(secured.connect(f"carl:{PASSWORD}", inbox_prefix="_CARL"), "carls")


@pytest.mark.parametrize(
    ("user", "options", "step", "said"),
    [
        (f"ann:{WRONG}", {}, "connect", "refused the credentials"),
        (f"ann:{PASSWORD}", {"tls_ca": None}, "connect", "tls_ca="),
        (f"bob:{PASSWORD}", {}, "list topics", r"$JS.API.STREAM.LIST"),
    ],
)
def test_the_doctor_names_the_step(
    secured: Secured, user: str, options: dict[str, Any], step: str, said: str
) -> None:
    found = bk.doctor(secured.url(user), timeout=SOON, **{"tls_ca": str(secured.trusted.ca), **options})
    assert found.failed is not None
    assert (found.failed.name, said in found.failed.detail) == (step, True), found
    shown = repr(found) + found._repr_html_() + repr(found.steps)
    assert PASSWORD not in shown
    assert WRONG not in shown
