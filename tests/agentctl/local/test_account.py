"""Root is not refused, on systems that allow user namespaces and on those that forbid them."""

import os
from pathlib import Path

import psycopg
import pytest

from agentctl.errors import StoreUnavailable
from agentctl.local.account import Way, choose
from agentctl.local.binaries import Binaries, find
from agentctl.local.place import Place
from agentctl.local.postgres import start, status, stop

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.geteuid() != 0, reason="about root")]


def answer(dsn: str) -> object:
    with psycopg.connect(dsn) as connection:
        return connection.execute("select answer from kept").fetchone()


async def test_without_namespaces_root_goes_on_with_the_same_data_under_another_account(home: Path) -> None:
    with psycopg.connect(await start(home)) as connection:
        connection.execute("create table kept as select 42 as answer")
    await stop(home)
    place = Place.of(home)
    account = await choose(place, await find(None), ("keep",))
    account.give(place.data)

    # The project is below a directory that only root can enter, as /root is: the other account still gets there.
    assert place.directory.stat().st_uid == 0
    assert answer(await start(home)) == (42,)
    assert place.data.stat().st_uid == account.uid != 0
    assert (place.sockets.stat().st_uid, place.directory.stat().st_uid) == (0, 0)
    pid = (await status(home)).pid
    assert pid is not None
    os.kill(pid, 9)
    assert answer(await start(home)) == (42,)


async def test_where_nothing_is_allowed_the_error_says_why_and_what_to_do(home: Path) -> None:
    place = Place.of(home)
    place.prepare()
    missing = Binaries(home / "none", 18)
    ways: tuple[Way, ...] = ("namespace", "keep")

    with pytest.raises(StoreUnavailable, match=r"refuses to run as root(.|\n)*none/postgres(.|\n)*ordinary user"):
        await choose(place, missing, ways)
