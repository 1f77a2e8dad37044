"""Every test, and every process it starts, reads the package from this tree."""

from __future__ import annotations

import os

from helpers import ROOT

# A child interpreter may run in another folder; what is installed may be older than the tree.
os.environ["PYTHONPATH"] = str(ROOT)
