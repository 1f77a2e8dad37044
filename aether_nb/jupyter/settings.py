"""What of this extension is set in the Jupyter server's own configuration: `jupyter_server_config.py`, or options.

    c.AetherNb.stores = ["/home/ana/team/runs.db"]
    jupyter lab --AetherNb.stores=team/runs.db --AetherNb.stores=lessons/runs.db

Read once, when the server starts.
"""

from __future__ import annotations

import json

from traitlets import List, Unicode
from traitlets.config import Configurable


class _Paths(List[str]):
    """Also as a list in one word, `'["a.db", "b.db"]'`: traitlets takes that as one path from who adds traits late."""

    def from_string(self, s: str) -> list[str]:
        return list(json.loads(s)) if s.startswith("[") else [s]  # traitlets reads other lists in its own way


class AetherNb(Configurable):
    """The server's half of aether_nb."""

    stores = _Paths(
        Unicode(),
        help="Stores to list besides those that kernels announce below the server's root: paths, from that root on "
        "where they are relative. One that others may write is left out.",
    ).tag(config=True)
