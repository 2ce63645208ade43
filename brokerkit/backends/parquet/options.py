"""The address of a data set: the path of a folder, without options."""

from __future__ import annotations

import os
import re
from pathlib import Path

from brokerkit.core.contract.options import NO_OPTIONS
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError

_DRIVE = re.compile(r"[A-Za-z]:(/|$)")


def folder_of(address: Address) -> Path:
    """Return the folder that an address names.

    ``parquet:///data/orders`` is an absolute path, ``parquet://data/orders`` one below the working directory,
    and ``parquet://~/orders`` one below the user's.

    Raises:
        ConfigError: It has a user or options, or no path.
    """
    NO_OPTIONS.read(address.options)
    if address.user is not None or not (address.hosts or address.path):
        raise ConfigError("expected parquet:///PATH, the absolute path of a folder that capture wrote")
    if address.hosts:
        found = "/".join([",".join(address.hosts), address.path]) if address.path else address.hosts[0]
        return Path(os.path.abspath(os.path.expanduser(found)))
    return Path(address.path if _DRIVE.match(address.path) else f"/{address.path}")
