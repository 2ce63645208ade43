"""The file `client.conf` of Pulsar's command line tools."""

from __future__ import annotations

from typing import Any

from brokerkit.core.contract.configuration_file import (
    Untranslated,
    expanded,
    json_object,
    read_properties,
    read_text,
)
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import Secret, hidden, revealed

Given = dict[str, Secret]

_OAUTH2 = {
    "issuerUrl": "oauth2_issuer",
    "privateKey": "oauth2_key_file",
    "audience": "oauth2_audience",
    "scope": "oauth2_scope",
}
_TLS = {"tlsCertFile": "tls_certificate", "tlsKeyFile": "tls_key_file"}
_FILES = {
    "tlsTrustCertsFilePath": "tls_ca",
    "tlsCertificateFilePath": "tls_certificate",
    "tlsKeyFilePath": "tls_key_file",
}
_INSTEAD = {
    "tlsAllowInsecureConnection": "a certificate is always checked here: give tls_ca=",
    "useKeyStoreTls": "export the keystore as PEM: give tls_ca=, tls_certificate= and tls_key_file=",
    "proxyServiceUrl": "give the address of the proxy as the URL: pulsar+ssl://PROXY:6651",
}
"""Settings without a counterpart, if they are set to more than false."""


def from_client_conf(path: str) -> Address:
    """Return the address in a file `client.conf`.

    Raises:
        ConfigError: It cannot be read, or a setting cannot be used.
    """
    if not path:
        raise ConfigError("expected pulsar-client:FILE, the path of a client.conf")
    given = {name: value for name, value in read_properties(path).items() if value}
    lacking = Untranslated(path)
    url = given.get("brokerServiceUrl")
    if url is None:
        raise ConfigError(f"{path} has no brokerServiceUrl=")
    options: dict[str, Any] = {
        own: expanded(given[name].reveal()) for name, own in _FILES.items() if name in given
    }
    if "webServiceUrl" in given:
        # several servers stand behind one scheme, and one answers for all
        options["admin"] = given["webServiceUrl"].reveal().partition(",")[0].rstrip("/")
    if "tlsEnableHostnameVerification" in given:
        options["tls_check_hostname"] = given["tlsEnableHostnameVerification"].reveal()
    for name, what_to_do in _INSTEAD.items():
        if given.get(name, Secret("false")).reveal().lower() != "false":
            lacking.add(name, what_to_do)
    address = Address.parse(url)
    user, password = _login(given, options, lacking)
    lacking.raise_if_any()
    return Address(address.scheme, address.hosts, user=user, password=password, options=options)


def _login(given: Given, options: dict[str, Any], lacking: Untranslated) -> tuple[str | None, Secret | None]:
    """Add the options for logging in, and return a user and password where these are the way."""
    plugin = given.get("authPlugin", Secret("")).reveal().rpartition(".")[2]
    written = given.get("authParams", Secret(""))
    if plugin in ("", "AuthenticationDisabled"):
        return None, None
    if plugin in ("AuthenticationToken", "token"):
        options["token"] = _token(written)
        return None, None
    found = _parameters(written)
    if plugin in ("AuthenticationBasic", "basic"):
        return found.get("userId", Secret("")).reveal(), found.get("password", Secret(""))
    names = {"AuthenticationTls": _TLS, "tls": _TLS, "AuthenticationOAuth2": _OAUTH2}.get(plugin)
    if names is None:
        lacking.add("authPlugin", f"{plugin} has no counterpart; known are Token, Basic, Tls and OAuth2")
        return None, None
    for name, own in names.items():
        if name in found:
            options[own] = hidden(own, found[name].reveal().removeprefix("file://"))
    return None, None


def _token(written: Secret) -> Secret:
    """Return a token: as it is, after ``token:``, in JSON, or in the file after ``file:``."""
    found = json_object(written)
    if found is not None:
        return Secret(str(revealed(found.get("token", ""))))
    text = written.reveal()
    if text.startswith("file:"):
        return Secret(read_text(text.removeprefix("file://").removeprefix("file:")).reveal().strip())
    return Secret(text.removeprefix("token:"))


def _parameters(written: Secret) -> Given:
    """Return parameters that are JSON, or pairs such as ``a:b,c:d``."""
    found = json_object(written)
    if found is not None:
        return {name: Secret(str(revealed(value))) for name, value in found.items()}
    pairs = (each.partition(":") for each in written.reveal().split(","))
    return {name.strip(): Secret(value.strip()) for name, _, value in pairs}
