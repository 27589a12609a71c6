import os
from pathlib import Path

import pytest

from agentctl.sources.toml import Unreadable, read_bytes, read_text, read_toml


def test_text_comes_without_mark_and_with_plain_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")
    assert read_text(tmp_path / "a.toml", "a.toml", tmp_path) == "a = 1\nb = 2\n"
    assert read_toml(tmp_path / "a.toml", "a.toml", tmp_path) == {"a": 1, "b": 2}


def test_the_limit_is_inclusive(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_bytes(tmp_path / "a", "a", tmp_path, 5) == b"12345"
    with pytest.raises(Unreadable):
        read_bytes(tmp_path / "a", "a", tmp_path, 4)


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(Unreadable) as caught:
        read_text(tmp_path / "pipe.toml", "pipe.toml", tmp_path)
    assert str(caught.value.problem) == "pipe.toml: is not an ordinary file"
