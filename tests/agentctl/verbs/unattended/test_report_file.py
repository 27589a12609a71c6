"""agentctl.verbs.unattended.report_file: the file is never half a report, and takes no other thing's place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentctl.errors import AgentctlError, UsageError
from agentctl.verbs.unattended.report_file import must_be_writable, save


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    save(path, "{}\n")
    save(path, '{"ok": true}\n')
    assert path.read_text() == '{"ok": true}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "r.json"):
        with pytest.raises(UsageError, match="--report"):
            must_be_writable(path)
    with pytest.raises(AgentctlError, match="cannot be written"):
        save(tmp_path / "none" / "r.json", "{}")


def test_only_a_file_is_replaced(tmp_path: Path) -> None:
    """As root, a report at /dev/full would take the device's place."""
    fifo, loop, stdout = tmp_path / "fifo", tmp_path / "loop", tmp_path / "stdout"
    os.mkfifo(fifo)
    loop.symlink_to(loop)
    stdout.symlink_to(f"/proc/{os.getpid()}/fd/1")
    (tmp_path / "to-fifo").symlink_to(fifo)
    before = sorted(tmp_path.iterdir())
    names = [fifo, loop, stdout, tmp_path / "to-fifo", *map(Path, ("/dev/null", "/dev/stdout", "/dev/fd/1"))]
    for path in names:
        with pytest.raises(UsageError, match=f"--report: {path} is (no ordinary file|a link)"):
            must_be_writable(path)
    for path in names[:4]:
        with pytest.raises(UsageError, match="--report"):
            save(path, "{}")
    assert fifo.is_fifo()
    assert loop.is_symlink()
    assert sorted(tmp_path.iterdir()) == before
    with pytest.raises(UsageError, match="--json"):
        must_be_writable(Path("/dev/stdout"))


def test_stdout_is_no_file_even_where_it_leads_to_one(tmp_path: Path) -> None:
    with (tmp_path / "out.json").open("w") as stream, pytest.raises(UsageError, match="--json"):
        must_be_writable(Path(f"/proc/self/fd/{stream.fileno()}"))


def test_of_a_link_the_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    file, link, new = tmp_path / "there" / "report.json", tmp_path / "latest", tmp_path / "new"
    file.write_text("before")
    link.symlink_to("there/report.json")
    new.symlink_to(tmp_path / "there" / "none.json")
    for one in (link, new):
        must_be_writable(one)
        save(one, "{}\n")
        assert one.is_symlink()
    assert (file.read_text(), new.read_text()) == ("{}\n", "{}\n")
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["none.json", "report.json"]
