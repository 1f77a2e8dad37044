"""What of this extension is set in the Jupyter server's own configuration: `jupyter_server_config.py`, or options.

    c.AetherNb.stores = ["/home/ana/team/runs.db"]

Read once, when the server starts.
"""

from __future__ import annotations

from traitlets import List, Unicode
from traitlets.config import Configurable


class AetherNb(Configurable):
    """The server's half of aether_nb."""

    stores = List(
        Unicode(),
        help="Stores to list besides those that kernels announce below the server's root: paths, from that root on "
        "where they are relative. One that others may write is left out.",
    ).tag(config=True)
