"""What every test may use: one event loop for async tests, genuine stores (tests/stores.py), and the vendor's contract
as a judge over every request that any test sends to a sandbox and every answer it gets.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main
from httpx._transports import default

from agentctl.clients.retry import Retry
from agentctl.sandbox import harness
from agentctl.sync import patience
from agentctl.verbs.signatures import Signatures
from tests import npm
from tests.contract.openapi import published

pytest_plugins = ["tests.stores", "tests.synced", "tests.canaries", "tests.webhooks.doors", "tests.browser"]

# A job in the background inherits an ignored Ctrl-C, and so would the programs that tests stop with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# As scripts/test: without what others have compiled each process would do it anew, and each command that tests start.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Whose tests are few and long, or wait for what is downloaded: the longest first.
LONG = ("faults/receipt", "supabase", "e2e", "faults", "deploy", "rights", "contract", "webhooks", "agentctl/verbs")


def pytest_configure(config: pytest.Config) -> None:
    # Python's default looks through new objects after every 700; a session has a million that stay.
    gc.set_threshold(50_000, 20, 20)
    if hasattr(config.option, "loadscopereorder"):  # pytest-xdist would begin with the files of many tests
        config.option.loadscopereorder = False


def pytest_sessionstart(session: pytest.Session) -> None:
    """Each of several processes begins with other files, and finds compiled what the next one has begun with: in a
    fresh checkout all would compile everything.
    """
    if (worker := getattr(session.config, "workerinput", None)) is None:
        return
    root, number = Path(__file__).parents[1], int(worker["workerid"].removeprefix("gw"))
    files = sorted(file for place in session.config.args for file in (root / place).rglob("test_*.py"))
    begin = len(files) * number // worker["workercount"]
    for file in (*files[begin:], *files[:begin]):
        with suppress(Exception, pytest.skip.Exception):  # the collection will tell
            import_module(".".join(file.relative_to(root).with_suffix("").parts))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones come first: of two processes neither is left alone with them in the end."""
    here = Path(__file__).parent
    order = [here / folder for folder in LONG]

    @cache
    def rank(file: Path) -> int:
        return next((at for at, folder in enumerate(order) if folder in file.parents), len(order))

    items.sort(key=lambda item: rank(item.path))


def pytest_collection_finish() -> None:
    """What tests are made of stays to the end, and nobody has to look through it for what does not."""
    gc.freeze()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def no_time_between_looks() -> Iterator[None]:
    """A sync in this process, or in one forked from it, looks again for what an interrupted create may have left as
    often as ever, and does not wait for it: our sandbox's lists lag behind by requests, not by seconds. A command in a
    process of its own does wait, and so does whoever makes a `Patience` with a `sleep` of its own.
    """

    async def no_time(seconds: float) -> None:
        await asyncio.sleep(0)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(patience, "rest", no_time)
        # Nor does a client that tries again, unless a test says how it waits.
        attempts, deadline, _ = Retry.__init__.__defaults__ or ()
        patched.setattr(Retry.__init__, "__defaults__", (attempts, deadline, no_time))
        # Nor does a door that meets a signature which it does not know.
        patched.setattr(Signatures.__init__, "__kwdefaults__", {"apart_seconds": 0.01})
        yield


@pytest.fixture(scope="session", autouse=True)
def one_command_line() -> Iterator[None]:
    """The commands of the one app, which hold nothing of a run, are made once: a third of a short run goes there."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(typer.main, "get_command", cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_reading_of_certificates() -> Iterator[None]:
    """A client of a test's own talks to this machine without TLS; to read whom TLS trusts takes 20 ms."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(default, "create_ssl_context", cache(default.create_ssl_context))
        yield


@pytest.fixture(scope="session")
def contract_faults() -> Iterator[list[str]]:
    """What the published OpenAPI spec has against the exchanges seen so far and not yet reported."""
    faults: list[str] = []

    def judge(log: list[dict[str, Any]]) -> None:
        spoken = [entry for entry in log if entry["server"] == "elevenlabs"]
        faults.extend(fault for entry in spoken for fault in published().check(entry))

    if npm.runs_here():
        harness.log_observers.append(judge)
    yield faults
    assert not faults


@pytest.fixture(autouse=True)
def held_to_the_contract(contract_faults: list[str]) -> Iterator[None]:
    """A test whose sandbox saw or gave something that the spec forbids fails, whatever else it asserts."""
    yield
    faults = list(contract_faults)
    contract_faults.clear()
    assert not faults, "\n".join(dict.fromkeys(faults))
