"""A NATS server that takes credentials files: an operator, an account with JetStream, and its users."""

from __future__ import annotations

import base64
import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

import nkeys

_UNLIMITED = dict.fromkeys(
    ("subs", "data", "payload", "imports", "exports", "conn", "leaf", "mem_storage", "disk_storage",
     "streams", "consumer"),
    -1,
)  # fmt: skip


class _Identity:
    """A key pair. `name` is its public key."""

    def __init__(self, kind: int) -> None:
        self.seed = nkeys.encode_seed(os.urandom(32), kind).decode()
        self._pair = nkeys.from_seed(self.seed.encode())
        self.name = self._pair.public_key.decode()

    def token(self, subject: str, about: dict[str, Any], expires: float | None = None) -> str:
        """A JWT about an account or user, signed by this one. expires: seconds since 1970."""
        claims: dict[str, Any] = {
            "jti": uuid.uuid4().hex,
            "iat": int(time.time()),
            "iss": self.name,
            "sub": subject,
            "name": about["type"],
            "nats": {"version": 2, **about},
        }
        if expires is not None:
            claims["exp"] = int(expires)
        said = f"{_part({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{_part(claims)}"
        return f"{said}.{_base64(self._pair.sign(said.encode()))}"


def _part(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Accounts:
    """Who may log in. `settings`: the lines for the server's configuration."""

    def __init__(self) -> None:
        operator, system = _Identity(nkeys.PREFIX_BYTE_OPERATOR), _Identity(nkeys.PREFIX_BYTE_ACCOUNT)
        self._account = _Identity(nkeys.PREFIX_BYTE_ACCOUNT)
        limits = {"type": "account", "limits": {**_UNLIMITED, "wildcards": True}}
        trusted = operator.token(operator.name, {"type": "operator", "system_account": system.name})
        without = {**limits, "limits": {**limits["limits"], "mem_storage": 0, "disk_storage": 0}}
        self.settings = f"""
        operator: {trusted}
        system_account: {system.name}
        resolver: MEMORY
        resolver_preload: {{
          {self._account.name}: {operator.token(self._account.name, limits)}
          {system.name}: {operator.token(system.name, without)}
        }}
        """

    def credentials(self, file: Path, *, expires: float | None = None) -> Path:
        """Write the credentials file of a new user. expires: seconds since 1970."""
        user = _Identity(nkeys.PREFIX_BYTE_USER)
        token = self._account.token(
            user.name, {"type": "user", **dict.fromkeys(("subs", "data", "payload"), -1)}, expires
        )
        file.write_text(
            f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n",
            "utf-8",
        )
        return file


def new_seed() -> tuple[str, str]:
    """The seed of a new user, and the public key by which a server knows it."""
    user = _Identity(nkeys.PREFIX_BYTE_USER)
    return user.seed, user.name
