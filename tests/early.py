"""What a process of a test run needs before it loads pytest's plugins (`-p tests.early` in pyproject.toml)."""

import sys

# jsonschema imports it where it is installed, as with JupyterLab: two seconds in each process for checks of IRIs
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

# pytest rewrites its plugins, Hypothesis whole among them: once, and not in each process of each run, also where
# PYTHONDONTWRITEBYTECODE is set
sys.dont_write_bytecode = False
