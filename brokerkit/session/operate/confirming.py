"""What is to be changed is typed again."""

from __future__ import annotations

from brokerkit.core.vocabulary.errors import ConfigError


def check_confirmed(name: str, confirm: str | None, what: str) -> None:
    """Raise ConfigError unless the name was typed again.

    Args:
        name: The name of what is changed.
        confirm: What was typed.
        what: What is to be done, as the beginning of the error's text.
    """
    if confirm != name:
        raise ConfigError(
            f"{what}, look at the plan with dry_run=True and type its name again: confirm={name!r}"
        )
