"""Values through JSON and back, what is refused and how it is said, digests, blobs."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import math
import re
import string
import subprocess
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path, PurePosixPath, PureWindowsPath
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aether_nb.errors import NotRestorable, NotStorable
from aether_nb.values import Opaque, Outputs, alike, decode, digest, encode, outputs_tree, show


def there_and_back(value, blobs=None):
    return decode(json.loads(json.dumps(encode(value, blobs), allow_nan=False)), blobs)


def same(a, b):
    """Equal, and of equal types all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float) and math.isnan(a):
        return math.isnan(b)
    if isinstance(a, (dict, Outputs)):
        return len(a) == len(b) and all(
            same(p, q) for x, y in zip(a.items(), b.items(), strict=True) for p, q in zip(x, y, strict=True)
        )
    if isinstance(a, (list, tuple, deque)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
zones = st.sampled_from([None, dt.UTC, dt.timezone(dt.timedelta(hours=2), "CEST"), ZoneInfo("Europe/Berlin")])
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=8)
    | st.complex_numbers(allow_nan=False) | st.decimals(allow_nan=False) | st.uuids() | st.dates()
    | st.datetimes(timezones=zones) | st.times() | st.timedeltas() | texts.map(Path)
)  # fmt: skip
hashables = st.none() | st.booleans() | st.integers() | texts | st.uuids() | st.tuples(texts, st.integers())
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(texts | st.just("$"), inner, max_size=4)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.sets(hashables, max_size=4)
        | st.frozensets(hashables, max_size=4)
        | st.lists(inner, max_size=4).map(deque)
        | st.dictionaries(texts, inner, max_size=4).map(Outputs)
    ),
    max_leaves=12,
)


@given(values)
@settings(max_examples=150, deadline=None)
def test_a_value_comes_back_as_it_was_types_included(value):
    assert same(there_and_back(value), value)


@given(values)
@settings(max_examples=50, deadline=None)
def test_a_digest_is_the_same_for_the_value_that_came_back(value):
    assert digest(there_and_back(value)) == digest(value)


@pytest.mark.parametrize(
    "value",
    [
        2**63, -(2**200), 10**5000, -0.0, math.inf, -math.inf, bytearray(b"ab"), range(1, 9, 2), Decimal("1.10"),
        Counter("abca"), OrderedDict(b=1, a=2), deque([1, 2], maxlen=3), PurePosixPath("a/b"), PureWindowsPath("a\\b"),
        dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")), dt.time(1, 2, tzinfo=dt.UTC),
        UUID(int=5), {"$": "tuple", "v": [1]}, {1: "a", "1": "b", (1, 2): "c", None: "d"}, "\x00\n\u2028é😀",
        defaultdict(list, {"a": [1]}), {frozenset({1, 2}), frozenset({3})}, [1, True, 1.0, None, "1"],
    ],
    ids=show,
)  # fmt: skip
def test_special_values_come_back(value):
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)
    assert str(back) == str(value) if not isinstance(value, int) else True


def test_what_a_subclass_adds_comes_back_too():
    back = there_and_back([defaultdict(int), deque(maxlen=3), dt.datetime(2024, 1, 1, fold=1)])
    assert back[0].default_factory is int
    assert back[1].maxlen == 3
    assert back[2].fold == 1


def test_the_name_and_offset_of_a_time_zone_come_back():
    zone = dt.timezone(dt.timedelta(hours=5, minutes=30), "IST")
    assert there_and_back(dt.datetime(2024, 1, 1, tzinfo=zone)).tzname() == "IST"
    assert there_and_back(dt.datetime(2024, 1, 1, tzinfo=dt.UTC)).tzinfo is dt.UTC
    assert there_and_back(dt.datetime(2024, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo"))).tzinfo == ZoneInfo(
        "Asia/Tokyo"
    )


def test_json_is_stored_as_itself():
    value = {"a": [1, 2.5, None, True, "x"], "b": {"c": {}}}
    assert encode(value) == value


def test_the_tree_does_not_change_when_the_value_does():
    value = {"a": 1}
    nested = {"a": [1], "b": {"c": [value]}}
    flat_tree, tree = encode(value), encode(nested)
    value["a"] = 2
    nested["a"].append(2)
    assert flat_tree == {"a": 1}
    assert tree == {"a": [1], "b": {"c": [{"a": 1}]}}
    back = decode(tree)
    back["a"].append(3)
    assert tree["a"] == [1]


def test_outputs_are_put_together_from_parts_that_are_encoded_already():
    parts = {"a": encode((1,)), "$": encode({"$": 1})}
    assert decode(outputs_tree(parts)) == Outputs({"a": (1,), "$": {"$": 1}})


# -- refusals ------------------------------------------------------------------------------------


class Plain:
    pass


class Text(str):
    __slots__ = ()


async def _work():
    pass


def _refusal(value, name="value"):
    with pytest.raises(NotStorable) as e:
        encode(value, name=name)
    assert "\n" not in str(e.value)
    return str(e.value)


def test_a_refusal_names_the_path_the_type_and_the_remedy():
    said = _refusal({"x": [0, 1, 2, {"handle": threading.Lock()}]}, name="outputs")
    assert said == (
        "outputs['x'][3]['handle'] is a _thread.lock, which cannot be stored: "
        "make it inside the tool that needs it."
    )


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (_work, "look it up in the tool"),
        (lambda: 1, "look it up in the tool"),
        ((x for x in "ab"), "list(...)"),
        (Plain, "its name"),
        (json, "import it inside"),
        (Plain(), "a dataclass"),
        (Text("a"), "str(...)"),
        (memoryview(b"a"), "bytes(...)"),
        (ValueError("x"), "str(...)"),
        (sys.stderr, "its path"),
        (defaultdict(lambda: 1), "dict(...)"),
        ("\ud800", "keep the bytes"),
        ({"\ud800": 1}, "keep the bytes"),
        (
            dt.datetime(2024, 1, 1, tzinfo=type("Zone", (dt.tzinfo,), {"utcoffset": lambda *_: None})()),
            "ZoneInfo",
        ),
    ],
)
def test_what_cannot_come_back_is_refused_with_a_remedy(value, remedy):
    assert remedy in _refusal(value)


def test_a_coroutine_is_refused_with_the_word_await():
    coroutine = _work()
    assert "await" in _refusal([coroutine])
    asyncio.run(coroutine)


def test_a_value_that_contains_itself_is_refused_with_a_short_path_into_the_circle():
    inner = {"n": 1}
    inner["self"] = inner
    assert _refusal({"a": inner}, name="outputs").startswith("outputs['a'] (dict) contains itself, which")
    pair = []
    pair.append((pair,))
    assert "contains itself" in _refusal([pair], name="outputs")


def test_a_value_that_nests_too_deep_is_refused():
    deep = 1
    for _ in range(1000):
        deep = [deep]
    assert "nested too deep" in _refusal(deep)


def test_what_nests_as_deep_as_allowed_is_read_back_by_an_event():
    from aether_nb.events import NodeFinished
    from aether_nb.facts import reader
    from aether_nb.ids import NodeId, RunId

    deep = 1
    for _ in range(74):
        deep = (deep,)
    event = NodeFinished(run=RunId("r"), seq=1, at_us=1, node=NodeId("n"), outputs={"a": encode(deep)})
    assert decode(reader(NodeFinished)(event.to_json()).outputs["a"]) == deep


# -- decoding ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tree",
    [
        {"$": "nonsense"}, {"$": "tuple"}, {"$": "uuid", "v": "x"}, {"$": "datetime", "v": 3}, {"$": ["tuple"]},
        {"$": "obj", "c": 7, "v": {}}, {"$": "obj", "c": "os:system", "v": {}}, {"$": "array", "v": "x"},
        {"$": "blob", "sha": "../../etc/passwd", "media": "text/plain"}, {"$": "set", "v": [[1]]},
        {"$": "defaultdict", "v": [], "factory": "eval"}, {"$": "frame", "v": {}}, {"$": "enum", "c": "os:path", "v": "x"},
        {"$": "datetime", "v": "2024-01-01", "tz": "../../etc/passwd"},
    ],
    ids=str,
)  # fmt: skip
def test_a_damaged_or_forged_tree_is_one_kind_of_error_or_a_stand_in(tree, box):
    with pytest.raises(NotRestorable):
        decode(tree, box)
    assert isinstance(decode(tree, box, strict=False), Opaque)


def test_decoding_imports_nothing():
    code = (
        "import sys\n"
        "from aether_nb.values import decode\n"
        "before = set(sys.modules)\n"
        "print(decode({'$': 'obj', 'c': 'wsgiref.util:FileWrapper', 'v': {'a': 1}}, strict=False))\n"
        "decode({'$': 'scalar', 'type': '<f8', 'v': {'$': 'bytes', 'v': ''}, 'text': '1.5'}, strict=False)\n"
        "print(sorted(set(sys.modules) - before))\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split("\n")[:2] == ["FileWrapper(a=1)", "[]"]


# -- digests -------------------------------------------------------------------------------------


def test_a_digest_tells_types_apart():
    values = [
        1,
        True,
        1.0,
        "1",
        b"1",
        Decimal(1),
        [1],
        (1,),
        {1},
        {"1": 1},
        {1: 1},
        None,
        "None",
        -0.0,
        0.0,
        Outputs({}),
    ]
    assert len({digest(v) for v in values}) == len(values)


def test_a_digest_does_not_see_the_order_of_keys_and_sets():
    letters = string.ascii_letters
    one, two = set(letters), set()
    for letter in reversed(letters):
        two.add(letter)
    assert digest(dict.fromkeys(letters)) == digest(dict.fromkeys(reversed(letters)))
    assert digest({1: "a", (2,): "b"}) == digest({(2,): "b", 1: "a"})
    assert digest({"set": one}) == digest({"set": two})
    assert digest(OrderedDict(a=1, b=2)) != digest(OrderedDict(b=2, a=1))


def test_a_digest_is_the_same_in_another_process_and_version():
    code = (
        "from aether_nb.values import digest; print(digest({'b': {'x', 'y', 'z'}, 'a': [1.5, (None, 'é')]}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == digest({"a": [1.5, (None, "é")], "b": {"x", "y", "z"}}) == "4e6716789fa4b9c6"


OF_THE_LIBRARY = [
    [None, True, -0.0, 1e22, 5e-324, float("nan"), 10**30, "\U0001fae8", b"\xff", range(3), 1j],
    [(1, {2}), frozenset("ab"), {1: 2}, deque([1], maxlen=2), Counter("aab"), OrderedDict(a=1)],
    [dt.datetime(2020, 1, 2, 3, tzinfo=ZoneInfo("Europe/Berlin")), dt.date(2020, 1, 2), dt.timedelta(-1, 3)],
    [Path("a") / "b", PurePosixPath("a//b/../c/."), PureWindowsPath("C:\\a/b"), Decimal("1.10"), UUID(int=5)],
    [HTTPStatus.OK, re.IGNORECASE | re.MULTILINE, int, print, threading.Lock()],
]


def test_the_digests_of_what_comes_with_python_are_the_same_in_every_version():
    assert [digest(value) for value in OF_THE_LIBRARY] == [
        "c1271a155f0d0c3c",
        "b6ecd7e6d065791a",
        "0bf3beefdfe6e159",
        "945e924bb6607141",
        "~1ca91a56a6e8388e",
    ]


def test_what_cannot_be_stored_counts_as_its_type_and_marks_the_digest():
    first, second = digest({"f": lambda: 1, "n": 1}), digest({"f": lambda: 2, "n": 1})
    assert first == second
    assert first.startswith("~")
    assert len(first) == 17
    assert digest({"f": lambda: 1, "n": 2}) != first


def test_the_digest_of_a_value_that_contains_itself_ends():
    value = []
    value += [value, value]
    assert digest(value).startswith("~")


# -- blobs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "media"),
    [
        (b"x" * 70_000, "application/octet-stream"),
        (bytearray(70_000), "application/octet-stream"),
        ("é" * 40_000, "text/plain; charset=utf-8"),
        (list(range(20_000)), "application/json"),
        ({f"key {i}": {"n": i} for i in range(5_000)}, "application/json"),
        ((1, ["x" * 500] * 200), "application/json"),
    ],
    ids=["bytes", "bytearray", "str", "list", "dict", "tuple"],
)
def test_large_values_become_blobs_and_come_back(value, media, box):
    tree = encode(value, box)
    assert len(json.dumps(tree)) < 1000
    assert box.media == [media]
    assert same(decode(json.loads(json.dumps(tree)), box), value)


def test_only_the_large_part_of_a_dict_becomes_a_blob(box):
    tree = encode({"small": 1, "large": list(range(20_000))}, box)
    assert tree["small"] == 1
    assert tree["large"]["$"] == "blob"


def test_many_small_parts_that_are_large_together_become_one_blob(box):
    assert encode([{"text": "x" * 100} for _ in range(1_000)], box)["$"] == "blob"
    assert len(box.kept) == 1


def test_without_blobs_texts_and_bytes_stay_inline():
    for value in (b"x" * 70_000, "x" * 70_000, list(range(20_000))):
        assert there_and_back(value) == value


def test_a_lost_blob_says_what_to_bring_back(box):
    tree = encode("x" * 70_000, box)
    box.kept.clear()
    with pytest.raises(NotRestorable, match="folder of artifacts"):
        decode(tree, box)
    with pytest.raises(NotRestorable, match="not at hand"):
        decode(tree)
    assert "70000" in repr(decode(tree, strict=False))


few = st.dictionaries(
    st.sampled_from("ab"), st.none() | st.booleans() | st.sampled_from([0, 1, 0.0, -0.0, 1.0, "", "1", "é"])
)


@given(few, few)
def test_what_is_alike_has_one_digest(one, two):
    for value, tree in ((one, encode(one)), (one, encode(two))):
        assert digest(value) == digest(decode(tree)) or not alike(value, tree)


def test_equal_numbers_of_other_types_are_not_alike():
    assert alike({"n": 1, "s": "a", "b": True, "x": None}, {"n": 1, "s": "a", "b": True, "x": None})
    for value, tree in ((1, True), (True, 1), (1, 1.0), (0.0, -0.0), (0, False)):
        assert not alike({"n": value}, {"n": tree})
