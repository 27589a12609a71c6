"""One line of .env is set; nothing else is touched."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agentctl.errors import ConfigurationError
from agentctl.sources.env_file import read, write

NAME = "ELEVENLABS_WEBHOOK_SECRET"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"{NAME}=new\n"),
        ("A=1", f"A=1\n{NAME}=new\n"),
        (f"A=1\n{NAME}=old\nB=2\n", f"A=1\n{NAME}=new\nB=2\n"),
        (f"{NAME}=\r\nB=2\r\n", f"{NAME}=new\r\nB=2\r\n"),
        (f"# {NAME}=example\n", f"# {NAME}=example\n{NAME}=new\n"),
        (f"export {NAME}='a'\n{NAME}=b # last\n", f"export {NAME}='a'\n{NAME}=new\n"),
        (f"MY_{NAME}=x\n", f"MY_{NAME}=x\n{NAME}=new\n"),
    ],
)
def test_the_line_is_set_in_place_or_added(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(before.encode())
    write(path, NAME, "new")
    assert path.read_bytes().decode() == after
    assert read(path, NAME) == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]


def test_a_missing_file_is_made_and_a_link_is_followed(tmp_path: Path) -> None:
    assert read(tmp_path / ".env", NAME) == ""
    (tmp_path / "shared").mkdir()
    (tmp_path / ".env").symlink_to(tmp_path / "shared" / "env")
    write(tmp_path / ".env", NAME, "new")
    assert (tmp_path / ".env").is_symlink()
    assert (tmp_path / "shared" / "env").read_text() == f"{NAME}=new\n"


def test_what_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write(tmp_path / "nowhere" / ".env", NAME, "new")
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        write(tmp_path / ".env", NAME, "new")
    assert (tmp_path / ".env").read_bytes() == b"A=\xff\n"
