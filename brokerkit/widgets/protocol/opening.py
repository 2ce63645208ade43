"""What the first screen says to its view, and the view to it."""

from __future__ import annotations

from typing import Literal, TypedDict

StepStatus = Literal["ok", "failed", "not offered", "not tried"]
SignIn = Literal["none", "password", "token"]
SecretAt = Literal["typed", "keyring", "env"]


class SavedLine(TypedDict):
    """A saved connection, without secrets; `keyring` says whether the keyring keeps one for it."""

    name: str
    keyring: bool
    system: str
    address: str
    marks: list[str]
    used: str
    used_at: int | None


class SystemChoice(TypedDict):
    """A system that the form offers; `whole` says that a token is all it needs besides the address."""

    scheme: str
    title: str
    example: str
    whole: bool


class SandboxChoice(TypedDict):
    """A system of which a private server can be started."""

    name: str
    title: str


class CheckedStep(TypedDict):
    """A step of the diagnosis of what is typed; `mend` is the option that mends it."""

    name: str
    status: StepStatus
    detail: str
    mend: str


class OpeningState(TypedDict):
    """What the first screen shows; `opening` names what is being opened, and `saved` what was saved."""

    screen: Literal["open"]
    connections: list[SavedLine]
    systems: list[SystemChoice]
    sandboxes: list[SandboxChoice]
    steps: list[CheckedStep]
    checking: bool
    wrong: str
    opening: str
    saved: str
    problem: str
    call: str
    code: str


class ConnectionForm(TypedDict):
    """A new connection as it is typed. The secret is never sent back."""

    system: str
    servers: str
    sign_in: SignIn
    user: str
    secret: str
    secret_at: SecretAt
    options: str
    production: bool
    read_only: bool


class OpeningAction(TypedDict):
    """A click without more to say."""

    type: Literal["hello", "here"]


class CheckForm(TypedDict):
    """The form was edited; `connecting` says whether to sign in, too."""

    type: Literal["check"]
    form: ConnectionForm
    connecting: bool


class ConnectForm(TypedDict):
    """Open what is typed."""

    type: Literal["connect"]
    form: ConnectionForm


class SaveForm(TypedDict):
    """Save what is typed under a name."""

    type: Literal["save"]
    form: ConnectionForm
    name: str


class OpenSaved(TypedDict):
    """Open a saved connection."""

    type: Literal["open"]
    name: str


class ShowCall(TypedDict):
    """Show the calls of a saved connection."""

    type: Literal["show"]
    name: str


class DeleteSaved(TypedDict):
    """Delete a saved connection: it was confirmed."""

    type: Literal["delete"]
    name: str


class StartSandbox(TypedDict):
    """Start a private server with example data."""

    type: Literal["sandbox"]
    name: str


OpeningDone = (
    OpeningAction | CheckForm | ConnectForm | SaveForm | OpenSaved | ShowCall | DeleteSaved | StartSandbox
)
