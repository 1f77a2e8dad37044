"""`context.artifacts()`: files kept by their content, in a folder beside the store.

Bytes lie in `<root>/<first two digits>/<sha256>`; unfinished ones in `<root>/tmp`, where whatever a crash
left may be deleted. Also the `Blobs` of `values`, and where uploads from the page end. A name is on
disk only when all its bytes are, so an event may name it.
"""

from __future__ import annotations

import hashlib
import mimetypes
import os
import re
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

from aether_nb.errors import StoreError
from aether_nb.prompts import FileRef

_CHUNK = 1 << 20
_SHA = re.compile(r"[0-9a-f]{64}\Z")


class Artifacts:
    """Files by content. Any thread and any process may use the same folder.

    Args:
        root: the folder, made when first needed.
    """

    def __init__(self, root: str) -> None:
        self.root = Path(root).absolute()

    def save(self, name: str, data: bytes | str | Path) -> FileRef:
        """Keep a file under a name for people: bytes, a text (as UTF-8), or a copy of the file at a `Path`.

        Raises:
            StoreError: the file cannot be read, or the folder refuses.
        """
        if isinstance(data, Path):
            return self._copy(data, name)
        raw = data.encode() if isinstance(data, str) else bytes(data)
        with self.open_upload() as upload:
            upload.write(0, raw)
            return upload.finish(name)

    def put(self, data: bytes, media_type: str = "application/octet-stream") -> str:  # noqa: ARG002 - of `Blobs`
        """Keep bytes, fsynced on return, and give their sha256; the media type stays with the caller."""
        sha = hashlib.sha256(data).hexdigest()
        if self._has(sha, len(data)):
            return sha
        with self.open_upload() as upload:
            upload.write(0, data)
            return upload.finish("data").sha256

    def put_file(self, path: str | Path) -> FileRef:
        """Keep a copy of the file at this path.

        Raises:
            StoreError: the file cannot be read, or the folder refuses.
        """
        return self._copy(Path(path), Path(path).name)

    def open_upload(self) -> Upload:
        """A new file that comes in pieces."""
        return Upload(self)

    def get(self, sha: str) -> bytes:
        """The bytes, checked against their hash.

        Raises:
            StoreError: there is no such artifact, or it is damaged.
        """
        with _told(f"Artifact {sha[:12]}", "bring the store's folder of artifacts back"):
            data = Path(self.path(sha)).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha:
            raise StoreError(f"Artifact {sha[:12]} is damaged on disk; restore {self.path(sha)} from a copy.")
        return data

    def found(self, sha: str) -> bytes | None:
        """The bytes; None when they are not there any more, or not what they were."""
        try:
            return self.get(sha)
        except StoreError:
            return None

    def path(self, sha: str) -> str:
        """Where an artifact lies, or would lie.

        Raises:
            StoreError: this is no sha256 in hex.
        """
        if not _SHA.match(sha):
            raise StoreError(f"{sha[:80]!r} names no artifact; a name is the 64 hex digits of a sha256.")
        return str(self.root / sha[:2] / sha)

    def _has(self, sha: str, size: int) -> bool:
        path = Path(self.path(sha))
        try:
            os.utime(path)  # young again: nobody takes it away before an event names it (`sweep.py`)
            there = path.stat().st_size == size
        except OSError:
            return False
        if there:  # whoever wrote it may not have come to this yet
            _sync_folder(path.parent)
        return there

    def _copy(self, source: Path, name: str) -> FileRef:
        remedy = "give the path of a file that can be read on the kernel's machine"
        with _told(f"The file {source}", remedy), source.open("rb") as file, self.open_upload() as upload:
            at = 0
            while data := file.read(_CHUNK):
                at = upload.write(at, data)
            return upload.finish(name)


class Upload:
    """A file on its way in: pieces in any order, a piece may come twice. One caller at a time.

    As a context manager it is aborted at the end, unless it was finished.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._path = artifacts.root / "tmp" / secrets.token_hex(8)
        with _told("The upload", "check the disk and the folder's permissions"):
            _make_folder(self._path.parent)
            self._file: IO[bytes] | None = open(self._path, "x+b", buffering=0, opener=_private)  # noqa: SIM115 - lives as long as the upload
        self._have: list[tuple[int, int]] = []  # ranges that came, sorted, neither touching nor overlapping
        self._sha = hashlib.sha256()
        self._hashed = 0  # the first so many bytes are in `_sha`

    @property
    def received(self) -> int:
        """How many bytes from the start on are complete."""
        return self._have[0][1] if self._have and self._have[0][0] == 0 else 0

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> int:
        """Put a piece in its place.

        Returns:
            How many bytes from the start on are complete: where a sender goes on after a break.

        Raises:
            StoreError: the disk refuses; the upload can be aborted or tried again from the returned place.
        """
        file = self._open_file()
        with _told("The upload", "make room on the disk and send it again"):
            file.seek(offset)
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
        if offset == self._hashed:
            self._sha.update(data)
            self._hashed += len(data)
        elif offset < self._hashed:  # sent twice, perhaps differently: what counts is what is on disk
            self._sha, self._hashed = hashlib.sha256(), 0
        self._have = _joined([*self._have, (offset, offset + len(data))])
        return self.received

    def finish(self, name: str, media_type: str = "") -> FileRef:
        """Make it an artifact, fsynced on return.

        Args:
            name: what the file is called; made safe.
            media_type: guessed from the name when empty.

        Raises:
            StoreError: a piece is missing, or the disk refuses; in the latter case it can be tried again.
        """
        file = self._open_file()
        size = self._have[-1][1] if self._have else 0
        if self.received != size:
            raise StoreError(
                f"The upload of {safe_name(name)} lacks bytes from {self.received} on; send them."
            )
        with _told("The upload", "check the disk and its room"):
            file.seek(self._hashed)
            while data := file.read(_CHUNK):
                self._sha.update(data)
                self._hashed += len(data)
            os.fsync(file.fileno())
            sha = self._sha.hexdigest()
            path = Path(self._artifacts.path(sha))
            if self._artifacts._has(sha, size):
                self.abort()
            else:
                _make_folder(path.parent)
                file.close()
                self._file = None
                self._path.replace(path)
                _sync_folder(path.parent)
        safe = safe_name(name)
        media_type = media_type or mimetypes.guess_type(safe)[0] or "application/octet-stream"
        return FileRef(name=safe, size=size, sha256=sha, media_type=media_type, path=str(path))

    def abort(self) -> None:
        """Throw away what came. Idempotent; nothing happens after `finish`."""
        if self._file is not None:
            self._file.close()
            self._file = None
            with _told("The upload", "check the folder's permissions"):
                self._path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()

    def _open_file(self) -> IO[bytes]:
        if self._file is None:
            raise StoreError("This upload is over; open a new one.")
        return self._file


def safe_name(name: str) -> str:
    """A file name that any system takes: no folder, control character or leading dot, at most 200 bytes."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join("_" if c in '<>:"|?*' else c for c in last if unicodedata.category(c)[0] != "C")
    kept = " ".join(kept.split()).lstrip(". ").rstrip(". ")
    stem, dot, suffix = kept.rpartition(".") if "." in kept else (kept, "", "")
    if re.fullmatch(r"(?i:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])", kept.partition(".")[0].rstrip()):
        stem = "_" + stem
    if len(suffix.encode()) > _SUFFIX:
        stem, dot, suffix = kept, "", ""
    room = _LONGEST - len((dot + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + dot + suffix or "file"


_LONGEST, _SUFFIX = 200, 20  # bytes


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _make_folder(path: Path) -> None:
    """Make a folder, and those above it, so that they survive a power cut."""
    if not path.is_dir():
        _make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    """Make names in a folder survive a power cut; Windows does it by itself and has no call for it."""
    if os.name == "nt":
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def _told(what: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise StoreError(f"{what} cannot be read or written ({e.strerror or e}); {remedy}.") from e
