"""The rights of clients: shared access policies, and the signatures made with their keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import urllib.parse
from dataclasses import dataclass

from . import errors

MANAGE, SEND, LISTEN = "Manage", "Send", "Listen"
RIGHTS = {
    "RootManageSharedAccessKey": frozenset({MANAGE, SEND, LISTEN}),
    "SendOnly": frozenset({SEND}),
    "ListenOnly": frozenset({LISTEN}),
}
"""The policies of the namespace."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The rights that a token grants.

    Attributes:
        path: The path of the entities that it is for; empty for all.
        policy: The name of the policy.
        until: When it ends, in seconds since the epoch.
    """

    path: str
    policy: str
    until: float

    def covers(self, path: str) -> bool:
        """Return whether the grant is for an entity, by itself or with all of the namespace."""
        path = path.lower()
        return time.time() < self.until and (not self.path or f"{path}/".startswith(f"{self.path}/"))


class Policies:
    """The shared access policies and their keys.

    Attributes:
        rights: The rights by the name of the policy. A test may take one away and give it back.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self.rights = dict(RIGHTS)

    def check(self, token: str) -> Grant:
        """Return what a shared access signature grants. Raises Refusal for an invalid one."""
        kind, _, text = token.partition(" ")
        fields = {name: values[-1] for name, values in urllib.parse.parse_qs(text).items()}
        if kind != "SharedAccessSignature" or not {"sr", "sig", "se", "skn"} <= fields.keys():
            raise _refused("MalformedToken: The token has no sr, sig, se and skn.")
        resource = text.partition("sr=")[2].partition("&")[0]
        signed = hmac.new(self._key.encode(), f"{resource}\n{fields['se']}".encode(), hashlib.sha256).digest()
        if fields["skn"] not in self.rights or not hmac.compare_digest(
            base64.b64encode(signed).decode(), fields["sig"]
        ):
            raise _refused("InvalidSignature: The token has an invalid signature.")
        if not fields["se"].isdecimal() or int(fields["se"]) < time.time():
            raise _refused(f"ExpiredToken: The token is expired. Expiration time: {fields['se']}.")
        path = urllib.parse.urlsplit(fields["sr"]).path.strip("/").lower()
        return Grant(path, fields["skn"], float(fields["se"]))

    def require(self, claim: str, path: str, grants: list[Grant]) -> None:
        """Raise Refusal unless one of the grants gives the claim on an entity."""
        for grant in grants:
            if grant.covers(path) and self.rights[grant.policy] & {claim, MANAGE}:
                return
        raise errors.unauthorized(claim, path)


def _refused(description: str) -> errors.Refusal:
    return errors.Refusal("amqp:unauthorized-access", description, 401)
