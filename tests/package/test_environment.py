"""environment.yml and pyproject.toml ask for the same."""

import re
import tomllib
from pathlib import Path

import yaml

from brokerkit.sandbox.golang import GO

ROOT = Path(__file__).parents[2]
CONDA_NAMES = {
    "build": "python-build",
    "confluent-kafka": "python-confluent-kafka",
    "dask[dataframe]": "dask",
}
SERVERS = {"openjdk", "maven", "go", "c-compiler"}


def requirement(text: str) -> tuple[str, str]:
    match = re.match(r"^([A-Za-z0-9_.\[\]-]+?)\s*([<>=].*)?$", text)
    assert match, text
    return match[1], (match[2] or "").replace("==", "=")


def wanted() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        lines += [line for line in extra if not line.startswith("brokerkit-notebook")]
    found = dict(requirement(line) for line in lines)
    return {CONDA_NAMES.get(name, name): bound for name, bound in found.items()}


def offered() -> dict[str, str]:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    found = {}
    for entry in environment["dependencies"]:
        lines = entry["pip"] if isinstance(entry, dict) else [entry]
        found.update(dict(requirement(line) for line in lines if not line.startswith("-e")))
    return found


def test_environment_and_extras_name_the_same_packages_with_the_same_bounds():
    conda = {name: bound for name, bound in offered().items() if name not in SERVERS | {"python", "pip"}}
    assert conda == wanted()


def test_the_environment_brings_what_the_real_servers_need():
    assert set(offered()) >= SERVERS


def test_the_environment_brings_the_go_that_the_programs_of_the_sandbox_ask_for():
    asked = {
        match[1]
        for file in (ROOT / "brokerkit/sandbox").glob("*/go.mod")
        if (match := re.search(r"^go (\d+\.\d+)", file.read_text("utf-8"), re.MULTILINE))
    }
    assert asked == {GO}
    assert offered()["go"] == f">={GO}"


def test_the_python_bound_is_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert offered()["python"] == project["requires-python"]


def test_everything_has_each_extra_of_the_package() -> None:
    """Those that are for working on it are left out."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    found, waiting = set[str](), ["all"]
    while waiting:
        for line in extras[waiting.pop()]:
            named = re.match(r"brokerkit-notebook\[(.+)\]$", line)
            inner = set(named[1].split(",")) - found if named else set()
            found |= inner
            waiting += inner
    # a table is made of the widgets alone
    assert set(extras) - found == {"all", "table", "dev", "docs", "test"}
