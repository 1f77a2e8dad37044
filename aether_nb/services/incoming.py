"""Files on their way in from a page, through whatever door: one rule of what is taken, and when it is let go.

The kernel has one `Incoming` for what comes by comm, the server extension one for what comes by HTTP. A file is
written to disk and hashed as its pieces come, so that its size costs no memory. What nobody finishes leaves
nothing behind: it is deleted when it is called off, when its question is closed, or when nothing has come for a
quarter of an hour.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aether_nb.errors import ReplyInvalid, StoreError
from aether_nb.prompts import FileRef, TakesFiles
from aether_nb.prompts.files import spoken_size
from aether_nb.services.artifacts import Artifacts, Upload, safe_name

LARGEST = 4 << 30
"""Bytes of a file that comes from a page; `uploads.ts` says so before it sends anything."""

IDLE_S = 900.0
_MANY = 100
_ROOM = 64 << 20  # bytes of the disk that stay free for the store itself


@dataclass(frozen=True, slots=True)
class Claim:
    """What a page says of a file before it sends it."""

    token: str
    """The question that the file answers."""
    name: str
    size: int
    media_type: str = ""


class Coming:
    """One file on its way. Its methods block; who writes it over several calls holds its `turn`.

    Attributes:
        claim: what was said of it.
        touched: when something came of it last, by the clock of its `Incoming`.
    """

    def __init__(self, claim: Claim, upload: Upload) -> None:
        self.claim = claim
        self.touched = 0.0
        self._upload = upload
        self._turn = threading.Lock()
        self._using = threading.Lock()  # it may be called off while a piece is being written

    @property
    def received(self) -> int:
        """Bytes from the start on that are complete: where a sender goes on after a break."""
        return self._upload.received

    @contextlib.contextmanager
    def turn(self) -> Iterator[bool]:
        """Whether nobody else writes this file just now; while the context lasts nobody else may."""
        mine = self._turn.acquire(blocking=False)
        try:
            yield mine
        finally:
            if mine:
                self._turn.release()

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> int:
        """Put a piece in its place; gives `received`.

        Raises:
            ReplyInvalid: it would be larger than was said.
            StoreError: the disk refuses.
        """
        if offset < 0 or offset + len(data) > self.claim.size:
            raise ReplyInvalid(
                {"files": f"{safe_name(self.claim.name)!r} is larger than was said; choose it again"}
            )
        with self._using:
            return self._upload.write(offset, data)

    def finish(self) -> FileRef:
        """Make it an artifact; see `Upload.finish`."""
        with self._using:
            return self._upload.finish(self.claim.name, self.claim.media_type)

    def abort(self) -> None:
        """Delete what came."""
        with self._using:
            self._upload.abort()


class Incoming:
    """Every file that is on its way in here, by a key that names the upload. From any thread.

    Args:
        clock: seconds, for what has not moved for long.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._files: dict[str, Coming] = {}
        self._lock = threading.Lock()

    def file(self, key: str, claim: Claim, prompt: object, artifacts: Artifacts) -> Coming:
        """The file of this key; the first time it is begun, if it is one that the question takes.

        Raises:
            ReplyInvalid: it does not fit the question, is too large, or there is no room for it.
            StoreError: the disk refuses.
        """
        self.tidy()
        with self._lock:
            file = self._files.get(key)
            if file is not None and file.claim != claim:
                raise ReplyInvalid({"files": "another file is on its way under this name; choose it again"})
            if file is None:
                self._check(claim, prompt, artifacts)
                file = self._files[key] = Coming(claim, artifacts.open_upload())
            file.touched = self._clock()
            return file

    def __len__(self) -> int:
        return len(self._files)

    def found(self, key: str) -> Coming | None:
        """The file of this key, if it has begun."""
        return self._files.get(key)

    def finish(self, key: str) -> FileRef:
        """All of it came: make it an artifact.

        Raises:
            StoreError: a piece is missing, or the disk refuses; it can be tried again.
        """
        file = self._files.get(key)
        if file is None:
            raise StoreError("This upload is over; send the file again.")
        ref = file.finish()
        self._files.pop(key, None)
        return ref

    def drop(self, key: str) -> None:
        """It was called off: delete what came of it. Idempotent."""
        file = self._files.pop(key, None)
        if file is not None:
            file.abort()

    def close(self, token: str) -> None:
        """A question is closed: nobody waits for its files any more."""
        for key in [key for key, file in list(self._files.items()) if file.claim.token == token]:
            self.drop(key)

    def clear(self) -> None:
        """Let go of everything, at the end of the process."""
        for key in list(self._files):
            with contextlib.suppress(StoreError):
                self.drop(key)

    def tidy(self) -> None:
        """Delete what has not moved for long."""
        before = self._clock() - IDLE_S
        for key in [key for key, file in list(self._files.items()) if file.touched < before]:
            self.drop(key)

    def _check(self, claim: Claim, prompt: object, artifacts: Artifacts) -> None:
        if not isinstance(prompt, TakesFiles):
            raise ReplyInvalid({"files": "this question asks for no files"})
        name = safe_name(claim.name)
        if (why := prompt.misfit(name, claim.size, claim.media_type)) != "":
            raise ReplyInvalid({"files": why})
        if not 0 <= claim.size <= LARGEST:
            needs = (
                f"{name!r} has {spoken_size(claim.size)}, and at most {spoken_size(LARGEST)} come this way"
            )
            raise ReplyInvalid({"files": f"{needs}; give its path on the server instead"})
        if len(self._files) >= _MANY:
            raise ReplyInvalid({"files": f"{_MANY} files are on their way already; wait for some of them"})
        free = max(0, _free(artifacts) - _ROOM)
        if claim.size > free:
            needs = f"{name!r} has {spoken_size(claim.size)}, and the disk has room for {spoken_size(free)}"
            raise ReplyInvalid({"files": needs})


def _free(artifacts: Artifacts) -> int:
    folder = artifacts.root
    while not folder.is_dir():
        folder = folder.parent
    return shutil.disk_usage(folder).free
