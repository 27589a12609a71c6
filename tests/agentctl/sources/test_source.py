"""One assistant looked up by its key in a project's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentctl.errors import ConfigurationError, UsageError
from agentctl.sources.init import write
from agentctl.sources.source import Files, SyncOutcome

pytestmark = pytest.mark.anyio


async def test_files_are_read_as_they_are_and_a_key_that_nobody_has_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    files = Files(tmp_path)
    loaded = await files.one("empfang")
    assert ([one.key for one in loaded.assistants], loaded.target) == (["empfang"], None)
    with pytest.raises(UsageError, match="assistants/empfamg is not there") as raised:
        await files.one("empfamg")
    assert "empfang" in raised.value.hint
    (tmp_path / "assistants" / "empfang" / "prompt.md").write_text("[[ nobody ]]")
    with pytest.raises(ConfigurationError, match="nobody"):
        (await files.one("empfang")).checked()
    await files.told("empfang", SyncOutcome("no"))
