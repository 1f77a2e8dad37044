"""What `import aether_nb` costs."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = [
    "IPython", "anywidget", "graphviz", "ipykernel", "ipywidgets", "jupyter_server", "nest_asyncio", "numpy",
    "pandas", "rich", "sqlitedict", "tornado", "typer", "yaml",
]  # fmt: skip

ASK = """
import json, sys, time
began = time.perf_counter()
import aether_nb
took = time.perf_counter() - began
print(json.dumps({"took": took, "loaded": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


def test_importing_the_package_loads_no_notebook_and_nothing_that_is_needed_only_later(capsys):
    said = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True).stdout
    found = json.loads(said)
    with capsys.disabled():
        print(f"\nimport aether_nb took {found['took']:.3f} s")
    assert [name for name in HEAVY if name in found["loaded"]] == []


def test_the_package_offers_every_name_that_it_lists():
    code = "import aether_nb; print([n for n in aether_nb.__all__ if not hasattr(aether_nb, n)])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
