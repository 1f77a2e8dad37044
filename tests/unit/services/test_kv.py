"""A dict that lasts."""

from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from aether_nb.errors import NotStorable, StoreError
from aether_nb.services.kv import Kv


@dataclass(frozen=True)
class Point:
    x: int


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "deep" / "kv.db")


@pytest.fixture
def kv(path):
    kv = Kv(path)
    yield kv
    kv.close()


def threads():
    return [t for t in threading.enumerate() if type(t).__name__ == "SqliteMultithread"]


def test_it_is_a_dict(kv):
    kv["a"] = 1
    kv.update(b=2, c=[3])
    assert dict(kv) == {"a": 1, "b": 2, "c": [3]}
    assert kv == {"a": 1, "b": 2, "c": [3]}
    assert (len(kv), "a" in kv, "z" in kv, kv.get("z", 5)) == (3, True, False, 5)
    del kv["a"]
    assert kv.pop("b") == 2
    assert kv.setdefault("d", 4) == 4
    assert list(kv.items()) == [("c", [3]), ("d", 4)]
    kv.clear()
    assert dict(kv) == {}
    for act in (lambda: kv["a"], lambda: kv.__delitem__("a")):
        with pytest.raises(KeyError, match=r"^'a'$"):
            act()


def test_values_and_keys_keep_their_types(kv):
    entries = {
        1: "a",
        "1": "b",
        (1, 2): {3},
        Point(1): Point(2),
        None: b"x",
        "$": {"$": 1},
        frozenset({2, 1}): 1.5,
    }
    kv.update(entries)
    assert dict(kv) == entries
    assert kv[frozenset({1, 2})] == 1.5


def test_what_is_written_is_there_for_who_opens_it_next(path, kv):
    kv["n"] = {"a": (1,)}
    code = f"from aether_nb.services.kv import Kv; kv = Kv({path!r}); print(kv['n']); kv['m'] = 2"
    out = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert (out.stdout.strip(), out.stderr) == ("{'a': (1,)}", "")
    assert kv["m"] == 2


def test_two_processes_may_write_at_once(path, kv):
    code = f"from aether_nb.services.kv import Kv; kv = Kv({path!r}); [kv.__setitem__(f'b{{i}}', i) for i in range(30)]"
    other = subprocess.Popen([sys.executable, "-c", code])
    for i in range(30):
        kv[f"a{i}"] = i
    assert other.wait() == 0
    assert len(kv) == 60


def test_namespaces_know_nothing_of_each_other(path, kv):
    other, tricky = kv.space("other"), Kv(path, 'default" "')
    kv["a"], other["a"], tricky["a"] = 1, 2, 3
    assert (dict(kv), dict(other), dict(tricky)) == ({"a": 1}, {"a": 2}, {"a": 3})
    other.clear()
    assert (len(kv), len(other), len(tricky)) == (1, 0, 1)


def test_nothing_is_opened_before_it_is_needed_and_all_of_a_file_share_one_thread(path):
    before = len(threads())
    first, second = Kv(path), Kv(path, "b")
    assert not Path(path).exists()
    first["a"] = second["a"] = 1
    assert len(threads()) == before + 1
    second.close()
    assert len(threads()) == before
    assert first["a"] == 1  # opened again
    first.close()


def test_a_forgotten_dict_lets_its_thread_go(path):
    before = len(threads())
    kv = Kv(path)
    kv["a"] = 1
    del kv
    gc.collect()
    assert len(threads()) == before


def test_in_memory_only_spaces_share():
    one, two = Kv(":memory:"), Kv(":memory:")
    one["a"] = 1
    assert dict(one.space("default")) == {"a": 1}
    assert dict(two) == {}
    one.close()
    two.close()


def test_what_cannot_be_stored_is_refused_and_the_old_value_stays(kv):
    kv["a"] = 1
    with pytest.raises(NotStorable, match=r"^kv\['a'\]\[0\] is a function"):
        kv["a"] = [lambda: 1]
    with pytest.raises(NotStorable, match=r"^The key is a function"):
        kv[lambda: 1] = 1
    assert dict(kv) == {"a": 1}


def test_nothing_is_pickled(path, kv):
    kv[Point(1)] = {"p": Point(2)}
    kv.close()
    db = sqlite3.connect(path)
    ((key, value),) = db.execute("SELECT key, value FROM kv").fetchall()
    db.close()
    assert key.startswith('"default" {"$":"obj"')
    assert value.startswith('{"p":{"$":"obj"')


def test_a_file_that_is_no_database_says_so_without_a_stack_or_a_hanging_thread(tmp_path, capfd):
    path = tmp_path / "kv.db"
    path.write_text("this is a text, not a database, and long enough to be seen as one")
    kv = Kv(str(path))
    for _ in range(2):
        with pytest.raises(StoreError, match="not a readable database"):
            kv["a"] = 1
    assert capfd.readouterr().err == ""


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="check the folder"):
        Kv(str(tmp_path / "file" / "kv.db"))["a"] = 1


def test_a_forked_child_opens_its_own(path, kv):
    code = (
        "import os\n"
        "from aether_nb.services.kv import Kv\n"
        f"kv = Kv({path!r})\n"
        "kv['a'] = 1\n"
        "pid = os.fork()\n"
        "if pid == 0:\n    kv['b'] = kv['a'] + 1\n    raise SystemExit\n"
        "print(os.waitpid(pid, 0)[1])\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "0\n"
    assert dict(kv) == {"a": 1, "b": 2}
