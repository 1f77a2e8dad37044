"""`%aether doctor` in a real kernel, beside a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from helpers import ROOT, clean_environment, poll
from integration.kernels import LiveKernel

DOCTOR = "print(get_ipython().run_line_magic('aether', 'doctor'))"


@pytest.fixture
def server(tmp_path):
    """A server with our extension, known as the one that started the kernels of this process."""
    runtime = tmp_path / "runtime"
    folders = {f"JUPYTER_{what}_DIR": tmp_path / what.lower() for what in ("CONFIG", "DATA", "RUNTIME")}
    command = [
        sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0",
        f"--ServerApp.root_dir={tmp_path}", "--ServerApp.jpserver_extensions={'aether_nb.jupyter.server': True}",
    ]  # fmt: skip
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(
            command,
            env=clean_environment(PYTHONPATH=ROOT, HOME=tmp_path, **folders, JUPYTER_NO_CONFIG="1"),
            stdout=log,
            stderr=log,
        )
    try:
        file = poll(lambda: next(runtime.glob("jpserver-*.json"), None), timeout_s=40, what="the server")
        file.rename(runtime / f"jpserver-{os.getpid()}.json")
        yield {name: str(path) for name, path in folders.items()}
    finally:
        process.terminate()
        process.wait(15)


@pytest.mark.timeout(90)
def test_a_kernel_learns_that_its_server_reads_its_store(server, tmp_path):
    kernel = LiveKernel(sys.executable, AETHER_NB_STORE=str(tmp_path / "runs.db"), **server)
    try:
        kernel.run("%load_ext aether_nb")
        said = kernel.run(DOCTOR, timeout=15)
        assert "✓ same store  the server reads the store of this kernel" in said
        assert "✓ kernel      ipykernel" in said
        assert "this is a terminal" not in said
        assert f"{tmp_path / 'runs.db'}: runs 0, open waits 0, kernels alive 1" in said
    finally:
        kernel.stop()


@pytest.mark.timeout(60)
def test_a_server_without_our_half_is_told_apart_from_one_that_is_not_known(tmp_path):
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    kernel = LiveKernel(
        sys.executable, AETHER_NB_STORE=str(tmp_path / "runs.db"), JUPYTER_RUNTIME_DIR=str(runtime)
    )
    try:
        kernel.run("%load_ext aether_nb")
        assert "! same store  the server of this kernel is not known" in kernel.run(DOCTOR)
        file = runtime / f"jpserver-{os.getpid()}.json"
        file.write_text(json.dumps({"url": "http://127.0.0.1:9/", "token": ""}))
        file.chmod(0o600)
        assert "! same store  the server could not be asked: " in kernel.run(DOCTOR)
    finally:
        kernel.stop()
