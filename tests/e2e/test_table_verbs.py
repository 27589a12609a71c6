"""What commands of files do with an assistant that a row declares: the right thing, or they say what to do."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from agentctl.cli.app import run
from agentctl.sandbox.harness import running
from tests.databases import Databases
from tests.product import BACK, MADE, TABLE, Product

pytestmark = pytest.mark.anyio


async def test_each_verb_of_files_knows_what_a_row_is(
    tmp_path: Path, dsn: str, lender: Databases, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "staging").mkdir()
    async with running() as sandbox, AsyncExitStack() as stack:
        product = stack.enter_context(closing(Product(tmp_path, dsn, sandbox)))
        staging = stack.enter_context(closing(Product(tmp_path / "staging", lender.lend(), sandbox)))
        monkeypatch.setenv("STAGING", staging.dsn)
        for name, value in product.settings.items():
            monkeypatch.setenv(name.upper(), value)
        toml = (tmp_path / "agentctl.toml").read_text()
        (tmp_path / "agentctl.toml").write_text(f'{toml}\n[environments.staging]\ndatabase_url_env = "STAGING"\n')
        for one in (product, staging):
            one.sql(MADE)
            one.sql(BACK)
        product.insert(1, behavior_prompt="First.")
        product.insert(2)
        staging.insert(1, behavior_prompt="Third.")

        async def agentctl(*command: str) -> tuple[int, str]:
            code = await asyncio.to_thread(run, ["-C", str(tmp_path), *command])
            told = capsys.readouterr()
            return code, " ".join(f"{told.out} {told.err}".split())

        async def refused(*command: str) -> str:
            code, said = await agentctl(*command)
            assert code == 2, said
            return said

        assert (await agentctl("sync", "--yes"))[0] == 0
        product.sql(f"update {TABLE} set behavior_prompt = 'Second.' where id = 1")
        assert (await agentctl("sync", "--yes"))[0] == 0
        agent_id = product.rows("elevenlabs_agent_id")[1]

        async def prompt() -> str:
            return str((await product.agents())[agent_id]["conversation_config"]["agent"]["prompt"]["prompt"])

        # What looks back and what compares goes by the key, wherever that is declared.
        assert (await agentctl("history", "1"))[1].count("sync") == 2
        assert (await agentctl("rollback", "1", "--yes"))[0] == 0
        assert (await agentctl("sync", "--yes"))[0] == 0
        assert await prompt() == "First."
        assert "held at revision 1" in (await agentctl("status"))[1]
        assert (await agentctl("unhold", "1"))[0] == 0
        assert "key of a row does not change Change its name instead" in await refused("rename", "1", "9")
        assert "1: the assistant has no tests Tests are files" in await refused("test", "1")
        said = await refused("promote", "production", "staging", "1", "--yes")
        assert f"the files, or the rows of staging's {TABLE}, say otherwise than what production has" in said
        assert "or write the rows of staging as production has them" in said
        before = await product.sandbox.state()

        for one in (product, staging):
            one.sql(f"update {TABLE} set behavior_prompt = '' where id = 1")
        wrong = f"table {TABLE}, row 1 is wrong: prompt (column behavior_prompt): is missing Correct the row first"
        for command in (("rollback", "1"), ("promote", "production", "staging", "1"), ("pull", "1"), ("test", "1")):
            assert wrong in await refused(*command)
        assert "key of a row does not change" in await refused("rename", "1", "9")

        product.sql(f"delete from {TABLE} where id = 1")
        assert f"bring assistants/1, or its row of table {TABLE}, back first" in await refused("rollback", "1")
        assert "no assistant '1' There are: 2." in await refused("rename", "1", "9")
        assert (await agentctl("history", "1"))[1].count("sync") == 2
        assert "There are: 2." in await refused("sync", "--only", "1", "--yes")
        assert await product.sandbox.state() == before
