"""A connection as it is typed into the form: what to connect to, and the call that does the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args
from urllib.parse import quote

from brokerkit.core.runtime import registry as backends
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.saved_connections import SecretPlace, from_environment
from brokerkit.core.vocabulary.secrets import Secret, is_public, revealed

from ..call_text import Name, call_text, literal
from ..protocol.opening import SecretAt, SignIn
from .typed_options import read_typed_options

IMPORTS = "import brokerkit as bk"


@dataclass(frozen=True)
class TypedConnection:
    """The fields of the form.

    Attributes:
        secret: The password or token as it was typed, or the name of an environment variable.
        secret_at: Where it is: typed, typed and kept in the keyring, or in the environment.
        options: ``name=value`` of the system, separated by commas; see `read_typed_options`.
    """

    system: str
    servers: str
    sign_in: SignIn
    user: str
    secret: Secret
    secret_at: SecretAt
    options: str
    production: bool
    read_only: bool

    @classmethod
    def read(cls, form: object) -> TypedConnection:
        """Return the fields that a view sent; missing ones are empty."""
        given = form if isinstance(form, Mapping) else {}

        def text(name: str) -> str:
            found = given.get(name)
            return found.strip() if isinstance(found, str) else ""

        return cls(
            text("system"),
            text("servers"),
            next((each for each in get_args(SignIn) if each == given.get("sign_in")), "none"),
            text("user"),
            Secret(str(given.get("secret") or "")),
            next((each for each in get_args(SecretAt) if each == given.get("secret_at")), "typed"),
            text("options"),
            bool(given.get("production")),
            bool(given.get("read_only")),
        )

    @property
    def signs_in(self) -> bool:
        """Whether connecting sends a secret."""
        return self.sign_in != "none"

    def without_sign_in(self) -> TypedConnection:
        """Return the same place without the secret, which may be half typed."""
        return replace(self, sign_in="none", secret=Secret(""))

    def target(self) -> tuple[Secret, dict[str, Any]]:
        """Return what to connect to, and the options.

        Raises:
            ConfigError: A field is missing or wrong; the error names it.
        """
        options = {**self._options(), **self.flags()}
        if not self.signs_in:
            return Secret(self._base()), options
        if self.sign_in == "password":
            self._user()
        secret = self._secret()
        whole = backends.secret_option(self._scheme())
        if self.sign_in == "token" and whole is not None:
            return Secret(self._base()), {**options, whole: secret}
        return Secret(self._base().replace("://", f"://{self._login(secret)}@", 1)), options

    def to_save(self) -> tuple[Secret, str | None, dict[str, Any]]:
        """Return the URL, where the secret is, and the options, for `save_connection`; see `target`."""
        if not self.signs_in:
            url, options = self.target()
            return url, None, options
        if self.secret_at == "keyring":
            url, options = self.target()
            return url, "keyring", options
        base = self._base()
        if self.sign_in == "password":
            base = base.replace("://", f"://{quote(self._user(), safe='')}@", 1)
        where = "prompt" if self.secret_at == "typed" else f"env:{self.secret.reveal()}"
        return Secret(base), where, {**self._options(), **self.flags()}

    def call(self) -> str:
        """Return the call of `connect` without the secret: it asks for it, or takes it from its variable."""
        base, options = self._base(), {**self._written(), **self.flags()}
        public = Address.parse(base).public_url if "://" in base else base
        if not self.signs_in:
            return call_text("s = bk.connect", public, **options)
        read = f"os.environ[{self.secret.reveal()!r}]" if self.secret_at == "env" else "getpass()"
        whole = backends.secret_option(self._scheme())
        if self.sign_in == "token" and whole is not None:
            return call_text("s = bk.connect", public, **options, **{whole: Name(read)})
        user = f"{quote(self.user, safe='')}:" if self.sign_in == "password" else ""
        scheme, _, place = public.partition("://")
        before, after = literal(f"{scheme}://{user}"), literal(f"@{place}")
        return call_text("s = bk.connect", Name(f"{before} + quote({read}, safe='') + {after}"), **options)

    def code(self) -> str:
        """Return the cell that opens the workbench."""
        call = self.call()
        needed = [IMPORTS]
        needed += ["import os"] if "os.environ[" in call else []
        needed += ["from getpass import getpass"] if "getpass()" in call else []
        needed += ["from urllib.parse import quote"] if "quote(" in call else []
        return "\n".join([*needed, call, "s.browse()"])

    def flags(self) -> dict[str, bool]:
        """Return the flags that are set."""
        given = {"production": self.production, "read_only": self.read_only}
        return {name: True for name, value in given.items() if value}

    def _scheme(self) -> str:
        scheme, mark, _ = self.servers.partition("://")
        return scheme if mark else self.system

    def _base(self) -> str:
        if not self.servers:
            facts = backends.systems().get(self.system)
            raise ConfigError(f"Servers: type an address, such as {facts.example if facts else 'host:port'}")
        if "://" in self.servers and Address.parse(self.servers).user is not None:
            raise ConfigError("Servers: leave user and password out of the address, they have fields")
        if "://" in self.servers or backends.recognized(Secret(self.servers)) is not None:
            return self.servers
        return f"{self.system}://{self.servers}"

    def _user(self) -> str:
        if not self.user:
            raise ConfigError("User: type the name to sign in with")
        return self.user

    def _secret(self) -> Secret:
        if not self.secret:
            raise ConfigError(
                "Variable: type the name of an environment variable"
                if self.secret_at == "env"
                else "Secret: type it, or say where it is"
            )
        if self.secret_at == "env":
            return from_environment("the secret", SecretPlace("env", self.secret.reveal()))
        return self.secret

    def _login(self, secret: Secret) -> str:
        user = f"{quote(self._user(), safe='')}:" if self.sign_in == "password" else ""
        return user + quote(str(revealed(secret)), safe="")

    def _written(self) -> dict[str, Any]:
        """Return the options as they are written into a call: what may be a secret is asked for."""
        return {
            name: value if is_public(name, value) else Name("getpass()")
            for name, value in self._options().items()
        }

    def _options(self) -> dict[str, str]:
        return read_typed_options(self.options)
