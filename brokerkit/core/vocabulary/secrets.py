"""Keeping passwords, keys and tokens out of every output."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, SupportsIndex, TypeVar
from urllib.parse import quote, quote_plus

from .errors import BrokerError

MASK = "***"
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?s?$|(^|[._-])cmd$|secret|token|credential|jaas|api[._-]?key|private[._-]?key|"
    r"(^|[._-])(key|pem|sas|jwt|auth)$|seed|auth[._-]?params|user[._-]?info|access[._-]?key|connection[._-]?string|signature|oauthbearer\.config",
    re.IGNORECASE,
)


_PUBLIC_NAME = re.compile(
    r"security\.protocol|sasl\.(mechanisms?|username|oauthbearer\.(method|scope|extensions|client\.id))|"
    r"ssl\.(ca|certificate|crl|keystore|engine)\.location|ssl\.endpoint\.identification\.algorithm|"
    r"client\.(id|rack|dns\.lookup)|broker\.address\.family|.*compression\.(type|codec)|partitioner|acks|debug|"
    r"user|name|domain|stream|inbox_prefix|tls_ca|tls_cert|tls_certificate|tls_key_file|tls_hostname|"
    r"admin|monitor|oauth2_(issuer|key_file|audience|scope)|listener|project|emulator|endpoint|ca|transport|"
    r"read[._]only|production|demo|data|log_level|tls|tls_first|tls_check_hostname|nack_delay|prefetch|"
    r"batching|chunking|mask|reader|registry[._](user|ca|cert|timeout)|"
    # texts among the properties of librdkafka
    r"bootstrap\.servers|metadata\.(broker\.list|recovery\.strategy)|isolation\.level|auto\.offset\.reset|"
    r"group\.(id|instance\.id|protocol|protocol\.type|remote\.assignor)|partition\.assignment\.strategy|"
    r"transactional\.id|queuing\.strategy|offset\.store\.(method|path)|broker\.version\.fallback|"
    r"client\.software\.(name|version)|plugin\.library\.paths|https\.ca\.location|ssl\.key\.location|"
    r"ssl\.(cipher\.suites|curves\.list|sigalgs\.list|engine\.id|providers|ca\.certificate\.stores)|"
    r"sasl\.kerberos\.(service\.name|principal|keytab)|sasl\.oauthbearer\.grant\.type|topic\.blacklist"
)
_LOGIN = re.compile(r"://[^/?#]*@")
_REGISTRY = re.compile(r"(https?://[^@?#\s]*|sandbox)?", re.IGNORECASE)
_TOKEN_URL = "sasl.oauthbearer.token.endpoint.url"
"""Where librdkafka gets tokens: no secret, although its name has the word."""
_URL = re.compile(r"https?://[^@?#\s]*", re.IGNORECASE)
_HARMLESS = re.compile(r"[+-]?\d+(\.\d+)?|true|false", re.IGNORECASE)
_LIKE_A_NAME = re.compile(r"[\w.+-]{1,40}")


def like_a_name(text: str) -> bool:
    """Tell whether a text looks like a name, so that it may be shown."""
    return _LIKE_A_NAME.fullmatch(text) is not None


def shortened(text: str) -> str:
    """Return a text as it may be shown. Unless it looks like a name it may be a secret: shorten it."""
    return text if like_a_name(text) else text[:8] + "..."


def is_secret(name: str) -> bool:
    """Tell whether the value of an option of this name must not be shown."""
    return _SECRET_NAME.search(name) is not None and name != _TOKEN_URL


def is_public(name: str, value: object) -> bool:
    """Tell whether an option may be shown: it is known to be harmless, or is a number or a bool."""
    if is_secret(name) or isinstance(value, Secret) or _LOGIN.search(str(value)):
        return False
    if name == "registry":
        # short enough to be a key that was pasted at the wrong place
        return _REGISTRY.fullmatch(str(value)) is not None
    if name == _TOKEN_URL:
        return _URL.fullmatch(str(value)) is not None
    return _PUBLIC_NAME.fullmatch(name) is not None or _HARMLESS.fullmatch(str(value)) is not None


class Secret:
    """A text that no output shows: not its repr, nor str, format, JSON or a pickle.

    Only `reveal` returns it. Call it inside the call that passes the text to a client library, so that no
    variable holds the text.
    """

    __slots__ = ("_hidden",)

    def __init__(self, text: str | bytes) -> None:
        # not UTF-8: surrogates stand for its bytes, and `is_text` says so
        self._hidden = text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else str(text)

    def reveal(self) -> str:
        """Return the text itself."""
        return self._hidden

    @property
    def is_text(self) -> bool:
        """Whether UTF-8 can encode the text."""
        return self._hidden.encode("utf-8", "replace").count(b"?") == self._hidden.count("?")

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._hidden)

    def __eq__(self, other: object) -> bool:
        return self._hidden == other._hidden if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._hidden))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            "a secret cannot be pickled: let the other process take it from its environment or saved "
            "connections"
        )


def hidden(name: str, value: Any) -> Any:
    """Return the value of an option, as a `Secret` if its name or content says so.

    One whose name is not known is hidden as well: it may be a secret under a misspelled name.
    """
    if isinstance(value, bytes):
        return Secret(value)
    if isinstance(value, str) and value.lstrip().startswith("{"):
        found = _object_in(value)
        return Secret(value) if found is None else hidden(name, found)
    if isinstance(value, str) and value and (not is_public(name, value) or inner_secrets(value)):
        return Secret(value)
    if isinstance(value, Mapping):
        return {key: hidden(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(name, each) for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and is_secret(name):
        return Secret(str(value))
    return value


def _object_in(text: str) -> dict[str, Any] | None:
    """Return a JSON object, such as properties of librdkafka in a URL. None for any other text."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


class NameBehindSecret(str):
    """The name of an option that stands behind a secret in a URL: it may be the end of that secret.

    It is the same key as its text; its repr, which errors show, says only where it stands.
    """

    _place: int

    def __new__(cls, name: str, place: int) -> NameBehindSecret:
        made = super().__new__(cls, name)
        made._place = place
        return made

    def __repr__(self) -> str:
        return f"number {self._place} of the URL (behind a secret, whose & is written %26)"

    def replace(self, old: str, new: str, count: SupportsIndex = -1, /) -> NameBehindSecret:
        """Return the name with another spelling, which is no more to be shown."""
        return NameBehindSecret(super().replace(old, new, count), self._place)

    def lower(self) -> NameBehindSecret:
        """Return the name in small letters, which is no more to be shown."""
        return NameBehindSecret(super().lower(), self._place)


def hidden_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the options of a URL by name, with what is or may be a secret hidden; see `hidden`."""
    found: dict[str, Any] = {}
    behind = False
    for place, (name, value) in enumerate(pairs, 1):
        shown = hidden(name, value)
        found[NameBehindSecret(name, place) if behind else name] = shown
        behind = behind or isinstance(shown, Secret)
    return found


def as_secret(value: Any) -> Secret:
    """Return a text as a `Secret`, and a `Secret` unchanged."""
    return value if isinstance(value, Secret) else Secret(value)


def revealed(value: Any) -> Any:
    """Return the text of a `Secret`, a mapping with its values revealed, and anything else unchanged."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {key: revealed(each) for key, each in value.items()}
    return value


_INNER = re.compile(
    r"(?:SharedAccessKey|SharedAccessSignature|password)\s*=\s*\"?([^;\"]+)|"
    r"://([^/@:\s]*):([^/@\s]+)@|"
    r"[?&][\w.-]*(?:password|token|secret|signature|key)=([^&#\s]+)",
    re.IGNORECASE,
)


def inner_secrets(text: str) -> list[str]:
    """Return the passwords and keys inside a text such as a URL or a connection string."""
    return [part for found in _INNER.findall(text) for part in (found[0], *found[2:]) if part]


def _spellings(value: str) -> set[str]:
    """Return a value as it is, as URLs spell it, and as reprs and JSON do."""
    quoted = {quote(value, safe=""), quote(value), quote_plus(value)}
    lower = {re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), each) for each in quoted}
    return {value, repr(value)[1:-1], json.dumps(value)[1:-1], *quoted, *lower}


E = TypeVar("E", bound=BaseException)


class Secrets:
    """The secret values of one connection, to be masked in every text that is shown."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._spellings: list[str] = []
        for value in values:
            self.add(value)

    def add(self, value: str) -> None:
        """Mask a value from now on. An empty one is ignored."""
        if value and value not in self._values:
            self._values.add(value)
            found = {*self._spellings, *_spellings(value)}
            self._spellings = sorted(found, key=len, reverse=True)

    def mask(self, text: str) -> str:
        """Return a text with every secret replaced by ``***``, the longest first."""
        for value in self._spellings:
            text = text.replace(value, MASK)
        return text

    def clear(self, error: E) -> E:
        """Mask the texts of an error and of its causes. Return the same error.

        A cause that shows a secret elsewhere than in its arguments is replaced by its masked text.
        """
        if self._spellings:
            self._clear(error, set())
        return error

    def _clear(self, error: BaseException, seen: set[int]) -> None:
        seen.add(id(error))
        error.args = tuple(self.mask(arg) if isinstance(arg, str) else arg for arg in error.args)
        for name in ("__cause__", "__context__"):
            other = getattr(error, name)
            if other is None or id(other) in seen:
                continue
            self._clear(other, seen)
            text = f"{type(other).__name__}: {other} {other!r}"
            if self.mask(text) != text:
                setattr(error, name, BrokerError(self.mask(f"{type(other).__name__}: {other}")))
            elif not isinstance(other, BrokerError):
                # the variables of functions of a client library may hold secrets
                other.__traceback__ = None

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)})"
