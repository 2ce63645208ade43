"""What is to be changed is typed again."""

from __future__ import annotations

from shlex import quote

from brokerkit.core.vocabulary.errors import ConfigError


class NotConfirmed(ConfigError):
    """The name of what is to be changed was not typed again.

    Attributes:
        in_shell: The same text for the command line.
    """

    def __init__(self, name: str, what: str) -> None:
        super().__init__(_asked(what, "dry_run=True", f"confirm={name!r}"))
        self.in_shell = _asked(what, "--dry-run", f"--confirm {quote(name)}")


def check_confirmed(name: str, confirm: str | None, what: str) -> None:
    """Raise NotConfirmed unless the name was typed again.

    Args:
        name: The name of what is changed.
        confirm: What was typed.
        what: What is to be done, as the beginning of the error's text.
    """
    if confirm != name:
        raise NotConfirmed(name, what)


def _asked(what: str, dry_run: str, confirm: str) -> str:
    return f"{what}, look at the plan with {dry_run} and type the name again: {confirm}"
