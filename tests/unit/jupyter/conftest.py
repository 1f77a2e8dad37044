"""The fixtures of the tests of the HTTP door; `doors.py` has what they are made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest

# The fixtures alone: as a plugin it would also run every async test of the session its own way.
from pytest_jupyter.jupyter_server import *  # noqa: F403
from unit.jupyter.doors import KERNEL, Call, Fetch, made

from aether_nb.jupyter import registry
from aether_nb.store.sqlite import SqliteStore


@pytest.fixture
def jp_server_config(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The extension as it is installed, and the stores that a test's parameter names, if there is one."""
    own = json.loads((Path(registry.__file__).parent / "server-config" / "aether_nb.json").read_text())
    extensions = own["ServerApp"]["jpserver_extensions"] | {"jupyter_server_terminals": False}
    stores = [str(tmp_path / name) for name in getattr(request, "param", [])]
    return {"ServerApp": {"jpserver_extensions": extensions}, "AetherNb": {"stores": stores}}


@pytest.fixture
def store(tmp_path: Path, jp_environ: None) -> Iterator[SqliteStore]:
    with made(tmp_path / "stores" / "runs.db") as store:
        yield store


@pytest.fixture
def announced(store: SqliteStore) -> registry.Announcement:
    announced = registry.announce(store.uid, store.path, KERNEL)
    assert announced is not None
    return announced


@pytest.fixture
def call(fetch: Fetch, jp_asyncio_loop: Any) -> Call:
    """Send a request and give status and JSON; authenticated, unless the header is overridden."""

    def call(route: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        return jp_asyncio_loop.run_until_complete(fetch(route, body, **options))

    return call


@pytest.fixture
def fetch(jp_fetch: Any) -> Fetch:
    """The same for several requests at a time."""

    async def fetch(
        route: str,
        body: Any = None,
        *,
        method: str = "",
        headers: dict[str, str] | None = None,
        **params: Any,
    ) -> tuple[int, Any]:
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        response = await jp_fetch(
            "aether-nb", "api", route, params=params, headers=dict(headers or {}), raise_error=False,
            method=method or ("GET" if body is None else "POST"), body=sent,
        )  # fmt: skip
        return response.code, json.loads(response.body) if response.body else None

    return fetch


@pytest.fixture
def browser(jp_fetch: Any, jp_asyncio_loop: Any, jp_auth_header: dict[str, str]) -> dict[str, str]:
    """The headers of a browser that is logged in: its cookies, and the XSRF token that a page reads from them."""
    cookies = SimpleCookie()
    secret = jp_auth_header["Authorization"].removeprefix("token ")
    for path, params in (("api/status", {"token": secret}), ("login", {})):
        page = jp_fetch(path, params=params, headers={"Authorization": ""}, raise_error=False)
        for line in jp_asyncio_loop.run_until_complete(page).headers.get_list("Set-Cookie"):
            cookies.load(line)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
    return {"Authorization": "", "Cookie": cookie, "X-XSRFToken": cookies["_xsrf"].value}


@pytest.fixture
def listed(jp_root_dir: Path, jp_environ: None) -> Iterator[SqliteStore]:
    """A store below the server's root, announced by a kernel that lives."""
    with made(jp_root_dir / "lessons" / ".aether" / "runs.db") as store:
        assert registry.announce(store.uid, store.path, KERNEL) is not None
        yield store


@pytest.fixture
def id_of(call: Call) -> Callable[[SqliteStore], str]:
    """What the server calls a store."""

    def id_of(store: SqliteStore) -> str:
        status, said = call("stores")
        assert status == 200
        name = Path(store.path).name
        (found,) = [one["store"] for one in said["stores"] if one["name"].endswith(name)]
        return str(found)

    return id_of
