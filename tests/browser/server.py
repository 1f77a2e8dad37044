"""JupyterLab as a user has it: the wheel, an empty home, and three kernels of different ages to choose from.

``conftest.lab`` starts one server for the session; tests meet it through ``open_notebook`` and seldom here.
Nothing is registered globally: the home, every Jupyter folder and the kernelspecs are in one temporary folder.
"""

from __future__ import annotations

import filecmp
import json
import os
import secrets
import socket
import subprocess
import tomllib
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from helpers import ENVIRONMENTS, ROOT, clean_environment, poll

KERNELS = ("6.31", "7.3", "7.4")
HOSTS = ("4.5", "7.4")  # environments with JupyterLab and Notebook: the oldest that we support, the newest
SUBSHELLS = ("default", "disabled")


class Combo(NamedTuple):
    """One way in which widget messages reach a kernel: its ipykernel, and Lab's comms-over-subshells setting."""

    kernel: str = "7.4"
    subshells: str = "default"

    def __str__(self) -> str:
        return f"{self.kernel}-{self.subshells}"


COMBOS = tuple(Combo(kernel, subshells) for kernel in KERNELS for subshells in SUBSHELLS)


def outdated_files(kernel: str) -> list[str]:
    """List the package's files that differ between this tree and what is installed beside a kernel."""
    find = "import importlib.util as u; print(u.find_spec('aether_nb').submodule_search_locations[0])"
    python = ENVIRONMENTS / kernel / "bin" / "python"
    found = subprocess.run(
        [python, "-c", find],
        cwd=ENVIRONMENTS,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    tree, installed = ROOT / "aether_nb", Path(found.stdout.strip())
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    # what the wheel lays beside the package
    beside = {Path(file).relative_to("aether_nb") for file in wheel["force-include"]}
    files = [each.relative_to(tree) for each in tree.rglob("*") if each.is_file() and each.suffix != ".pyc"]
    same, _, _ = filecmp.cmpfiles(tree, installed, set(files) - beside, shallow=False)
    stale = {str(each) for each in set(files) - beside - set(same)}
    extension = filecmp.dircmp(
        ROOT / "jupyter_extension" / "labextension" / "static",
        ENVIRONMENTS / kernel / "share" / "jupyter" / "labextensions" / "aether_nb" / "static",
    )  # whose files are named by what is in them
    return sorted(stale.union(extension.left_only))


class LabServer:
    """A running server. ``root`` is the folder it shows; ``log`` the file it writes to."""

    def __init__(self, home: Path, *, without: Sequence[str] = (), hosts: str = "7.4") -> None:
        """Start it with the JupyterLab and Notebook of an environment, by default the newest.

        ``without`` are front end extensions that this server's environment is not to have.
        """
        self.hosts = hosts
        self._bin = ENVIRONMENTS / hosts / "bin"
        self.root = home / "work"
        self.log = home / "server.log"
        self.token = secrets.token_hex(16)
        self._jupyter = home / "jupyter"
        self._settings = self._jupyter / "settings" / "@jupyterlab" / "apputils-extension"
        for folder in (self.root, self._settings):
            folder.mkdir(parents=True)
        self._setting("notification", fetchNews="false", checkForUpdates=False, doNotDisturbMode=True)
        for kernel in KERNELS:
            self._kernelspec(kernel)
        if without:
            page = self._jupyter / "config" / "labconfig" / "page_config.json"
            page.parent.mkdir(parents=True)
            page.write_text(json.dumps({"disabledExtensions": dict.fromkeys(without, True)}))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._process = self._launch(port, home)
        try:
            poll(self._answers, timeout_s=60, what=f"the Lab server on {self.url}")
        except TimeoutError as slow:
            self.stop()
            raise RuntimeError(f"{slow}; its log ends\n{self.log_tail()}") from None

    def _launch(self, port: int, home: Path) -> subprocess.Popen[bytes]:
        folders = {
            name: self._jupyter / folder
            for name, folder in {
                "JUPYTER_CONFIG_DIR": "config",
                "JUPYTER_DATA_DIR": "data",
                "JUPYTER_RUNTIME_DIR": "runtime",
                "JUPYTERLAB_SETTINGS_DIR": "settings",
                "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
                "IPYTHONDIR": "ipython",
            }.items()
        }
        self._environment = clean_environment(HOME=home, PATH=f"{self._bin}:{os.environ['PATH']}", **folders)
        self._program = self._bin / "jupyter"
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [
                    self._program,
                    "lab",
                    "--no-browser",
                    "--allow-root",
                    "--ip=127.0.0.1",
                    f"--port={port}",
                    "--port-retries=0",
                    f"--IdentityProvider.token={self.token}",
                    f"--ServerApp.root_dir={self.root}",
                    "--ServerApp.terminals_enabled=False",
                    "--LabApp.expose_app_in_browser=True",
                    "--JupyterNotebookApp.expose_app_in_browser=True",
                ],
                cwd=self.root,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"the Lab server ended with {self._process.returncode}\n{self.log_tail()}")
        try:
            return bool(self.request("GET", "api/status"))
        except urllib.error.URLError:
            return False

    def stop(self) -> None:
        """End the server and, through it, every kernel it started."""
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def jupyter(self, *arguments: str | Path) -> str:
        """Run a program of Jupyter's in this server's environment; returns all that it says."""
        command = [self._program, *arguments]
        done = subprocess.run(
            command,
            env=self._environment,
            cwd=self.root,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.stdout

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the server's REST API; returns the decoded JSON, or None for an empty answer."""
        request = urllib.request.Request(
            f"{self.url}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            answer = response.read()
        return json.loads(answer) if answer else None

    def use_subshells(self, subshells: str) -> None:
        """Set how pages opened from now on send comm messages: Lab's own default, or 'disabled'."""
        setting = {} if subshells == "default" else {"commsOverSubshells": subshells}
        self._setting("kernels-settings", **setting)

    def restarts(self, path: str) -> int:
        """How often the kernel of a notebook was restarted."""
        kernels = [
            each["kernel"]["id"] for each in self.request("GET", "api/sessions") if each["path"] == path
        ]
        return sum(
            self.log.read_text(errors="replace").count(f"Kernel restarted: {kernel}") for kernel in kernels
        )

    def shut_down_kernels(self) -> None:
        """End every kernel, so that a test leaves nothing running for the next."""
        for session in self.request("GET", "api/sessions"):
            self.request("DELETE", f"api/sessions/{session['id']}")

    def log_tail(self, lines: int = 60) -> str:
        """Return the last lines of the server's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _setting(self, plugin: str, **values: Any) -> None:
        (self._settings / f"{plugin}.jupyterlab-settings").write_text(json.dumps(values))

    def _kernelspec(self, kernel: str) -> None:
        folder = self._jupyter / "data" / "kernels" / f"aether-{kernel}"
        folder.mkdir(parents=True)
        python = ENVIRONMENTS / kernel / "bin" / "python"
        spec = {
            "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": f"ipykernel {kernel}",
            "language": "python",
        }
        (folder / "kernel.json").write_text(json.dumps(spec))
