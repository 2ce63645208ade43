"""Checks of NKEY seeds and credentials files before connecting.

nats-py reports bad ones in ways that are hard to understand.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import Secret

INSTALL = "pip install 'brokerkit-notebook[nats]'"
_JWT = "-----BEGIN NATS USER JWT-----"
_SEED = "-----BEGIN USER NKEY SEED-----"


def check_login(client: Mapping[str, Any]) -> None:
    """Check the options with which nats-py logs in.

    Raises:
        ConfigError: A seed or file is wrong, or a package is missing. The text never shows a secret.
    """
    if "user_credentials" in client:
        _nkeys()
        text = _text(client["user_credentials"], "user_credentials")
        if _JWT not in text.reveal() or _SEED not in text.reveal():
            raise ConfigError(
                f"the file of user_credentials= is not a credentials file: expected a part {_JWT!r} and "
                f"a part {_SEED!r}, as `nsc generate creds` writes it"
            )
        _check_seed(Secret(text.reveal().partition(_SEED)[2].split()[0]), "user_credentials")
    elif "nkeys_seed" in client:
        _nkeys()
        _check_seed(_text(client["nkeys_seed"], "nkeys_seed"), "nkeys_seed")
    elif "nkeys_seed_str" in client:
        _nkeys()
        _check_seed(client["nkeys_seed_str"], "nkeys_seed")


def _nkeys() -> Any:
    try:
        import nkeys
    except ImportError as error:
        raise ConfigError(
            f"logging in with an NKEY or a credentials file needs the package nkeys: {INSTALL}"
        ) from error
    return nkeys


def _text(path: str, option: str) -> Secret:
    try:
        return Secret(Path(path).read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"the file of {option}= cannot be read: {type(error).__name__}") from error
    except UnicodeDecodeError:
        pass
    # raised outside the handler, because the cause and context would contain the content
    raise ConfigError(f"the file of {option}= cannot be read: it is not UTF-8 text")


def _check_seed(seed: Secret, option: str) -> None:
    if _is_seed(seed):
        return
    raise ConfigError(
        f"{option}= holds no NKEY seed of a user: that begins with SU and has 58 characters, "
        "as `nsc` or `nk -gen user` writes it"
    )


def _is_seed(seed: Secret) -> bool:
    nkeys = _nkeys()
    try:
        nkeys.from_seed(seed.reveal().strip().encode()).wipe()
    except Exception:
        # the library's error may show the seed
        return False
    return True
