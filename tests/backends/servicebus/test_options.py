"""What an address may say, and that no key is ever shown."""

from __future__ import annotations

import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from brokerkit.backends.servicebus.options import read_options
from brokerkit.core import ConfigError, Unauthorized, connect
from brokerkit.core.runtime.registry import address_of
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.secrets import Secret

KEY = "c2VjcmV0LWtleS1mb3ItdGVzdHM="
STRING = f"Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=all;SharedAccessKey={KEY}"


class Tokens:
    """Stands for an object of azure-identity."""

    def get_token(self, *scopes: str, **_: object) -> object:
        raise AssertionError("a token was requested before connecting")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("servicebus://orders-ns", "orders-ns.servicebus.windows.net"),
        ("servicebus://ns.servicebus.chinacloudapi.cn", "ns.servicebus.chinacloudapi.cn"),
    ],
)
def test_a_namespace_may_be_named_with_or_without_its_domain(url: str, host: str) -> None:
    found = read_options(Address.parse(url))
    assert (found.host, found.key, found.emulator) == (host, None, False)


def test_a_connection_string_has_the_host_and_the_key() -> None:
    found = read_options(address_of(STRING, {}))
    assert (found.host, found.key) == ("ns.servicebus.windows.net", ("all", Secret(KEY)))
    assert KEY not in repr(found)


def test_a_connection_string_may_be_for_one_entity_for_an_emulator_and_have_a_signature() -> None:
    assert read_options(address_of(f"{STRING};EntityPath=orders", {})).entity == "orders"
    emulator = (
        "Endpoint=sb://127.0.0.1:5672;SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true;"
    )
    found = read_options(address_of(emulator, {}))
    assert (found.host, found.emulator) == ("127.0.0.1:5672", True)
    signed = (
        "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessSignature=SharedAccessSignature sr=x&sig=y&se=9"
    )
    assert read_options(address_of(signed, {})).signature == Secret("SharedAccessSignature sr=x&sig=y&se=9")


def test_the_environment_gives_the_connection_string(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKERKIT_SERVICEBUS_CONNECTION_STRING", STRING)
    address = address_of("servicebus://ns", {})
    assert read_options(address).key == ("all", Secret(KEY))
    assert KEY not in repr(address) + str(address) + address.public_url


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("servicebus://", {}, "servicebus://NAMESPACE"),
        ("servicebus://ns/queue", {}, "servicebus://NAMESPACE"),
        ("servicebus://me@ns", {}, "servicebus://NAMESPACE"),
        ("servicebus://n_s", {}, "HOST"),
        ("servicebus://ns?colour=red", {}, "connection_string"),
        ("servicebus://ns?transport=udp", {}, "websockets"),
        ("servicebus://ns?ca=/nowhere.pem", {}, "PEM"),
        ("servicebus://ns?admin=a b", {}, "admin"),
        ("servicebus://ns", {"credential": "not a credential"}, "gives tokens"),
        ("Endpoint=sb://ns.servicebus.windows.net/", {}, "no key"),
        (f"Endpoint=sb:///;SharedAccessKeyName=a;SharedAccessKey={KEY}", {}, "Endpoint"),
        (f"{STRING};nonsense", {}, "without '='"),
        (STRING, {"credential": Tokens()}, "choose one"),
    ],
)
def test_an_address_that_cannot_be_used_says_what_was_expected(
    url: str, options: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        connect(url, **options)
    assert KEY not in "".join(traceback.format_exception(raised.value))


@pytest.mark.extended
def test_without_azure_identity_the_error_says_how_to_get_it() -> None:
    program = (
        "import sys; sys.modules['azure.identity'] = None\n"
        "from brokerkit.core import ConfigError, Unauthorized, connect\n"
        "try:\n    connect('servicebus://ns', timeout=5)\n"
        "except ConfigError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert "pip install 'brokerkit-notebook[servicebus]'" in done.stdout
    assert "connection string" in done.stdout


@pytest.mark.extended
def test_without_any_credentials_one_line_says_how_to_get_some() -> None:
    hidden = {"PATH": "", "HOME": "/nonexistent", "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-m", "brokerkit", "-c", "servicebus://some-namespace", "topics"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=hidden | {"AZURE_TOKEN_CREDENTIALS": "dev"},
    )
    assert done.returncode == 4
    assert done.stderr.startswith("error: there are no credentials: run `az login`")
    assert done.stderr.count("\n") == 1


@pytest.mark.extended
def test_importing_the_backend_loads_no_azure_identity() -> None:
    program = "import sys, brokerkit.backends.servicebus; print('azure.identity' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout == "False\n"


def test_a_login_that_fails_is_unauthorized_before_anything_is_sent() -> None:
    from azure.identity import CredentialUnavailableError

    asked: list[tuple[str, ...]] = []

    class NotLoggedIn:
        def get_token(self, *scopes: str, **_: object) -> object:
            asked.append(scopes)
            raise CredentialUnavailableError("please run az login")

    with pytest.raises(Unauthorized, match="there are no credentials: run `az login`") as raised:
        connect("servicebus://some-namespace", credential=NotLoggedIn(), timeout=5)
    assert not raised.value.retryable
    assert asked == [("https://servicebus.azure.net//.default",)]
