"""The embedded server as a project sees it: real processes, real kills."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from agentctl.errors import ConfigurationError, StoreUnavailable
from agentctl.local import unprivileged
from agentctl.local.lock import is_held, released
from agentctl.local.place import Place
from agentctl.local.postgres import start, status, stop
from agentctl.local.suspension import family, suspended

pytestmark = pytest.mark.anyio

# What a command does, as a program of its own: start, print the DSN and the server's pid, wait for a line.
COMMAND = """
import asyncio, sys
from pathlib import Path
from agentctl.local.postgres import running, status
async def main():
    async with running(Path(sys.argv[1]), idle_seconds=600) as dsn:
        print((await status(Path(sys.argv[1]))).pid, dsn, flush=True)
        await asyncio.to_thread(sys.stdin.readline)
asyncio.run(main())
"""


def query(dsn: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


async def command(home: Path, *before: str, session: bool = False) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(*before, sys.executable, "-c", COMMAND, str(home)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=session,
    )


def as_account(uid: int) -> tuple[str, ...]:
    """What to put before a command so that it runs as `uid`, wherever checkout and interpreter are."""
    return (sys.executable, "-I", "-S", unprivileged.__file__, "keep", str(uid), str(uid), "/")


async def says(process: asyncio.subprocess.Process) -> list[str]:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 60)).decode().split()


async def pid_of(home: Path) -> int:
    pid = (await status(home)).pid
    assert pid is not None
    return pid


async def test_a_first_start_makes_a_private_store_without_a_tcp_port(home: Path) -> None:
    dsn = await start(home)

    assert query(dsn, "select current_user, current_setting('listen_addresses'), current_setting('fsync')") == [
        ("postgres", "", "on")
    ]
    # German names are found whatever their case, in every version and on every system.
    assert query(dsn, "select lower('ÄÖÜ'), current_setting('server_encoding')") == [("äöü", "UTF8")]
    assert (home / ".gitignore").read_text() == "*\n"
    for private in (home, home / "postgres", home / "run"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700


async def test_the_next_start_finds_the_same_server(kept: Path) -> None:
    first = await start(kept)
    pid = await pid_of(kept)

    assert await start(kept) == first
    assert await pid_of(kept) == pid


async def test_the_server_is_in_a_session_of_its_own(kept: Path) -> None:
    await start(kept)

    assert os.getsid(await pid_of(kept)) != os.getsid(0)


async def test_status_and_stop_of_what_was_never_started_make_nothing(home: Path) -> None:
    assert not (await status(home)).running
    assert not await stop(home)
    assert not home.exists()


async def test_stop_ends_the_server_and_its_watchdog(kept: Path) -> None:
    dsn = await start(kept)
    before = await status(kept)
    assert before.running
    assert before.answering
    assert before.dsn == dsn

    with psycopg.connect(dsn):
        assert await stop(kept)

    after = await status(kept)
    assert after == replace(before, running=False, answering=False, pid=None)
    assert not is_held(Place.of(kept).watch_lock)
    assert not await stop(kept)


async def test_eight_commands_at_once_share_one_server(home: Path) -> None:
    commands = [await command(home) for _ in range(8)]

    answers = [await says(process) for process in commands]
    for process in commands:
        await process.communicate(b"\n")

    assert len({tuple(answer) for answer in answers}) == 1
    assert int(answers[0][0]) == await pid_of(home)
    assert query(answers[0][1], "select 1") == [(1,)]


async def test_a_killed_server_comes_back_with_its_data(kept: Path) -> None:
    dsn = await start(kept)
    query(dsn, "create table if not exists kept as select 42 as answer")

    for _ in range(3):
        os.kill(await pid_of(kept), signal.SIGKILL)
        assert query(await start(kept), "table kept") == [(42,)]


async def test_a_pid_file_that_names_another_process_of_ours_does_not_fool_it(kept: Path) -> None:
    await start(kept)
    os.kill(await pid_of(kept), signal.SIGKILL)
    assert await released(Place.of(kept).server_lock, 10)
    left = kept / "postgres" / "postmaster.pid"
    lines = left.read_text().splitlines()
    left.write_text("\n".join([str(os.getpid()), *lines[1:], ""]))

    assert not (await status(kept)).running
    dsn = await start(kept)

    assert query(dsn, "select 1") == [(1,)]
    assert await pid_of(kept) != os.getpid()


async def test_a_server_that_hangs_is_not_taken_for_one_that_works(kept: Path) -> None:
    await start(kept)
    pid = await pid_of(kept)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable, match=f"pid {pid}.*does not answer"):
            await start(kept)
        found = await status(kept)
        assert (found.running, found.answering) == (True, False)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (await status(kept)).answering


async def test_a_suspended_server_with_its_children_can_be_stopped(kept: Path) -> None:
    dsn = await start(kept)
    with psycopg.connect(dsn) as connection:
        server, backend = await pid_of(kept), connection.info.backend_pid
        os.kill(server, signal.SIGSTOP)
        assert backend in family(server)
        for pid in family(server):
            with suppress(ProcessLookupError):  # background workers come and go
                os.kill(pid, signal.SIGSTOP)
        async with asyncio.timeout(10):
            while not (suspended(server) and suspended(backend)):  # noqa: ASYNC110 - nothing tells of a suspension
                await asyncio.sleep(0.01)
        assert await stop(kept)
    assert not is_held(Place.of(kept).server_lock)


async def test_kill_in_the_middle_of_the_first_start_leaves_no_half_made_store(home: Path) -> None:
    process = await command(home, session=True)
    while not list(home.glob("initdb-*/global/pg_control")):
        assert process.returncode is None
        await asyncio.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    await process.communicate()

    assert not (home / "postgres").exists()
    assert query(await start(home), "select 1") == [(1,)]
    assert not list(home.glob("initdb-*"))


@pytest.mark.parametrize("name", ["Büro für Anrufe", 'it\'s, "quoted" % and @ 100', "long" * 40])
async def test_a_project_may_lie_and_move_anywhere(kept: Path, tmp_path: Path, name: str) -> None:
    query(await start(kept), "create table if not exists moved as select 42 as answer")
    await stop(kept)
    home = tmp_path / name / ".agentctl"
    home.parent.mkdir()
    kept.rename(home)
    try:
        dsn = await start(home)
        assert query(dsn, "table moved") == [(42,)]
        sockets = Place.of(home).sockets
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert await start(home) == dsn
    finally:
        await stop(home)
        home.rename(kept)
    assert not sockets.exists()


async def test_a_server_that_does_not_start_shows_the_end_of_its_log(kept: Path) -> None:
    await start(kept)
    await stop(kept)
    settings = kept / "postgres" / "postgresql.conf"
    before = settings.read_text()
    settings.write_text(before + "\nmax_wishes = 3\n")

    with pytest.raises(StoreUnavailable, match='unrecognized configuration parameter "max_wishes"'):
        await start(kept)

    settings.write_text(before)
    assert query(await start(kept), "select 1") == [(1,)]


async def test_a_directory_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreUnavailable, match=r"file/.agentctl.*cannot use it(.|\n)*DATABASE_URL"):
        await start(tmp_path / "file" / ".agentctl")


async def test_data_of_another_major_version_are_refused_with_a_remedy(home: Path) -> None:
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "PG_VERSION").write_text("9\n")

    with pytest.raises(ConfigurationError, match=r"made by Postgres 9.*is Postgres 18(.|\n)*pg_dumpall of 9"):
        await start(home)
    assert os.listdir(home / "postgres") == ["PG_VERSION"]


async def test_an_ordinary_account_runs_a_store_of_its_own(nobodys: Path) -> None:
    nobody = nobodys.stat().st_uid
    process = await command(nobodys / ".agentctl", *as_account(nobody))
    _, dsn = await says(process)

    assert query(dsn, "select 1") == [(1,)]
    assert {path.stat().st_uid for path in (nobodys / ".agentctl").rglob("*")} == {nobody}
    await process.communicate(b"\n")


async def test_root_leaves_somebody_elses_project_usable_for_him(nobodys: Path) -> None:
    home, nobody = nobodys / ".agentctl", nobodys.stat().st_uid
    home.mkdir()
    os.chown(home, nobody, nobody)
    try:
        await start(home)
    except StoreUnavailable as error:
        if "Permission denied" not in str(error):
            raise
        pytest.skip("the other account cannot reach this checkout's Postgres")
    pid = str(await pid_of(home))
    assert {path.stat().st_uid for path in home.rglob("*")} == {nobody}

    process = await command(home, *as_account(nobody))
    seen, dsn = await says(process)
    await process.communicate(b"\n")
    assert seen == pid
    assert query(dsn, "select 1") == [(1,)]


async def test_a_cancelled_first_start_can_be_repeated(home: Path) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await start(home)

    assert query(await start(home), "select 1") == [(1,)]
