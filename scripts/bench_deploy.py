"""What is deployed, made for real: every step of the Dockerfile, downloads included, and a release for a machine."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from tests.deploy.image import ROOT
from tests.deploy.test_image import built, container, ended


def deploy() -> int:
    """A step that fails is raised with what it said."""
    start = time.monotonic()
    with built(whole=True) as image:
        made = time.monotonic()
        told = ended(container(image, image.stage.user, "--version")).strip()
        print(f"image: {told}, {_mebibytes(Path(image.at('/opt/agentctl')))} MiB, made in {made - start:.0f} s")
    with tempfile.TemporaryDirectory(prefix="agentctl-release-") as place:
        start = time.monotonic()
        subprocess.run([str(ROOT / "deploy" / "release"), place], check=True, stdout=subprocess.DEVNULL)
        program = Path(place, "next", "bin", "agentctl")
        told = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
        size = _mebibytes(Path(place, "next").resolve())
        print(f"release: {told}, {size} MiB, made in {time.monotonic() - start:.0f} s")
    return 0


def _mebibytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*")) >> 20
