"""A disk of its own that can be full: a file system in memory or in a file, where this process may mount one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_IN_MEMORY = 1 << 30  # larger ones lie in a file


class Disk:
    """`path` is a directory on it; `bounded` is false where nothing could be mounted, and it is the machine's own."""

    def __init__(self, path: Path, *, bounded: bool) -> None:
        self.path = path
        self.bounded = bounded
        self._filler = path / "filler"

    def fill(self) -> None:
        """Leave no room."""
        room = os.statvfs(self.path)
        with self._filler.open("wb") as file:
            # More than its own books may need: it takes what there is.
            for size in (room.f_bavail * room.f_frsize, 1 << 20, 1 << 16, 1 << 12):
                while _grown(file.fileno(), size):
                    pass

    def free(self) -> None:
        """Take the filler away."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def disk(size: int) -> Iterator[Disk]:
    """One of `size` bytes, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="agentctl-disk-", ignore_cleanup_errors=True) as made:
        os.chmod(made, 0o755)  # the server is somebody else
        place = Path(made, "mounted")
        place.mkdir()
        bounded = _mounted(place, Path(made, "image"), size)
        try:
            yield Disk(place, bounded=bounded)
        finally:
            if bounded:
                subprocess.run(["umount", "--lazy", str(place)], check=True)


def _grown(descriptor: int, size: int) -> bool:
    try:
        os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, size)
    except OSError:
        return False
    return True


def _mounted(place: Path, image: Path, size: int) -> bool:
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    if size <= _IN_MEMORY:
        return _ran("mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(place))
    with image.open("wb") as file:
        file.truncate(size)
    made = _ran("mkfs.ext4", "-q", "-m", "0", str(image)) and _ran("mount", "-o", "loop", str(image), str(place))
    if made:
        place.chmod(0o755)
    else:
        image.unlink()
    return made


def _ran(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False
