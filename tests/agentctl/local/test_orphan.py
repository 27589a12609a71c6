"""The store is removed while its server runs: real processes, and a real `rm -rf`."""

import shutil
from pathlib import Path

import psycopg
import pytest

from agentctl.local.lock import is_held
from agentctl.local.orphan import orphans
from agentctl.local.place import Place
from agentctl.local.postgres import start, status, stop

pytestmark = pytest.mark.anyio


async def started(home: Path) -> int:
    await start(home)
    pid = (await status(home)).pid
    assert pid is not None
    return pid


def runs(pid: int) -> bool:
    """Whether it is more than a zombie that nobody has asked after yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_start_ends_the_old_server_begins_anew_and_says_so_and_a_stop_ends_it_too(home: Path) -> None:
    old = await started(home)
    shutil.rmtree(home)
    assert orphans(Place.of(home)) == (old,)
    said: list[str] = []
    with psycopg.connect(await start(home, tell=said.append)) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    new = (await status(home)).pid
    assert new is not None
    assert new != old
    assert not runs(old)
    (line,) = said
    assert f"(pid {old})" in line
    assert line.endswith("it was ended, and a new, empty store begins")
    assert await started(home) == new
    shutil.rmtree(home)
    assert await stop(home), "though nothing else is left of it"
    assert not runs(new)
    assert not home.exists()
    assert not await stop(home)


async def test_where_only_the_locks_were_removed_the_data_are_kept(kept: Path) -> None:
    with psycopg.connect(await start(kept), autocommit=True) as connection:
        connection.execute("create table kept ()")
    old = (await status(kept)).pid
    for path in kept.glob("*.lock"):
        path.unlink()
    said: list[str] = []
    with psycopg.connect(await start(kept, tell=said.append)) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)
    assert len(said) == 1
    assert said[0].endswith(f"(pid {old}) ran; it was ended")
    assert is_held(Place.of(kept).server_lock)
