"""Lock files that say whether a kernel lives. The store takes one per kernel and asks about others.

Three traps. A POSIX record lock vanishes when the process closes *any* descriptor of the file, so a
file that this process holds is never opened a second time. The same process may take such a lock
twice, so asking about our own would say that nobody holds it. And a forked child inherits the
descriptor but not the lock. Hence one table of what this process, by its id, holds.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Collection
from pathlib import Path

from aether_nb.ids import is_uid

_held: dict[tuple[int, str], tuple[int, int]] = {}
"""(process id, real path) -> (descriptor, how many times it was asked for)."""
_guard = threading.Lock()
_BORN_S = 86_400.0

if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int, *, probe: bool) -> None:  # noqa: ARG001 - Windows has one kind of lock
        os.lseek(fd, 0, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(fd: int, *, probe: bool) -> None:
        # Shared for a look: two that look at once must not take each other for a living kernel.
        fcntl.lockf(fd, (fcntl.LOCK_SH if probe else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def hold(path: Path) -> bool:
    """Take the lock and keep it until `release` or the end of the process, however that ends.

    Returns:
        False when another process has it.
    """
    with _guard:
        key = _key(path)
        if key in _held:
            fd, count = _held[key]
            _held[key] = fd, count + 1
            return True
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(fd, probe=False)
        except OSError:
            os.close(fd)
            return False
        _held[key] = fd, 1
        return True


def release(path: Path) -> None:
    """Give back what `hold` took; with the last of them the lock goes, and the file with it."""
    with _guard:
        key = _key(path)
        if key not in _held:
            return
        fd, count = _held.pop(key)
        if count > 1:
            _held[key] = fd, count - 1
            return
        os.close(fd)
        with contextlib.suppress(OSError):  # a file that nobody locks means nothing; `sweep` finds it
            path.unlink()


def is_held(path: Path) -> bool:
    """Whether a living process of this machine holds the lock.

    Raises:
        OSError: the file is there and may not be opened, so it cannot be told.
    """
    with _guard:
        if _key(path) in _held:
            return True
        try:
            fd = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            _lock(fd, probe=True)
        except OSError:
            return True
        finally:
            os.close(fd)
        return False


def sweep(folder: Path, dead: Collection[str], alive: Collection[str]) -> None:
    """Delete the lock files of these dead kernels, and old ones of kernels that nobody knows.

    One that nobody knows and that is young may belong to a kernel that is just being born.
    """
    for path in folder.glob("*.lock"):
        with contextlib.suppress(OSError):
            old = path.stat().st_mtime < time.time() - _BORN_S
            strange = old and path.stem not in alive and is_uid(path.stem)
            if (path.stem in dead or strange) and not is_held(path):
                path.unlink()


def _key(path: Path) -> tuple[int, str]:
    return os.getpid(), os.path.realpath(path)
