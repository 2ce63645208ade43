"""Where a broker is, and with which options: URLs, keyword overrides, environment, saved names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from .arguments import as_flag
from .connection_flags import ConnectionFlags, take_flags
from .errors import ConfigError
from .mask_options import MaskOptions, take_mask
from .registry_options import take_registry
from .saved_connections import SECRET, Fetch, from_environment, saved
from .secrets import (
    MASK,
    NameBehindSecret,
    Secret,
    Secrets,
    as_secret,
    hidden,
    hidden_pairs,
    inner_secrets,
    is_public,
    is_secret,
    like_a_name,
    revealed,
    shortened,
)

_URL = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<rest>.*)$", re.DOTALL)
_HOST = re.compile(r"^(\[[0-9A-Fa-f:.%]+\]|[^:@\[\]]*)(:\d+)?$")
_USER = re.compile(r"(^|[._])user(name)?$")
EXAMPLES = "inmem://, sandbox+nats://, nats://localhost:4222, kafka://localhost:9092"


@dataclass(frozen=True)
class Address:
    """A parsed connection URL. Its repr and `str` never show a secret.

    It is pickled as its public URL: another process takes the secrets from its own environment.

    Attributes:
        scheme: Names the backend.
        hosts: The comma-separated ``host[:port]`` parts.
        path: The part after the hosts, without the slash.
        user: The user. A `Secret` if there is no password, because it may be a token.
        password: The password.
        options: Query parameters and keyword arguments, by the names that the backend documents. The value
            is a `Secret` if its name or content says so.
        marks: Flags of the connection as a whole.
        registry: Options of the schema registry, by name; none without one. Credentials in its address were
            moved to options of their own.
        mask: The mask of the connection, as text.
    """

    scheme: str
    hosts: tuple[str, ...] = ()
    path: str = ""
    user: str | Secret | None = field(default=None, repr=False)
    password: Secret | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    marks: ConnectionFlags = field(default_factory=ConnectionFlags)
    registry: Mapping[str, Any] = field(default_factory=dict, repr=False)
    mask: MaskOptions = field(default_factory=MaskOptions, repr=False)

    @classmethod
    def parse(cls, url: str | Secret, options: Mapping[str, Any] | None = None) -> Address:
        """Return the address of a URL. `options` override its query. Raises ConfigError."""
        # a traceback may show the variables of this function: from here on, none holds a plain secret
        url = url if isinstance(url, Secret) else Secret(url)
        options = {name: hidden(name, value) for name, value in (options or {}).items()}
        found = _taken_apart(url, options)
        if isinstance(found, str):
            raise ConfigError(found)
        return found._checked()

    def _checked(self) -> Address:
        """Return the address after checking that its texts are UTF-8. Raises ConfigError."""
        named = (("the user", self.user), ("the password", self.password), *self.options.items())
        for name, value in named:
            if isinstance(value, str | Secret) and not as_secret(value).is_text:
                raise ConfigError(
                    f"{name} is not UTF-8 text, and no broker takes it so: check how it is encoded where it "
                    "comes from (in a URL a character such as \u00e9 is written %C3%A9)"
                )
        return self

    def with_options(self, defaults: Mapping[str, Any]) -> Address:
        """Return a copy with defaults for options that are not set."""
        return replace(self, options={**defaults, **self.options})

    def with_secret(self, secret: Secret) -> Address:
        """Return a copy with the password of its user, or with a token if it has no user."""
        if self.user is not None or any(map(_USER.search, self.options)):
            return replace(self, user=revealed(self.user), password=secret)
        return replace(self, user=secret)

    def with_marks(self) -> Address:
        """Return a copy without what is not the backend's: flags, registry and mask. Raises ConfigError."""
        marks, options = take_flags(self.options)
        registry, options = take_registry(options)
        mask, options = take_mask(options)
        return replace(self, options=options, marks=marks, registry=registry, mask=mask)

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_public, (self.public_url,)

    @property
    def secrets(self) -> Secrets:
        """Every value in it that must not be shown."""
        found = Secrets()
        credentials = {"password": self.password, "token": self.user if self._is_token else None}
        credentials["mask_hash_key"] = self.mask.hash_key
        for name, value in (*credentials.items(), *self.options.items(), *self.registry.items()):
            _add(found, name, value)
            # a client library names a property that it does not know
            if isinstance(name, NameBehindSecret) and "." in name and not is_public(name, ""):
                found.add(name)
        return found

    @property
    def _is_token(self) -> bool:
        """Whether the user may be a token: it has no password."""
        named = any("password" in name.lower() for name in self.options)
        return self.user is not None and self.password is None and not named

    @property
    def public_url(self) -> str:
        """The URL with its options but without any secret, for another process to connect with."""
        given = {**self.options, **self.registry, **self._mask_shown}
        shown = {name: str(value) for name, value in given.items() if is_public(name, value)}
        shown |= {
            name: "true" for name, value in self.marks._asdict().items() if value and name != "allow_changes"
        }
        query = urlencode(shown)
        login = "" if self.user is None or self._is_token else f"{quote(revealed(self.user), safe='')}@"
        path = f"/{quote(self.path)}" if self.path else ""
        return f"{self.scheme}://{login}{','.join(self.hosts)}{path}" + (f"?{query}" if query else "")

    @property
    def broker(self) -> str:
        """The broker alone: the same for all users, and however the hosts are ordered."""
        path = f"/{self.path}" if self.path else ""
        return f"{self.scheme}://{','.join(sorted(self.hosts))}{path}"

    @property
    def _mask_shown(self) -> dict[str, Any]:
        if self.mask.rules is None:
            return {}
        return {"mask": self.mask.rules} | ({"mask_locked": True} if self.mask.locked else {})

    def __str__(self) -> str:
        user = MASK if self._is_token else revealed(self.user)
        login = "" if user is None else user + (f":{MASK}" if self.password else "") + "@"
        path = f"/{self.path}" if self.path else ""
        return f"{self.scheme}://{login}{','.join(self.hosts)}{path}"

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"


def _taken_apart(url: Secret, options: Mapping[str, Any]) -> Address | str:
    """Return the address, or the text of an error: a traceback from here would show secrets."""
    text = url.reveal().strip()
    match = _URL.match(text)
    if not match:
        return f"{shortened(text)!r} is not a connection URL: expected SCHEME://..., for example {EXAMPLES}"
    rest, _, query = match["rest"].partition("?")
    authority, _, path = rest.partition("/")
    user: str | Secret | None = None
    password: Secret | None = None
    if "@" in authority:
        login, authority = authority.rsplit("@", 1)
        name, colon, secret = login.partition(":")
        user = _unquoted(name) if colon else Secret(_unquoted(name))
        password = Secret(_unquoted(secret)) if colon else None
    given = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    merged = hidden_pairs(given)
    merged.update(options)
    hosts = tuple(part for part in authority.split(",") if part)
    if any(not _HOST.match(host) for host in hosts) or ("@" in path and ":" in authority):
        return (
            f"the hosts in a {match['scheme']}:// URL cannot be read: expected HOST[:PORT][,HOST...], "
            "and / ? @ : in a user or password written as %2F %3F %40 %3A"
        )
    return Address(match["scheme"].lower(), hosts, _unquoted(path), user, password, merged)


def _unquoted(text: str) -> str:
    """Decode percent escapes. Bytes that are not UTF-8 become surrogates."""
    return unquote(text, errors="surrogateescape")


def _from_public(url: str) -> Address:
    """Return the address of a public URL: the other side of a pickle."""
    return resolve(url, {})


def _add(secrets: Secrets, name: str, value: Any) -> None:
    """Add the secrets in the value of an option."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            _add(secrets, str(key), each)
    elif isinstance(value, Secret):
        if is_secret(name) or not inner_secrets(value.reveal()):
            secrets.add(value.reveal())
        for part in inner_secrets(value.reveal()):
            secrets.add(part)


def environment_options(scheme: str) -> dict[str, Any]:
    """Return options from the environment: BROKERKIT_KAFKA_SASL_PASSWORD is ``sasl.password`` of kafka."""
    prefix = f"BROKERKIT_{scheme.upper().replace('+', '_')}_"
    spelled = {
        name: name.removeprefix(prefix).lower().replace("__", "\0").replace("_", ".").replace("\0", "_")
        for name in os.environ
        if name.startswith(prefix)
    }
    return {option: hidden(option, os.environ[name]) for name, option in spelled.items()}


def hidden_target(target: Any) -> Any:
    """Return a target as the user gave it, hidden unless it looks like a name."""
    return Secret(target) if isinstance(target, str) and not like_a_name(target) else target


def _not_recognized(target: Secret) -> Address | None:
    """Return None: only URLs are addresses."""


def _recognized(target: Any, recognize: Callable[[Secret], Address | None]) -> Address | None:
    """Return the address in a target that is not a URL, if any. A name needs no look at the backends."""
    text = revealed(target).strip()
    return None if _URL.match(text) or ":" not in text else recognize(as_secret(target))


def resolve(
    target: str | Secret | None,
    options: Mapping[str, Any],
    *,
    recognize: Callable[[Secret], Address | None] = _not_recognized,
    fetch: Fetch = from_environment,
) -> Address:
    """Return the address of a target that a user gave to `connect`.

    `options` take precedence over the query of the URL, the query over saved options, and these over the
    environment. The flags ``read_only`` and ``production`` may be in any of them.

    Args:
        target: A URL, the name of a saved connection, a connection string, or None for the environment
            variable BROKERKIT_URL.
        options: Options of the backend.
        recognize: Returns the address in a connection string. Raises nothing.
        fetch: Fetches the secrets of a saved connection.

    Raises:
        ConfigError: The target or an option cannot be used.
    """
    target = hidden_target(os.environ.get("BROKERKIT_URL") if target is None else target)
    options = {name: hidden(name, value) for name, value in options.items()}
    allow_changes = as_flag(options.pop("allow_changes", False), "allow_changes")
    if not target:
        raise ConfigError(
            f"connect() needs a URL (for example {EXAMPLES}), or the environment variable BROKERKIT_URL"
        )
    saved_options: dict[str, Any] = {}
    address = _recognized(target, recognize)
    if address is None and "://" not in revealed(target):
        target, saved_options = saved(target, EXAMPLES, fetch)
        address = _recognized(target, recognize)
    secret = saved_options.pop(SECRET, None)
    if address is None:
        address = Address.parse(target, options)
    else:
        address = replace(address, options={**address.options, **options})
    if secret is not None:
        address = address.with_secret(as_secret(secret))
    defaults = {**environment_options(address.scheme), **saved_options}
    address = address.with_options(defaults)._checked().with_marks()
    return replace(address, marks=address.marks._replace(allow_changes=allow_changes))
