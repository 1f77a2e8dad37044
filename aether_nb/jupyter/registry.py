"""How the Jupyter server finds the stores of kernels: a small file for each kernel life and store.

The kernel calls `announce`, the server's handlers call `find`. The server opens only what is found
here: what a page sends is the name of an entry, never a path.

*The same store.* That both processes see a file at a path does not make it one file (containers,
copies, network mounts). So the page gets a nonce from its kernel, made of the store's uid and the
kernel's; the server works it out again from the store that *it* opened, and only if it finds the
store's uid and the row of that kernel life in there. Both uids are random, and the row was written by
that very kernel: who can give the nonce back reads what the kernel writes.

*Entries outlive their kernel.* A prompt left on a page by a kernel that was restarted can still be
answered, and only the entry says where to. It goes when its store is gone, or when nobody has announced
anything under it for a month.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

_NAME = re.compile(r"[0-9a-f]{32}")
_KEPT_S = 30 * 86_400
_LONGEST = 16_384  # bytes of an entry: a path is 4,096 at most


@dataclass(frozen=True, slots=True)
class Entry:
    """One announced store."""

    store: str
    """The uid that the store must have."""
    path: str
    """Absolute, without symbolic links."""
    kernel: str
    """uid of the kernel life that announced it; the store has a row of it."""

    @property
    def nonce(self) -> str:
        """What proves it to the page."""
        return hashlib.sha256(f"aether-nb {self.store} {self.kernel}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the kernel tells its pages of the door."""

    store: str
    """Name of the entry: what the page sends as `store`."""
    nonce: str
    """What a server that reads the same store answers."""
    file: Path

    def withdraw(self) -> None:
        """Take the entry away: the door is closed for the pages of this kernel life. Idempotent."""
        with contextlib.suppress(OSError):
            self.file.unlink()


def announce(store: str, path: str, kernel: str) -> Announcement | None:
    """Tell servers of this user where a store lies. Called by a kernel, after `store.register_kernel`.

    Args:
        store: the store's uid.
        path: where it lies.
        kernel: uid of this kernel life, as registered in the store.

    Returns:
        What to hand to the page; None where the runtime folder cannot be written: then there is no door.
    """
    entry = Entry(store, os.path.realpath(path), kernel)
    name = hashlib.blake2b(f"{kernel} {entry.path}".encode("utf-8", "replace"), digest_size=16).hexdigest()
    try:
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_old(folder)
        file = folder / f"{name}.json"
        fresh = folder / f".{name}.{os.getpid()}"
        with open(fresh, "w", encoding="utf-8", opener=_private) as out:
            json.dump({"store": entry.store, "path": entry.path, "kernel": entry.kernel}, out)
        fresh.replace(file)
    except OSError:
        return None
    return Announcement(name, entry.nonce, file)


def find(name: str) -> Entry | None:
    """Look an announcement up. Called by the server.

    Returns:
        None when there is none, and also when its file or the store's is not a plain file of this very
        user that nobody else can write: then it is not to be trusted.
    """
    entry = _entry(name)
    return entry if entry is not None and trusted(entry.path) else None


def _entry(name: str) -> Entry | None:
    """What stands in the file of that name, if that is to be trusted."""
    if not is_name(name):
        return None
    try:
        with open(_folder() / f"{name}.json", encoding="utf-8", opener=_no_links) as file:
            if not _trusted(os.fstat(file.fileno())):
                return None
            said = json.loads(file.read(_LONGEST))
        return Entry(str(said["store"]), str(said["path"]), str(said["kernel"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Server:
    """A running Jupyter server of this user."""

    url: str
    """As it calls itself, without a slash at its end."""
    token: str
    """What it lets its user in by; empty when it has none."""


def server() -> Server | None:
    """The Jupyter server that started this kernel.

    Called by a kernel. None when that server is not known, as when it runs on another machine.
    """
    file = Path(jupyter_runtime_dir()) / f"jpserver-{os.environ.get('JPY_PARENT_PID') or 'none'}.json"
    try:
        said = json.loads(file.read_bytes())
        found = Server(str(said["url"]).rstrip("/"), str(said.get("token") or ""))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if trusted(str(file)) else None


def hook_url() -> str:
    """Where services report back to that server, as its own address has it; empty when it is not known."""
    found = server()
    return "" if found is None else f"{found.url}/aether-nb/hook"


def entries() -> list[Entry]:
    """All announcements that are to be trusted. Called by the server, often: tidying is left to kernels.

    A month of kernels leaves hundreds of files, so they are read again only when their folder has changed; an entry is
    put in place by a rename, never written to. Whether its store is to be trusted is looked at each time.
    """
    folder, changed = _folder(), mark()
    key = str(folder), changed
    found = _read.get(key)
    if found is None:
        try:
            names = sorted(file.stem for file in folder.glob("*.json"))
        except OSError:
            return []
        found = [entry for name in names if (entry := _entry(name)) is not None]
        _read.clear()
        if time.time_ns() - changed > _SETTLED_NS:
            _read[key] = found
    good = {path: trusted(path) for path in {entry.path for entry in found}}
    return [entry for entry in found if good[entry.path]]


def mark() -> int:
    """Another number whenever an announcement came or went; takes microseconds."""
    try:
        return _folder().stat().st_mtime_ns
    except OSError:
        return 0


_read: dict[tuple[str, int], list[Entry]] = {}
"""What was in a folder when it changed last."""

_SETTLED_NS = 2_000_000_000  # a folder may change twice within what its clock tells apart


def is_name(name: str) -> bool:
    """Whether it can name an entry, or a store: never a path."""
    return _NAME.fullmatch(name) is not None


def trusted(path: str) -> bool:
    """Whether this is an absolute path to a plain file of this very user that nobody else can write."""
    try:
        return os.path.isabs(path) and _trusted(os.lstat(path))  # noqa: PTH117 - asked with every request
    except (OSError, ValueError):
        return False


def _trusted(status: os.stat_result) -> bool:
    if not stat.S_ISREG(status.st_mode):
        return False
    if not hasattr(os, "geteuid"):  # Windows: its permissions are not in there, the user's profile has them
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _folder() -> Path:
    return _folder_in(jupyter_runtime_dir())


@lru_cache(maxsize=1)
def _folder_in(runtime: str) -> Path:
    return Path(runtime) / "aether-nb"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _no_links(path: str, flags: int) -> int:
    """Open, but follow no link, and do not wait for the writer of a pipe."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _forget_old(folder: Path) -> None:
    for file in folder.glob("*.json"):
        try:
            old = time.time() - file.stat().st_mtime > _KEPT_S
            if old or not os.path.lexists(json.loads(file.read_bytes())["path"]):
                file.unlink()
        except (OSError, ValueError, KeyError, TypeError):
            continue  # another kernel tidies up at the same time, or it is not ours to judge
