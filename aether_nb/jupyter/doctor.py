"""What works here, and what to do about the rest: `%aether doctor` and `aether-nb doctor`.

Each check looks at one thing and gives a `Finding`; none makes a store, or changes one. What only a page
can see, such as whether a browser shows widgets, is told by the pages that said hello to this kernel.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlencode

from jupyter_core.paths import jupyter_config_path, jupyter_path

from aether_nb.display.render import have_dot
from aether_nb.errors import AetherError
from aether_nb.jupyter import registry
from aether_nb.markup import Head, Showable, table
from aether_nb.store import place

if TYPE_CHECKING:
    from aether_nb.jupyter.host import KernelHost
    from aether_nb.runtime import Runtime

State = Literal["good", "note", "bad"]
"""note: it works, in a lesser way or elsewhere. bad: something does not work here until somebody does something."""

SIGNS: dict[State, str] = {"good": "✓", "note": "!", "bad": "✕"}
_OLDEST_KERNEL = (6, 31)
_ROOM_BYTES = 100 << 20
_PATIENCE_S = 2.0  # for an answer of the server


class Finding(NamedTuple):
    """What one check found."""

    name: str
    state: State
    said: str
    remedy: str = ""
    """What to do; empty when there is nothing to do."""


class Findings(Showable):
    """All of them.

    Attributes:
        findings: one by one.
        good: whether nothing is bad.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        self.good = all(f.state != "bad" for f in findings)

    def __repr__(self) -> str:
        width = max(len(f.name) for f in self.findings)
        rows = []
        for f in self.findings:
            rows.append(f"{SIGNS[f.state]} {f.name:<{width}}  {f.said}")
            if f.remedy:
                rows.append(f"  {'':<{width}}  → {f.remedy}")
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        heads = [Head(""), Head("check"), Head("found"), Head("what to do")]
        return table(heads, [(SIGNS[f.state], f.name, f.said, f.remedy) for f in self.findings])


def examine(store: str, runtime: Runtime | None) -> Findings:
    """Look at everything.

    Args:
        store: path of the store that is meant.
        runtime: of this process, on that store; None when the store is not there yet.
    """
    host: Any = None if runtime is None else runtime.host  # a KernelHost: nothing else is there
    checks: list[Callable[[], Finding]] = [
        _package,
        lambda: _kernel(host),
        lambda: _widgets(host),
        _extension,
        _server,
        lambda: _same_store(store, host),
        lambda: _store(store, runtime),
        lambda: _disk(store),
        _dot,
    ]
    return Findings([check() for check in checks])


def _package() -> Finding:
    said = (
        f"{_version('aether_nb') or 'from a folder'}, Python {platform.python_version()}, {platform.system()}"
    )
    return Finding("aether_nb", "good", said)


def _kernel(host: KernelHost | None) -> Finding:
    found = _version("ipykernel")
    if not found:
        return Finding(
            "kernel", "note", "none in this environment", "to use notebooks: pip install ipykernel"
        )
    where = "" if host is not None else " is installed; this is a terminal"
    if tuple(map(int, found.split(".")[:2])) < _OLDEST_KERNEL:
        return Finding(
            "kernel", "bad", f"ipykernel {found}{where}; answers may not come while a cell runs",
            "pip install --upgrade ipykernel",
        )  # fmt: skip
    return Finding("kernel", "good", f"ipykernel {found}{where}")


def _widgets(host: KernelHost | None) -> Finding:
    missing = [name for name in ("ipywidgets", "anywidget") if not _version(name)]
    if missing:
        names = " ".join(missing)
        return Finding("widgets", "bad", f"missing here: {names}; runs are text", f"pip install {names}")
    here = f"ipywidgets {_version('ipywidgets')}, anywidget {_version('anywidget')}"
    if host is not None and host.greeted():
        return Finding("widgets", "good", f"{here}; a page shows runs of this kernel")
    if _labextension("anywidget") is None:
        return Finding(
            "widgets", "note", f"{here}; Jupyter's front end for them is not in this environment",
            "install anywidget also where JupyterLab runs, and reload the page",
        )  # fmt: skip
    unseen = "; no page has shown a run of this kernel yet" if host is not None else ""
    return Finding("widgets", "good", here + unseen)


def _extension() -> Finding:
    folder = _labextension("aether_nb")
    if folder is None:
        return Finding(
            "extension", "note", "JupyterLab's half (sidebar, forms) is not in this environment",
            "pip install aether_nb where JupyterLab runs, and reload the page",
        )  # fmt: skip
    found, ours = _packaged_version(folder), _version("aether_nb")
    if found and ours and found != ours:
        return Finding(
            "extension", "bad", f"JupyterLab has {found} of it, this kernel {ours}",
            "install the same version on both sides, and reload the page",
        )  # fmt: skip
    return Finding("extension", "good", f"in {folder}")


def _server() -> Finding:
    for folder in jupyter_config_path():
        file = Path(folder) / "jupyter_server_config.d" / "aether_nb.json"
        try:
            said = json.loads(file.read_bytes())["ServerApp"]["jpserver_extensions"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if said.get("aether_nb.jupyter.server") is True:
            return Finding("server", "good", f"its half is switched on by {file}")
        break
    return Finding(
        "server", "note", "the Jupyter server's half (answers while a kernel is busy or gone) is not switched on here",
        "jupyter server extension enable aether_nb.jupyter.server, and start the server anew",
    )  # fmt: skip


def _same_store(store: str, host: KernelHost | None) -> Finding:
    return _announced(store) if host is None else _asked(host)


def _announced(store: str) -> Finding:
    """From a terminal: which stores this user's kernels have."""
    name = "same store"
    mine = os.path.realpath(store)
    paths = {entry.path for entry in registry.entries()}
    if mine in paths:
        return Finding(name, "good", "kernels of yours use this one, too")
    if paths:
        listed = ", ".join(sorted(paths)[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        return Finding(
            name, "note", f"no kernel of yours uses this one; they use {listed}",
            "to look there: --store PATH, or AETHER_NB_STORE",
        )  # fmt: skip
    return Finding(name, "good", "no kernel of yours has one open now")


def _asked(host: KernelHost) -> Finding:
    """From a kernel: whether the server that started it reads what the kernel writes."""
    name = "same store"
    host.runtime._registered()
    door, server = host.announcement(), registry.server()
    if door is None:
        return Finding(
            name, "note", "a store in memory, or one that cannot be announced: no server reads it",
            "ae.configure(store=PATH) for answers from the sidebar",
        )  # fmt: skip
    if server is None:
        return Finding(
            name, "note", "the server of this kernel is not known, as when it runs on another machine",
            "the page asks it by itself; answers also come through the cell, `aether-nb` and other notebooks",
        )  # fmt: skip
    try:
        nonce = _get(server, f"aether-nb/api/nonce?{urlencode({'store': door.store})}").get("nonce")
    except urllib.error.HTTPError as error:
        if error.code in {401, 403}:
            return Finding(name, "note", "the server wants a login, so only the page can ask it")
        return Finding(
            name, "bad", f"the server does not read this kernel's store (it says {error.code})",
            "give kernel and server the same file, start Jupyter as the same user, and with aether_nb installed",
        )  # fmt: skip
    except (OSError, ValueError) as error:
        return Finding(name, "note", f"the server could not be asked: {error}")
    if nonce != door.nonce:
        return Finding(
            name, "bad", "the server reads another store under this path", "give both the same file"
        )
    return Finding(
        name, "good", "the server reads the store of this kernel: answers reach a busy kernel, too"
    )


def _get(server: registry.Server, route: str) -> dict[str, Any]:
    headers = {"Authorization": f"token {server.token}"} if server.token else {}
    request = urllib.request.Request(f"{server.url}/{route}", headers=headers)  # noqa: S310 - from Jupyter's own file
    with urllib.request.urlopen(request, timeout=_PATIENCE_S) as response:  # noqa: S310 - likewise
        found: dict[str, Any] = json.load(response)
    return found


def _store(store: str, runtime: Runtime | None) -> Finding:
    if runtime is None:
        return Finding("store", "note", f"none yet at {store}; the first run makes it")
    try:
        found = runtime.store.figures(runtime.now_ms())
    except AetherError as error:
        return Finding("store", "bad", str(error))
    runs, waits = sum(found.runs.values()), found.waits.get("open", 0)
    said = f"{runtime.store.path}: runs {runs:,}, open waits {waits:,}, kernels alive {found.kernels}"
    return Finding("store", "good", said)


def _disk(store: str) -> Finding:
    if store == ":memory:":
        return Finding("disk", "note", "the store is in memory and goes with the kernel")
    folder = next(path for path in Path(store).absolute().parents if path.is_dir())
    if not os.access(folder, os.W_OK):
        return Finding(
            "disk", "bad", f"{folder} cannot be written", "set AETHER_NB_STORE to a file that can be"
        )
    free = shutil.disk_usage(folder).free
    if free < _ROOM_BYTES:
        return Finding("disk", "bad", f"{free / 1e6:.0f} MB are free in {folder}", "make room: aether-nb gc")
    if problem := place.wal_problem(Path(store)):
        return Finding(
            "disk", "note", f"the store lies in {problem}: it works, slower, and for one machine at a time",
            "set AETHER_NB_STORE to a file on a local disk",
        )  # fmt: skip
    return Finding("disk", "good", f"local, {free / 1e9:,.0f} GB free")


def _dot() -> Finding:
    if have_dot():
        return Finding("dot", "good", "Graphviz lays pictures out")
    return Finding(
        "dot", "note", "no Graphviz here: the page lays pictures out, and run.to_svg() cannot",
        "apt install graphviz, brew install graphviz, or conda install graphviz",
    )  # fmt: skip


def _labextension(name: str) -> Path | None:
    found: Iterator[Path] = (Path(folder) / name for folder in jupyter_path("labextensions"))
    return next((folder for folder in found if (folder / "package.json").is_file()), None)


def _packaged_version(folder: Path) -> str:
    try:
        return str(json.loads((folder / "package.json").read_bytes())["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
