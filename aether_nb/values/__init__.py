"""Values and their JSON: what a log, a journal or `kv` keeps of users' values, and how it comes back.

On the floor: everything above may use it. `encoding` (with `kinds`) and `decoding` are the pair,
`classes` and `arrays` their parts for users' classes and for numpy and pandas; `outputs` is what a run gives,
`text` how a value looks in one line. No pickle, no import, no users' code when decoding.

JSON is itself. All else is a dict with the key "$", `{"$": "tuple", "v": [1, 2]}`. Types are kept
exactly: what cannot come back as the type it had is refused, subclasses of builtin types included.
Two names for one list become two lists.
"""

from aether_nb.values.decoding import Opaque, decode, recalled
from aether_nb.values.encoding import NAMING, Blobs, alike, boxed, digest, encode, outputs_tree
from aether_nb.values.outputs import RESERVED_OUTPUTS, Outputs
from aether_nb.values.secrets import MASK, Secret
from aether_nb.values.text import show, shown, written

__all__ = [
    "MASK",
    "NAMING",
    "RESERVED_OUTPUTS",
    "Blobs",
    "Opaque",
    "Outputs",
    "Secret",
    "alike",
    "boxed",
    "decode",
    "digest",
    "encode",
    "outputs_tree",
    "recalled",
    "show",
    "shown",
    "written",
]
