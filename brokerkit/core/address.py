"""Where a broker is, and with which options: URLs, keyword overrides, environment, saved names."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from .errors import ConfigError
from .marks import Marks, take_marks
from .secrets import MASK, Secrets, is_secret

_URL = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<rest>.*)$", re.DOTALL)
_HOST = re.compile(r"^(\[[0-9A-Fa-f:.%]+\]|[^:@\[\]]*)(:\d+)?$")
_INNER = re.compile(
    r"(?:SharedAccessKey|SharedAccessSignature|password)\s*=\s*\"?([^;\"]+)|://[^/@:\s]*:([^/@\s]+)@",
    re.IGNORECASE,
)
EXAMPLES = "inmem://, sandbox+nats://, nats://localhost:4222, kafka://localhost:9092"


@dataclass(frozen=True)
class Address:
    """A parsed connection URL. Its repr and `str` never show a secret.

    hosts: the comma-separated ``host[:port]`` parts. path: what follows, without the slash.
    options: query parameters and keyword overrides, by the names that the backend documents.
    marks: what is said of the connection as a whole.
    """

    scheme: str
    hosts: tuple[str, ...] = ()
    path: str = ""
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    marks: Marks = field(default_factory=Marks)

    @classmethod
    def parse(cls, url: str, options: Mapping[str, Any] | None = None) -> Address:
        """Take a URL apart; `options` override its query. Raises ConfigError."""
        if re.match(r"^\s*Endpoint=sb://", url, re.IGNORECASE):
            return cls("servicebus", options={"connection_string": url.strip(), **(options or {})})
        match = _URL.match(url.strip())
        if not match:
            raise ConfigError(
                f"{_hide(url)!r} is not a connection URL: expected SCHEME://..., for example {EXAMPLES}"
            )
        rest, _, query = match["rest"].partition("?")
        authority, _, path = rest.partition("/")
        user: str | None = None
        password: str | None = None
        if "@" in authority:
            who, authority = authority.rsplit("@", 1)
            name, colon, secret = who.partition(":")
            user = unquote(name)
            password = unquote(secret) if colon else None
        merged: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
        merged.update(options or {})
        hosts = tuple(part for part in authority.split(",") if part)
        if any(not _HOST.match(host) for host in hosts) or ("@" in path and ":" in authority):
            raise ConfigError(
                f"the hosts in a {match['scheme']}:// URL cannot be read: expected HOST[:PORT][,HOST...], "
                "and / ? @ : in a user or password written as %2F %3F %40 %3A"
            )
        return cls(match["scheme"].lower(), hosts, unquote(path), user, password, merged)

    def with_options(self, defaults: Mapping[str, Any]) -> Address:
        """The same, with options that it did not have yet."""
        return replace(self, options={**defaults, **self.options})

    def with_marks(self) -> Address:
        """The same, with the marks taken out of the options. Raises ConfigError."""
        marks, options = take_marks(self.options)
        return replace(self, options=options, marks=marks)

    @property
    def secrets(self) -> Secrets:
        """Every value of it that must not be shown."""
        found = Secrets([self.password] if self.password else [])
        if self._token is not None:
            found.add(self._token)
        for name, value in self.options.items():
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            if is_secret(name) and value is not None and not isinstance(value, bool):
                found.add(text)
            for parts in _INNER.findall(text):
                for part in parts:
                    found.add(part)
        return found

    @property
    def _token(self) -> str | None:
        """A user without a password may be a token, as it is of NATS."""
        if self.password is not None or any("password" in name.lower() for name in self.options):
            return None
        return self.user

    @property
    def public_url(self) -> str:
        """The URL with all its options but without any secret: for another process to connect with."""
        secrets = self.secrets
        shown = {
            name: str(value)
            for name, value in self.options.items()
            if not is_secret(name) and secrets.mask(str(value)) == str(value)
        }
        shown |= {name: "true" for name, value in self.marks._asdict().items() if value}
        query = urlencode(shown)
        who = "" if self.user is None or self._token is not None else f"{quote(self.user, safe='')}@"
        path = f"/{quote(self.path)}" if self.path else ""
        return f"{self.scheme}://{who}{','.join(self.hosts)}{path}" + (f"?{query}" if query else "")

    def __str__(self) -> str:
        user = self.user if self._token is None else MASK
        who = "" if user is None else user + (f":{MASK}" if self.password else "") + "@"
        path = f"/{self.path}" if self.path else ""
        return f"{self.scheme}://{who}{','.join(self.hosts)}{path}"

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"


def _hide(text: str) -> str:
    """A text that is no URL may be a pasted secret: unless it looks like a name, show its beginning only."""
    return text if re.fullmatch(r"[\w.+-]{1,40}", text) else text[:8] + "..."


def config_path() -> Path:
    """The file of saved connections; the environment variable BROKERKIT_CONFIG names another one."""
    named = os.environ.get("BROKERKIT_CONFIG")
    return Path(named) if named else Path.home() / ".config" / "brokerkit" / "connections.toml"


def saved(name: str) -> tuple[str, dict[str, Any]]:
    """The URL and options saved under a name.

    A value ``{env = "NAME"}`` is read from the environment, so that no secret needs to be in the file.
    """
    path = config_path()
    try:
        connections = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    if name not in connections:
        known = ", ".join(sorted(connections)) or "none"
        raise ConfigError(
            f"{_hide(name)!r} is neither a connection URL (for example {EXAMPLES}) nor a connection saved "
            f"in {path} (saved there: {known})"
        )
    entry = connections[name]
    if not isinstance(entry, dict):
        raise ConfigError(f"{name!r} in {path} must be a table: [{name}] and below it url = ...")
    options = {key: value for key, value in _flattened(entry) if key != "url"}
    if not isinstance(entry.get("url"), str):
        raise ConfigError(f'the connection {name!r} in {path} needs a line: url = "SCHEME://..."')
    return entry["url"], options


def _flattened(entry: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """TOML reads ``sasl.password = ...`` as a table in a table: back to dotted names."""
    for key, value in entry.items():
        if isinstance(value, dict) and set(value) != {"env"}:
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield prefix + key, _from_environment(prefix + key, value)


def _from_environment(key: str, value: Any) -> Any:
    if not (isinstance(value, dict) and set(value) == {"env"}):
        return value
    try:
        return os.environ[value["env"]]
    except KeyError:
        raise ConfigError(
            f"option {key!r} is to be read from the environment variable {value['env']}, which is not set"
        ) from None


def environment_options(scheme: str) -> dict[str, str]:
    """Options from the environment: BROKERKIT_KAFKA_SASL_PASSWORD is ``sasl.password`` of kafka."""
    prefix = f"BROKERKIT_{scheme.upper().replace('+', '_')}_"
    return {
        name.removeprefix(prefix).lower().replace("__", "\0").replace("_", ".").replace("\0", "_"): value
        for name, value in os.environ.items()
        if name.startswith(prefix)
    }


def resolve(target: str | None, options: Mapping[str, Any]) -> Address:
    """What a user gave to `connect` as an address.

    target: a URL, a saved name, an Azure connection string, or None for BROKERKIT_URL. Keyword
    options win over the URL's query, which wins over saved options and the environment. The marks
    `read_only` and `production` may stand in any of them.
    """
    if target is None:
        target = os.environ.get("BROKERKIT_URL")
        if not target:
            raise ConfigError(
                f"connect() needs a URL (for example {EXAMPLES}), or the environment variable BROKERKIT_URL"
            )
    saved_options: dict[str, Any] = {}
    if "://" not in target:
        target, saved_options = saved(target)
    address = Address.parse(target, options)
    return address.with_options({**environment_options(address.scheme), **saved_options}).with_marks()
