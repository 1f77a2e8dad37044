"""numpy and pandas values. Neither is imported here: who has such a value has imported them.

An array is its `.npy` file, never with pickled objects in it. A table is a tree of columns and index;
those that are arrays lie one after the other in one blob, the others are lists of plain values. So a
table needs no third library to be read back, and every item is stored as exactly as a value alone.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from aether_nb.errors import NotRestorable
from aether_nb.values.refusal import Refused

if TYPE_CHECKING:
    from aether_nb.values.decoding import Decoder
    from aether_nb.values.encoding import Encoder

_NO_PLACE = "store it from inside a run, or return its path after saving it to a file"


def _library(name: str) -> Any:
    module = sys.modules.get(name)
    if module is None:
        raise NotRestorable(f"A stored value is of {name}, which is not imported here; import {name} first.")
    return module


# -- numpy ---------------------------------------------------------------------------------------


def encode(e: Encoder, value: Any, depth: int) -> Any:
    """The tree of a value from numpy or pandas; None if it is of another of their classes."""
    cls = type(value)
    np, pd = sys.modules.get("numpy"), sys.modules.get("pandas")
    if np is not None and issubclass(cls, np.generic):
        return _scalar(np, e, value, depth)
    if np is not None and cls is np.ndarray:
        return _array(np, e, value)
    if pd is not None and cls is pd.DataFrame:
        return _Table(np, pd, e, value).frame(depth)
    if pd is not None and cls is pd.Series:
        return _Table(np, pd, e, value).series(depth)
    return None


def _scalar(np: Any, e: Encoder, value: Any, depth: int) -> Any:
    if value.dtype.hasobject or value.dtype.names is not None:
        raise Refused(value, remedy="make plain values of its fields with .item()")
    raw = np.asarray(value).tobytes()
    return {"$": "scalar", "type": value.dtype.str, "v": e.tree(raw, depth + 1), "text": str(value)[:80]}


def decode_scalar(dtype: str, raw: bytes) -> Any:
    """A numpy scalar from its bytes."""
    np = _library("numpy")
    kind = np.dtype(dtype)
    return np.frombuffer(raw, kind)[0] if kind.itemsize else np.zeros((), kind)[()]


def _array(np: Any, e: Encoder, value: Any) -> Any:
    if value.dtype.hasobject:
        raise Refused(value, what="is an array of Python objects", remedy="make a list of it with .tolist()")
    _place(e, value)
    file = io.BytesIO()
    # order is not part of the value: an array and its copy in the other order are one blob
    np.save(file, np.asarray(value, order="C"), allow_pickle=False)
    blob = e.blob(file.getvalue(), "application/x-npy")
    return {"$": "array", "v": blob, "shape": " x ".join(map(str, value.shape)), "dtype": str(value.dtype)}


def decode_array(raw: bytes) -> Any:
    """A numpy array from its file."""
    return _library("numpy").load(io.BytesIO(raw), allow_pickle=False)


def _place(e: Encoder, value: Any) -> None:
    if e.blobs is None:
        raise Refused(value, what="is too large for this place", remedy=_NO_PLACE)


# -- pandas --------------------------------------------------------------------------------------


class _Table:
    """Takes one DataFrame or Series apart."""

    def __init__(self, np: Any, pd: Any, e: Encoder, value: Any) -> None:
        _place(e, value)
        self.np, self.pd, self.e, self.value = np, pd, e, value
        self.arrays: list[Any] = []

    def frame(self, depth: int) -> Any:
        v = self.value
        tree = {
            "columns": self._index(v.columns, depth + 2),
            "index": self._index(v.index, depth + 2),
            "data": [self._named(v.iloc[:, i], v.columns[i], depth + 3) for i in range(v.shape[1])],
        }
        rows, columns = v.shape
        return {"$": "frame", "v": self._with_arrays(tree), "rows": rows, "columns": columns}

    def series(self, depth: int) -> Any:
        v = self.value
        tree = {
            "name": self.e.tree(v.name, depth + 2),
            "index": self._index(v.index, depth + 2),
            "data": self._column(v, depth + 2),
        }
        return {"$": "series", "v": self._with_arrays(tree), "rows": len(v)}

    def _with_arrays(self, tree: dict[str, Any]) -> dict[str, Any]:
        if self.arrays:
            file = io.BytesIO()
            for array in self.arrays:
                self.np.save(file, array, allow_pickle=False)
            tree["arrays"] = self.e.blob(file.getvalue(), "application/x-npy")
            tree["count"] = len(self.arrays)
        return tree

    def _kept(self, array: Any) -> int:
        self.arrays.append(array)
        return len(self.arrays) - 1

    def _named(self, column: Any, name: Any, depth: int) -> Any:
        try:
            return self._column(column, depth)
        except Refused as r:
            r.steps.append(f"[{name!r}]")
            raise

    def _column(self, column: Any, depth: int) -> Any:
        """A Series or Index: its items, by the one of four ways that its dtype takes."""
        pd, dtype = self.pd, column.dtype
        if isinstance(dtype, self.np.dtype) and not dtype.hasobject:
            return {"array": self._kept(column.to_numpy())}
        if isinstance(dtype, pd.CategoricalDtype):
            codes = self._kept(self.np.asarray(pd.Series(column).cat.codes))
            return {"codes": codes, "of": self._index(dtype.categories, depth + 1), "ordered": dtype.ordered}
        if _dtype_or_none(pd, str(dtype)) != dtype:
            raise self._unfit(column)
        if isinstance(dtype, pd.DatetimeTZDtype):
            plain = pd.DatetimeIndex(column).tz_convert("UTC").tz_localize(None)
            return {"array": self._kept(plain.to_numpy()), "utc": str(dtype)}
        if dtype.kind == "O" and isinstance(dtype, self.np.dtype):
            return {"items": self.e.items(column, depth + 2), "dtype": "object"}
        if isinstance(dtype, pd.StringDtype) or dtype.name in _NULLABLE:
            missing = pd.isna(column)
            items = (None if gone else v for v, gone in zip(column.tolist(), missing, strict=True))
            return {"items": self.e.items(items, depth + 2), "dtype": str(dtype)}
        raise self._unfit(column)

    def _unfit(self, column: Any) -> Refused:
        return Refused(
            self.value,
            what=f"has a column of dtype {column.dtype}",
            remedy="convert that column with .astype(...) to numbers, text, dates or categories",
        )

    def _index(self, index: Any, depth: int) -> Any:
        pd, e = self.pd, self.e
        if isinstance(index, pd.RangeIndex):
            return {"range": [index.start, index.stop, index.step], "name": e.tree(index.name, depth + 1)}
        if isinstance(index, pd.MultiIndex):
            levels = [self._column(index.get_level_values(i), depth + 2) for i in range(index.nlevels)]
            return {"levels": levels, "names": e.items(index.names, depth + 2)}
        made = {"one": self._column(index, depth + 1), "name": e.tree(index.name, depth + 1)}
        freq = getattr(index, "freqstr", None)
        return {**made, "freq": freq} if freq else made


_NULLABLE = frozenset(
    {"boolean", "Float32", "Float64"} | {f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
)


def _dtype_or_none(pd: Any, name: str) -> Any:
    try:
        return pd.api.types.pandas_dtype(name)
    except (TypeError, ValueError):
        return None


class _Parts:
    """Puts one DataFrame or Series together."""

    arrays: list[Any]

    def __init__(self, d: Decoder, tree: dict[str, Any]) -> None:
        self.np, self.pd, self.d = _library("numpy"), _library("pandas"), d
        self.arrays = []
        if "arrays" in tree:
            file = io.BytesIO(d.bytes(tree["arrays"]))
            self.arrays = [self.np.load(file, allow_pickle=False) for _ in range(tree["count"])]

    def column(self, tree: dict[str, Any]) -> Any:
        pd = self.pd
        if "array" in tree:
            made = pd.Series(self.arrays[tree["array"]])
            return made.dt.tz_localize("UTC").astype(tree["utc"]) if "utc" in tree else made
        if "codes" in tree:
            codes, of = self.arrays[tree["codes"]], self.index(tree["of"])
            return pd.Series(pd.Categorical.from_codes(codes, of, ordered=tree["ordered"]))
        items = [self.d.value(v) for v in tree["items"]]
        return pd.Series(items, dtype=tree["dtype"])

    def index(self, tree: dict[str, Any]) -> Any:
        pd, d = self.pd, self.d
        if "range" in tree:
            return pd.RangeIndex(*tree["range"], name=d.value(tree["name"]))
        if "levels" in tree:
            levels = [pd.Index(c, dtype=c.dtype) for c in map(self.column, tree["levels"])]
            return pd.MultiIndex.from_arrays(levels, names=d.value(tree["names"]))
        column = self.column(tree["one"])
        made = pd.Index(column, dtype=column.dtype, name=d.value(tree["name"]))
        if "freq" in tree:
            made.freq = tree["freq"]
        return made


def decode_frame(d: Decoder, tree: dict[str, Any]) -> Any:
    """A DataFrame from its parts."""
    parts = _Parts(d, tree)
    index = parts.index(tree["index"])
    columns = {}
    for n, c in enumerate(tree["data"]):
        columns[n] = parts.column(c).set_axis(index)
    made = parts.pd.DataFrame(columns, index=index)
    made.columns = parts.index(tree["columns"])
    return made


def decode_series(d: Decoder, tree: dict[str, Any]) -> Any:
    """A Series from its parts."""
    parts = _Parts(d, tree)
    made = parts.column(tree["data"]).set_axis(parts.index(tree["index"]))
    made.name = d.value(tree["name"])
    return made
