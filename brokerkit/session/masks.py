"""The mask of a session: what its reads hide, and what it refuses because it would show what is hidden."""

from __future__ import annotations

from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.core.vocabulary.mask_options import MaskOptions
from brokerkit.frames.masking.mask import Mask, added

HOW = "unmask=True says that it should be shown nevertheless"


def mask_of_connection(options: MaskOptions, given: Mask | str | None = None) -> Mask | None:
    """Return the mask of a connection; None without one.

    Args:
        options: What a URL, a saved connection or the environment says.
        given: What the code says, which is added.

    Raises:
        ConfigError: It cannot be read.
    """
    texts = [each for each in (options.rules, given) if isinstance(each, str)]
    parsed = [Mask.parse(each, hash_key=options.hash_key) for each in texts]
    found: Mask | None = None
    for each in (*parsed, given):
        if not isinstance(each, str):
            found = added(found, each)
    return found.as_locked() if found is not None and options.locked else found


def mask_of_read(session: Mask | None, mask: Mask | str | None, unmask: bool) -> Mask | None:
    """Return the mask of one read; None if it hides nothing.

    Args:
        session: The mask of the session.
        mask: The read's own mask, which is added.
        unmask: Leave the mask of the session out.

    Raises:
        ConfigError: An argument cannot be used.
        NotSupported: The mask of the session is locked.
    """
    if not isinstance(unmask, bool):
        raise ConfigError(f"unmask must be True or False, not {unmask!r:.60}")
    if unmask and session is not None and session.locked:
        raise NotSupported("the mask of this session is locked: unmask=True is refused")
    return added(None if unmask else session, mask)


def refuse_unless_unmasked(session: Mask | None, unmask: bool, what: str) -> None:
    """Raise NotSupported for what passes on messages as they are, unless the mask is left out.

    Args:
        what: What it does, as the beginning of the error's text.
    """
    if mask_of_read(session, None, unmask) is not None:
        locked = session is not None and session.locked
        raise NotSupported(
            f"{what}, which the mask of this session does not allow" + ("" if locked else f"; {HOW}")
        )
