"""A real JupyterLab on a free port, with everything of its own in a temporary folder."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import nbformat

from brokerkit.sandbox.process import ServerProcess, free_ports
from brokerkit.testing.waiting import eventually

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
        "checkForUpdates": False,
        "doNotDisturbMode": True,
        "fetchNews": "false",
    },
}


class Lab:
    """JupyterLab with its kernels. `start` it, and `close` it to end all of it.

    It asks no server for news or updates, and neither reads nor writes a setting of the user's.
    """

    kernel = "python3"
    """The name of the kernel that notebooks have."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="brokerkit-lab-test-"))
        self.notebooks = self.folder / "notebooks"
        self.port = free_ports(1)[0]
        self._token = secrets.token_hex(16)
        self._process: ServerProcess | None = None
        self.notebooks.mkdir()
        for name, content in SETTINGS.items():
            self.use_setting(name, content)
        self.use_theme("light")

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        """The address of one of its pages, with what opens it."""
        return f"{self.origin}/{path}{'&' if '?' in path else '?'}token={self._token}"

    def start(self, timeout: float = 60.0) -> Self:
        self._process = ServerProcess(
            self._command(), folder=self.folder, log=self.folder / "lab.log", environment=self._environment()
        )
        self._process.wait_until(self._answers, timeout=timeout, what="JupyterLab")
        return self

    def _command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "jupyterlab", *self._arguments()),
            *("--LabApp.extension_manager=readonly", "--LabApp.news_url="),
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ]

    def _arguments(self) -> list[str]:
        """What each server of Jupyter is told."""
        return [
            *("--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={self.port}"),
            *("--ServerApp.port_retries=0", f"--IdentityProvider.token={self._token}"),
            f"--ServerApp.root_dir={self.notebooks}",
        ]

    def _environment(self) -> dict[str, str]:
        places = {
            "HOME": "home",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        for place in places.values():
            (self.folder / place).mkdir(exist_ok=True)
        return os.environ | {name: str(self.folder / place) for name, place in places.items()}

    def _answers(self) -> bool:
        try:
            self._ask("api/status")
        except OSError:
            return False
        return True

    def _ask(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(self.url(path), method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def use_setting(self, name: str, content: Mapping[str, Any]) -> None:
        """Set a setting of JupyterLab, by the name of its file, for pages opened from now on."""
        file = self.folder / "settings" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), "utf-8")

    def use_theme(self, theme: str) -> None:
        """Set the theme, `light` or `dark`, of pages opened from now on."""
        name = "@jupyterlab/apputils-extension/themes.jupyterlab-settings"
        self.use_setting(name, {"theme": THEMES[theme]})

    def write_notebook(self, name: str, cells: Sequence[str]) -> Path:
        """A new notebook of these code cells, without outputs."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(cells)],
            metadata={"kernelspec": {"name": self.kernel, "display_name": "Python 3", "language": "python"}},
        )
        file = self.notebooks / name
        nbformat.write(notebook, file)
        return file

    def restart_kernel(self, kernel: str) -> None:
        """Restart a kernel, by its id."""
        self._ask(f"api/kernels/{kernel}/restart", "POST")

    def kernel_of(self, name: str) -> dict[str, Any] | None:
        """What the server says of a notebook's kernel; None where it has none yet."""
        sessions = self._ask("api/sessions")
        return next((each["kernel"] for each in sessions if each["path"] == name), None)

    def connection_file(self, kernel: str) -> Path:
        """How another client reaches a kernel."""
        return self.folder / "runtime" / f"kernel-{kernel}.json"

    def end_kernels(self) -> None:
        """End every kernel, and wait for it."""
        for session in self._ask("api/sessions"):
            eventually(partial(self._ended, session["id"]), "the kernel of a notebook is ended", within=60)

    def _ended(self, session: str) -> bool:
        """End the kernel of a session, unless it is just being restarted: the server refuses that."""
        try:
            self._ask(f"api/sessions/{session}", "DELETE")
        except urllib.error.HTTPError as error:
            return error.code == 404
        return True

    def log_tail(self) -> str:
        return "" if self._process is None else self._process.log_tail()

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()
