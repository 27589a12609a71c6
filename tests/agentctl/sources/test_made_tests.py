from __future__ import annotations

from pathlib import Path

import pytest

from agentctl.errors import ConfigurationError
from agentctl.sources.made_tests import made_of, remove

ONE, OTHER = "1" * 64, "2" * 64


def test_a_file_is_found_by_its_call_also_where_it_is_broken_renamed_or_copied(tmp_path: Path) -> None:
    tests = tmp_path / "assistants" / "empfang" / "tests"
    tests.mkdir(parents=True)
    for name, text in (
        ("call-1", f'user = "a"\ncall = "{ONE}"\n'),
        ("preise", f"  call='{ONE}'\nuser = \n\udcff"),
        ("other", f'call = "{OTHER}"\n'),
        ("said", f'user = "call = {ONE}"\n'),
    ):
        (tests / f"{name}.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    outside = tmp_path.parent / "outside.toml"
    outside.write_text(f'call = "{ONE}"\n')
    (tests / "linked.toml").symlink_to(outside)
    assert made_of(tmp_path, {ONE}) == {tests / "call-1.toml": ONE, tests / "preise.toml": ONE}
    (tests / "loop.toml").symlink_to("loop.toml")
    with pytest.raises(ConfigurationError, match=r"loop\.toml: cannot be read"):
        made_of(tmp_path, {ONE})


def test_what_cannot_be_deleted_is_named_and_the_rest_goes(tmp_path: Path) -> None:
    folder, file = tmp_path / "a.toml", tmp_path / "b.toml"
    folder.mkdir()
    file.touch()
    with pytest.raises(ConfigurationError, match=r"a\.toml: cannot be deleted"):
        remove(tmp_path, [folder, file, tmp_path / "gone.toml"])
    assert not file.exists()
