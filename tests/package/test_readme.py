"""The README says what is true."""

import re
from pathlib import Path

from .capabilities_table import GUIDE, with_table

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"


def test_the_table_of_systems_is_what_the_backends_declare():
    text = GUIDE.read_text("utf-8")
    assert with_table(text) == text, "run: python -m tests.package.capabilities_table"


def test_ci_runs_exactly_the_readme_s_test_command():
    commands = re.findall(r"^    (python3 -m venv .* pytest)$", README.read_text("utf-8"), re.MULTILINE)
    assert len(commands) == 1
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert r"s/^    \(python3 -m venv .* pytest\)$/\1/p" in script


def test_every_session_method_of_the_readme_exists():
    from brokerkit.workbench import Session

    named = set(re.findall(r"\bs\.([a-z_]+)", README.read_text("utf-8")))
    assert named
    missing = {name for name in named if not hasattr(Session, name) and name != "last_pull"}
    assert not missing
