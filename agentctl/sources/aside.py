"""Files and folders on their way into a project: made beside their place, so that they get there in one step.

What a process left that was killed meanwhile is told by its name, which nothing reads, and taken away by the next pull.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ASIDE = ".pull-"
# Seconds after which nobody is writing there any more.
_ABANDONED = 3600


def folder_in(directory: Path) -> Path:
    """A new, empty folder. Raises OSError."""
    return Path(tempfile.mkdtemp(prefix=_prefix(), dir=directory))


def file_beside(path: Path, content: bytes) -> Path:
    """A new file with `content`, safe on the disk, that can replace `path`. Raises OSError, and leaves none then."""
    descriptor, name = tempfile.mkstemp(prefix=_prefix(), dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        shutil.copymode(path, name)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def sweep(root: Path) -> None:
    """Take away what somebody left in the project at `root` who was killed while he wrote. Blocks."""
    for path in list(_left(root)):
        with suppress(OSError):
            if _is_at_work(path):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _left(root: Path) -> Iterator[Path]:
    yield from root.glob(f"{ASIDE}*")
    for folder in ("assistants", "shared"):  # A file may be a link to another one of the project.
        yield from (root / folder).rglob(f"{ASIDE}*")


def _prefix() -> str:
    return f"{ASIDE}{os.getpid()}-"


def _is_at_work(path: Path) -> bool:
    """Whether somebody may be writing there: a process of the number in its name, and not for an hour already."""
    if time.time() - path.lstat().st_mtime > _ABANDONED:
        return False
    pid = path.name.removeprefix(ASIDE).partition("-")[0]
    try:
        os.kill(int(pid), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except OSError:
        return True  # it is somebody else's
    return True
