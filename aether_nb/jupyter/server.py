"""The server extension's front: Jupyter Server finds it through `etc/jupyter/jupyter_server_config.d`.

Every server of the environment imports this at start, so it imports nothing; the routes are in
`handlers.py`.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "aether_nb.jupyter.server"}]


def _load_jupyter_server_extension(app: Any) -> None:
    from aether_nb.jupyter.handlers import routes  # noqa: PLC0415 - see above

    app.web_app.add_handlers(".*$", routes(app.web_app.settings["base_url"]))
