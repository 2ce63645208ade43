"""The example of the guide is a backend in a package of its own, and its tests pass."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "notebooks" / "guides" / "example_backend"


def _metadata(folder: Path) -> None:
    """Write the metadata that ``pip install -e`` would write, without installing anything."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    made = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    made.mkdir()
    (made / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", "utf-8"
    )
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())]
    (made / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")


@pytest.mark.extended
@pytest.mark.timeout(600)
def test_the_example_backend_is_found_by_its_entry_point_and_passes_its_tests(tmp_path: Path) -> None:
    _metadata(tmp_path)
    places = os.pathsep.join(map(str, (tmp_path, EXAMPLE, ROOT)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-c", str(EXAMPLE / "pyproject.toml")],
        cwd=EXAMPLE,
        env={**os.environ, "PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " 10 declared, 0 broken" in done.stdout
