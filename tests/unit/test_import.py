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


FORM = """
import asyncio, sys
from pydantic import BaseModel
import aether_nb as ae

class Booking(BaseModel):
    age: int

@ae.graph_fn(outputs=["age"])
async def booking(*, context):
    return {"age": (await context.channel().ask_form(Booking)).age}

class Nobody:
    name = "nobody"
    def nothing(self, *args): pass
    attach = show = close = say = follow = nothing

async def main():
    ae.configure(store=":memory:", channel=Nobody())
    run = booking.start()
    await run.next_wait()
    print("jsonschema" in sys.modules)
    async with asyncio.timeout(30):
        while "jsonschema" not in sys.modules:  # nobody tells of an import
            await asyncio.sleep(0.01)
    print("jsonschema" in sys.modules)

asyncio.run(main())
"""


def test_what_checks_a_form_is_loaded_while_people_read_it_not_before_it_is_shown():
    said = subprocess.run(
        [sys.executable, "-c", FORM], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.split() == ["False", "True"]
