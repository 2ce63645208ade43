"""The built wheel, installed alone in an empty environment, works and has all its files."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "brokerkit"

FIRST_STEPS = """
import brokerkit as bk

with bk.connect("inmem://wheel") as s:
    s.create_topic("orders")
    s.publish("orders", {"id": 1})
    assert list(s.peek("orders")["value"]) == ['{"id":1}']
print(bk.__file__)
"""

pytestmark = [pytest.mark.extended, pytest.mark.timeout(600)]


def run(*command: object, folder: Path, **variables: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | variables
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


NATIVE = (
    "brokerkit/backends/kafka/native/buffers.c",
    "brokerkit/frames/native/json_texts.c",
    "brokerkit/frames/native/protobuf_bytes.c",
)
COMPILED = {
    "brokerkit/backends/kafka/native/_buffers.bin",
    "brokerkit/frames/native/_json_texts.bin",
    "brokerkit/frames/native/_protobuf_bytes.bin",
}
FRONT_END = "brokerkit/widgets/frontend/"
"""The sources of the bundles in the wheel."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    # with no option, the wheel is built from the sdist: so both are proved
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    there = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*") if path.is_file()}
    there = {name for name in there if "__pycache__" not in name and not name.startswith(FRONT_END)}
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    assert not [name for name in packed if name.startswith(FRONT_END)]
    assert any(name.endswith(".js") for name in there)
    assert {"brokerkit/py.typed"} <= there <= packed


def test_the_sdist_has_the_documents(wheel: Path) -> None:
    (sdist,) = wheel.parent.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {each.name for each in ROOT.glob("*.md")} <= names
    assert {
        f"{FRONT_END}{name}" for name in ("build.mjs", "package-lock.json", "src/browse/browse.tsx")
    } <= names
    assert not [name for name in names if "node_modules" in name]


def test_the_sdist_has_what_compiles_the_native_reader(wheel: Path) -> None:
    (sdist,) = wheel.parent.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {*NATIVE, ".ci/build_hook.py", "pyproject.toml"} <= names
    assert not COMPILED & names


def test_what_cibuildwheel_tries_works_with_a_compiled_wheel(wheel: Path, tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["cibuildwheel"]
    python, *command = shlex.split(settings["test-command"])
    assert python == "python"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    run(sys.executable, *command, folder=tmp_path, PYTHONPATH=str(tmp_path))


def test_a_compiled_wheel_is_for_one_platform_and_any_python(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        compiled = set(archive.namelist()) >= COMPILED
        tags = [
            line
            for name in archive.namelist()
            if name.endswith(".dist-info/WHEEL")
            for line in archive.read(name).decode().splitlines()
            if line.startswith(("Tag:", "Root-Is-Purelib:"))
        ]
    assert compiled or shutil.which("cc") is None
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_") if compiled else "any"
    assert tags == [f"Root-Is-Purelib: {'false' if compiled else 'true'}", f"Tag: py3-none-{platform}"]


def test_without_a_compiler_the_wheel_is_for_every_platform(tmp_path: Path) -> None:
    # a copy: what the checkout has compiled stays
    shutil.copytree(
        ROOT, tmp_path / "source", ignore=shutil.ignore_patterns("node_modules", ".*_cache", ".venv", ".git")
    )
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, "source", folder=tmp_path, CC="false")
    (built,) = tmp_path.glob("*.whl")
    assert built.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
    assert set(NATIVE) <= set(names)
    assert not COMPILED & set(names)


def test_the_example_backend_is_in_the_sdist_and_not_in_the_wheel(wheel: Path) -> None:
    (sdist,) = wheel.parent.glob("*.tar.gz")
    example = "notebooks/guides/example_backend/"
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"{example}{name}" for name in ("pyproject.toml", "conftest.py", "tests/test_file.py")} <= packed
    with zipfile.ZipFile(wheel) as unpacked:
        assert [name for name in unpacked.namelist() if "sqlite" in name] == []


def test_an_installed_wheel_connects_publishes_and_peeks(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", "env", folder=tmp_path)
    python = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-compile", wheel, folder=tmp_path)
    home = Path(run(python, "-c", FIRST_STEPS, folder=tmp_path).strip()).parent
    assert home.is_relative_to(tmp_path / "env")
    for name in ("py.typed", "widgets/static", "sandbox"):
        assert (home / name).exists()
