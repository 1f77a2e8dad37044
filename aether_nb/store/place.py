"""Where a store may lie: makes its folder and file, and knows the places where WAL is unsafe.

Called by `store/database.py` before the file is opened.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

_MOUNTS = Path("/proc/mounts")
_NETWORK = ("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs")
_SYNCED = (
    "dropbox",
    "onedrive",
    "icloud drive",
    "iclouddrive",
    "mobile documents",
    "cloudstorage",
    "google drive",
    "googledrive",
    "nextcloud",
    "owncloud",
    "pcloud",
    "pclouddrive",
    "box sync",
    "syncthing",
)


def prepare(path: Path) -> None:
    """Make the folder (only for this user) and an empty file, if they are not there.

    A folder named `.aether` gets a `.gitignore` of its own: runs do not belong into a repository.

    Raises:
        OSError: the place refuses.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file", str(path))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.name == ".aether" and not (ignore := path.parent / ".gitignore").exists():
        ignore.write_text("*\n", encoding="utf-8")
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def wal_problem(path: Path, mounts: Path = _MOUNTS) -> str:
    """Why WAL would be unsafe for a file here, as words after "lies in"; empty when it is safe."""
    real = Path(os.path.realpath(path))
    for part in real.parent.parts:
        name = part.casefold()
        if any(name == synced or name.startswith(f"{synced} ") for synced in _SYNCED):
            return f"a folder that is synced with other machines ({part})"
    if str(real).startswith("\\\\"):
        return "a network folder"
    kind = _filesystem(real, mounts)
    if kind in _NETWORK or kind.startswith("fuse."):
        return f"a network folder ({kind})"
    return ""


def _filesystem(real: Path, mounts: Path) -> str:
    """Type of the file system that holds the path; empty where the system does not tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    best, kind, inside = -1, "", f"{real}/"
    for fields in (line.split() for line in lines):
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        # Of several mounts on one point the last is the one that is seen.
        if len(point) >= best and inside.startswith(f"{point.rstrip('/')}/"):
            best, kind = len(point), fields[2]
    return kind
