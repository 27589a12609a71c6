"""Where an export or a page goes: a file as a whole, anything else as what it is."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agentctl.cli.written import written
from agentctl.errors import AgentctlError, UsageError


def write(path: Path, text: str = "new") -> None:
    with written(path) as out:
        out.write(text)


def write_after(what: Callable[[], None], path: Path) -> None:
    with written(path) as out:
        what()
        out.write("new")


def fail_half_way(path: Path) -> None:
    with written(path) as out:
        out.write("half")
        raise RuntimeError


def test_a_file_is_there_once_it_is_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("old")
    with written(path, mark=True) as out:
        out.write("new")
        assert path.read_text() == "old"
    assert path.read_bytes() == b"\xef\xbb\xbfnew"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(RuntimeError):
        fail_half_way(path)
    assert path.read_bytes() == b"\xef\xbb\xbfnew"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    there, absent = tmp_path / "there", tmp_path / "absent"
    there.write_text("old")
    for target in (there, absent):
        link = tmp_path / f"{target.name}.link"
        link.symlink_to(target)
        write(link)
        assert link.is_symlink()
        assert target.read_text() == "new"


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to(pipe)
    for path in (pipe, link):
        heard: list[str] = []
        reader = threading.Thread(target=lambda: heard.append(pipe.read_text()), daemon=True)  # noqa: B023
        reader.start()
        write(path)
        reader.join(timeout=20)
        assert heard == ["new"]
        assert pipe.is_fifo()


def test_a_pipe_that_nobody_reads_any_more_is_a_named_error(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(AgentctlError, match="pipe: cannot be written: Broken pipe"):
        write_after(lambda: os.close(reader), pipe)


def test_what_stdout_was_led_to_is_added_to(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old ")
    with log.open("a") as stream:
        write(Path(f"/dev/fd/{stream.fileno()}"))
    assert log.read_text() == "old new"


def test_a_directory_and_a_link_that_leads_nowhere_are_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (tmp_path, loop, tmp_path / "none" / "x"):
        with pytest.raises(UsageError, match="cannot be written"):
            write(path)
    assert list(tmp_path.iterdir()) == [loop]
