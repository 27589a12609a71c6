"""What is on its way into a project, and what is left of it when its writer is killed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentctl.sources.aside import ASIDE, file_beside, folder_in, sweep


def gone() -> int:
    """The number of a process that is no more."""
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def test_what_a_killed_process_left_goes_wherever_it_lies(tmp_path: Path) -> None:
    folder = tmp_path / "assistants" / "desk"
    (folder / "knowledge").mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    places = (tmp_path, tmp_path / "assistants", folder, folder / "knowledge", tmp_path / "shared")
    for place in places:
        (place / f"{ASIDE}{gone()}-x").write_text("half")
        (place / f"{ASIDE}zwv4_f0k").write_text("half, of an older release")
        (place / f"{ASIDE}{gone()}-y").mkdir()
        (place / f"{ASIDE}{gone()}-z").symlink_to(tmp_path)
        (place / ".pulled").write_text("somebody's own")
    (folder / "prompt.md").write_text("Hello.")
    mine = {file_beside(folder / "prompt.md", b"Good day."), folder_in(tmp_path / "assistants")}
    sweep(tmp_path)
    assert {path for place in places for path in place.glob(f"{ASIDE}*")} == mine
    assert all((place / ".pulled").exists() for place in places)


def test_after_an_hour_the_number_is_another_ones(tmp_path: Path) -> None:
    old = folder_in(tmp_path)
    os.utime(old, (1, 1))
    sweep(tmp_path)
    assert not old.exists()


def test_a_file_has_the_rights_of_the_one_it_replaces_and_none_is_left_where_it_cannot(tmp_path: Path) -> None:
    path = tmp_path / "prompt.md"
    path.write_text("Hello.")
    path.chmod(0o640)
    made = file_beside(path, b"Good day.")
    assert (made.read_bytes(), made.stat().st_mode & 0o777) == (b"Good day.", 0o640)
    made.unlink()
    with pytest.raises(FileNotFoundError):
        file_beside(tmp_path / "missing", b"x")
    assert list(tmp_path.iterdir()) == [path]
