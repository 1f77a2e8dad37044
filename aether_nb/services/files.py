"""SQLite files of the services: opened so that two processes and a network folder do no harm.

They use the rollback journal, not WAL: WAL is unsafe on network and synced folders, and a
service's file is written a few times a run, not a thousand times a second.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aether_nb.errors import StoreBusy, StoreError

BUSY_S = 30.0
"""How long another process may hold the file before that is an error."""


def connect(path: str) -> sqlite3.Connection:
    """Open the file, making it and its folder (for this user only) if they are not there.

    Every statement is its own transaction, fsynced; the connection may be used from any thread,
    by one at a time.

    Raises:
        OSError, sqlite3.Error: the place refuses; see `translated`.
    """
    if path != ":memory:":
        Path(path).absolute().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    return sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn what the disk or SQLite says about this file into a StoreError.

    Raises:
        StoreBusy: another process holds it for more than 30 s.
        StoreError: anything else.
    """
    try:
        yield
    except sqlite3.OperationalError as e:
        if "locked" in str(e) or "busy" in str(e):
            raise StoreBusy(
                f"{path} is locked by another process ({e}); close that one, or try again."
            ) from e
        raise StoreError(
            f"{path} could not be used ({e}); check the disk and the folder's permissions."
        ) from e
    except sqlite3.DatabaseError as e:
        raise StoreError(f"{path} is not a readable database ({e}); move it away or restore a copy.") from e
    except OSError as e:
        raise StoreError(f"{path} could not be opened ({e}); check the folder and its permissions.") from e
