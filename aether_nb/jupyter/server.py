"""The server extension's front: Jupyter Server finds it through `etc/jupyter/jupyter_server_config.d`.

Every server of the environment imports this at start, so it imports nothing; the routes are in
`handlers.py`.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "aether_nb.jupyter.server"}]


def _load_jupyter_server_extension(app: Any) -> None:
    from aether_nb.jupyter.door import SETTING  # noqa: PLC0415 - see above
    from aether_nb.jupyter.handlers import routes  # noqa: PLC0415
    from aether_nb.jupyter.served import Stores  # noqa: PLC0415
    from aether_nb.jupyter.settings import AetherNb  # noqa: PLC0415

    settings = app.web_app.settings
    stores = Stores(settings.get("server_root_dir") or "", AetherNb(parent=app).stores)
    settings[SETTING] = stores
    app.web_app.add_handlers(".*$", routes(settings["base_url"], stores))
