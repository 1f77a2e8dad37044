"""`aether-nb doctor` in a terminal: what is good, what is not, and what to do about it."""

from __future__ import annotations

import json
import os

import pytest

from aether_nb.jupyter import registry
from aether_nb.store.sqlite import SqliteStore

CHECKS = ["aether_nb", "kernel", "widgets", "extension", "server", "same store", "store", "disk", "dot"]


@pytest.fixture(autouse=True)
def jupyter(tmp_path, monkeypatch):
    """A Jupyter of this test's own, in which nothing of ours is installed."""
    for what in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
        monkeypatch.setenv(f"JUPYTER_{what}", str(tmp_path / what))
    monkeypatch.setattr("jupyter_core.paths.SYSTEM_JUPYTER_PATH", [])
    monkeypatch.setattr("jupyter_core.paths.ENV_JUPYTER_PATH", [])
    monkeypatch.setattr("jupyter_core.paths.SYSTEM_CONFIG_PATH", [])
    monkeypatch.setattr("jupyter_core.paths.ENV_CONFIG_PATH", [])
    return tmp_path


@pytest.fixture
def checks(aether_nb):
    """The checks by name, and the exit code."""

    def look(*words):
        code, said, _ = aether_nb("doctor", "--json", *words)
        found = json.loads(said)
        assert found["good"] == (code == 0)
        assert [check["check"] for check in found["checks"]] == CHECKS
        return code, {check["check"]: check for check in found["checks"]}

    return look


def test_every_check_says_what_it_found_and_what_is_not_good_what_to_do(checks):
    _, found = checks()
    assert all(check["found"] for check in found.values())
    assert [name for name, check in found.items() if check["state"] == "bad" and not check["remedy"]] == []
    assert found["store"]["state"] == "note"
    assert found["store"]["found"].endswith("runs.db; the first run makes it")


def test_looking_makes_no_store(aether_nb, tmp_path):
    aether_nb("doctor")
    assert not (tmp_path / "runs.db").exists()


def test_what_is_missing_for_jupyter_is_named(checks, jupyter):
    found = checks()[1]
    assert (found["extension"]["state"], found["server"]["state"]) == ("note", "note")
    assert "server extension enable aether_nb.jupyter.server" in found["server"]["remedy"]
    ours = jupyter / "DATA_DIR" / "labextensions" / "aether_nb"
    ours.mkdir(parents=True)
    (ours / "package.json").write_text('{"version": "99.0"}')
    enabled = jupyter / "CONFIG_DIR" / "jupyter_server_config.d"
    enabled.mkdir(parents=True)
    (enabled / "aether_nb.json").write_text(
        '{"ServerApp": {"jpserver_extensions": {"aether_nb.jupyter.server": true}}}'
    )
    code, found = checks()
    assert found["server"]["state"] == "good"
    assert (code, found["extension"]["state"]) == (1, "bad")
    assert "JupyterLab has 99.0 of it" in found["extension"]["found"]


def test_without_graphviz_it_says_how_to_get_it(checks, monkeypatch):
    from aether_nb.display.render import have_dot

    monkeypatch.setenv("PATH", "")
    have_dot.cache_clear()
    try:
        found = checks()[1]["dot"]
    finally:
        have_dot.cache_clear()
    assert (found["state"], found["remedy"].startswith("apt install graphviz")) == ("note", True)


def test_it_says_whether_kernels_use_the_same_store(checks, tmp_path):
    assert checks()[1]["same store"]["found"] == "no kernel of yours has one open now"
    other, this = tmp_path / "other.db", tmp_path / "runs.db"
    for path in (other, this):
        SqliteStore(path).close()
        path.chmod(0o600)
    registry.announce("u", str(other), "k1")
    found = checks()[1]["same store"]
    assert found["state"] == "note"
    assert found["found"] == f"no kernel of yours uses this one; they use {os.path.realpath(other)}"
    assert checks("--store", other)[1]["same store"]["state"] == "good"
    registry.announce("v", str(this), "k2")
    assert checks()[1]["same store"]["state"] == "good"


def test_a_store_in_a_synced_folder_works_in_a_lesser_way(checks, tmp_path):
    folder = tmp_path / "Dropbox"
    folder.mkdir()
    found = checks("--store", folder / "runs.db")[1]["disk"]
    assert found["state"] == "note"
    assert "synced" in found["found"]


def test_in_words_a_remedy_stands_below_what_it_is_for(aether_nb):
    _, said, _ = aether_nb("doctor")
    rows = said.splitlines()
    at = next(i for i, row in enumerate(rows) if row.startswith("! server"))
    assert rows[at + 1].lstrip().startswith("→ jupyter server extension enable")
