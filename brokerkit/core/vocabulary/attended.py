"""Whether a person can see and stop what this process does."""

from __future__ import annotations

import os
import sys
from typing import Any

NO = {"", "0", "false", "no", "off"}


def attended() -> bool:
    """Return whether a person is there.

    A notebook that runs in nbconvert, papermill or nbval has none: its kernel may not ask for input. Nor has
    a script without a terminal, or one that runs where the environment variable CI is set.
    """
    shell = _shell()
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        # the frontend says with each request whether it can ask its user; other kernels do not keep it
        return bool(getattr(kernel, "_allow_stdin", True))
    if os.environ.get("CI", "").lower() not in NO:
        return False
    if shell is not None or hasattr(sys, "ps1") or sys.flags.interactive:
        return True
    return _is_terminal(sys.stdin) and (_is_terminal(sys.stdout) or _is_terminal(sys.stderr))


def _shell() -> Any:
    """Return the IPython shell of this process; None without one."""
    module = sys.modules.get("IPython")
    return None if module is None else module.get_ipython()


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        # there is no such stream, or it was closed
        return False
