"""numpy and pandas values go to blobs and come back exactly."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from aether_nb.errors import NotStorable
from aether_nb.values import decode, digest, encode, show


@pytest.fixture
def there_and_back(box):
    return lambda value: decode(json.loads(json.dumps(encode(value, box), allow_nan=False)), box)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3), np.array([1.5, np.nan]), np.array(3), np.array(["a", "bc"]), np.zeros((0, 3)),
        np.array(["2024-01-01"], dtype="M8[D]"), np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.arange(6).reshape(2, 3).T, np.array([True]), np.array([1 + 2j], dtype="c8"), np.arange(3, dtype=">i2"),
    ],
    ids=lambda a: str(a.dtype),
)  # fmt: skip
def test_an_array_comes_back(array, there_and_back):
    back = there_and_back({"a": array})["a"]
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert digest(array) == digest(back)


@pytest.mark.parametrize(
    "scalar",
    [
        np.float64(1.5), np.float32(0.1), np.int8(-3), np.uint64(2**64 - 1), np.bool_(True), np.str_("é"), np.str_(""),
        np.bytes_(b"a"), np.datetime64("2024-01-01T00:00:00", "ns"), np.timedelta64(3, "s"), np.complex64(1 + 2j),
    ],
    ids=lambda s: type(s).__name__,
)  # fmt: skip
def test_a_numpy_scalar_comes_back_without_blobs(scalar):
    back = decode(json.loads(json.dumps(encode([scalar]))))[0]
    assert back == scalar
    assert type(back) is type(scalar)
    assert back.dtype == scalar.dtype


def test_nan_of_numpy_comes_back():
    assert np.isnan(decode(encode(np.float32("nan"))))


FRAME = pd.DataFrame(
    {
        "int": [1, 2, 3],
        "small": np.array([1, 2, 3], dtype="u1"),
        "float": [1.5, np.nan, np.inf],
        "text": ["a", None, "é"],
        "bool": [True, False, True],
        "when": pd.to_datetime(["2024-01-01", None, "2024-03-01T12:00:00.123456789"], format="ISO8601"),
        "zoned": pd.date_range("2024-10-27", periods=3, freq="h", tz="Europe/Berlin"),
        "took": pd.to_timedelta([1, 2, None], unit="s"),
        "kind": pd.Categorical(["x", None, "y"], categories=["y", "x", "z"], ordered=True),
        "years": pd.Categorical([2020, 2021, 2020]),
        "maybe": pd.array([1, None, 2**60 + 1], dtype="Int64"),
        "flag": pd.array([True, None, False], dtype="boolean"),
        "ratio": pd.array([1.5, None, 2.5], dtype="Float64"),
        "string": pd.array(["a", None, "b"], dtype="string"),
        "mixed": pd.Series([1, "a", None], dtype=object),
        "lists": pd.Series([[1], [2, 3], {"a": dt.date(2024, 1, 1)}], dtype=object),
    }
)


@pytest.mark.parametrize("column", FRAME.columns)
def test_a_column_comes_back(column, there_and_back):
    pd.testing.assert_series_equal(there_and_back(FRAME[column]), FRAME[column])
    pd.testing.assert_frame_equal(there_and_back(FRAME[[column]]), FRAME[[column]])


@pytest.mark.parametrize(
    "frame",
    [
        FRAME, FRAME.iloc[:0], FRAME.iloc[::-1], pd.DataFrame(), pd.DataFrame(index=[1, 2]), pd.DataFrame({"a": []}),
        FRAME.set_index("text"), FRAME.set_index(["int", "kind"]), FRAME.set_index("zoned")[["int"]],
        pd.DataFrame([[1, 2]], columns=["a", "a"]), pd.DataFrame({1: [1], (2, "b"): [2], "c": [3]}),
        pd.DataFrame({("a", 1): [1], ("a", 2): [2]}), pd.DataFrame({"a": [1, 2]}, index=[7, 7]),
        pd.DataFrame({"a": range(3)}, index=pd.date_range("2024-01-01", periods=3, freq="D", name="day")),
        pd.DataFrame({"a": range(2)}, index=pd.RangeIndex(5, 9, 2, name="n")), pd.DataFrame({"a": [0.1, 1e-300, 1e300]}),
    ],
    ids=list(range(16)),
)  # fmt: skip
def test_a_table_comes_back(frame, there_and_back):
    back = there_and_back(frame)
    pd.testing.assert_frame_equal(back, frame)
    assert digest(back) == digest(frame)


def test_a_series_keeps_its_name_and_index(there_and_back):
    series = pd.Series([1.0, 2.0], index=pd.Index(["a", "b"], name="key"), name=("x", 1))
    pd.testing.assert_series_equal(there_and_back(series), series)


def test_a_table_is_few_blobs_however_many_columns(box):
    encode(pd.DataFrame(np.zeros((10, 200))), box)
    assert box.media == ["application/x-npy"]


class MyFrame(pd.DataFrame):
    pass


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.array([object()]), "list of it with .tolist()"),
        (np.ma.array([1]), "value is a"),
        (MyFrame(), "value is a"),
        (pd.DataFrame({"a": pd.period_range("2024", periods=2, freq="Y")}), r"value['a'].*dtype period"),
        (pd.Series([lambda: 1]), "value[0] is a function"),
        (pd.DataFrame({"f": [1, print]}), "value['f'][1] is a builtin_function"),
    ],
    ids=["objects", "masked", "subclass", "period", "function", "column"],
)
def test_what_would_not_come_back_is_refused(value, said, box):
    with pytest.raises(NotStorable) as e:
        encode(value, box)
    for part in said.split(".*"):
        assert part in str(e.value)


@pytest.mark.parametrize(
    "value", [np.arange(3), pd.DataFrame({"a": [1]}), pd.Series([1])], ids=["a", "f", "s"]
)
def test_without_a_place_for_blobs_arrays_are_refused(value):
    with pytest.raises(NotStorable, match="inside a run"):
        encode(value)


def test_equal_arrays_in_other_memory_order_have_one_digest():
    array = np.arange(6).reshape(2, 3)
    assert digest(array) == digest(np.asfortranarray(array)) != digest(array.T)


def test_arrays_and_tables_show_their_size():
    assert show(np.zeros((3, 4))) == "<array 3 x 4, float64>"
    assert show({"t": FRAME}) == "{'t': <table of 3 rows, 16 columns>}"
    assert show(FRAME["int"]) == "<column of 3 rows, int64>"


def test_without_numpy_imported_a_stored_array_says_what_to_import_and_shows(box):
    tree = json.dumps([encode(np.float64(2.5)), encode(np.zeros((2, 3)), box)])
    code = (
        "import json, sys\n"
        "from aether_nb.errors import NotRestorable\n"
        "from aether_nb.values import decode\n"
        f"one, many = json.loads({tree!r})\n"
        "print(decode(one, strict=False), decode(many, strict=False))\n"
        "try:\n    decode(one)\n"
        "except NotRestorable as e:\n    print(e)\n"
        "print('numpy' in sys.modules)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert "2.5" in out[0]
    assert "2 x 3" in out[0]
    assert "import numpy first" in out[1]
    assert out[2] == "False"
