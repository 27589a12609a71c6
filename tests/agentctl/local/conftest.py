import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentctl.local.postgres import stop

NOBODY = 65534


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Path]:
    """A project's `.agentctl` that does not exist yet; its server is stopped in the end."""
    directory = tmp_path / ".agentctl"
    yield directory
    await stop(directory)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project") / ".agentctl"


@pytest.fixture
async def kept(made: Path) -> AsyncIterator[Path]:
    """A project's `.agentctl` whose data directory exists already, unless this is the module's first test."""
    yield made
    await stop(made)


@pytest.fixture
async def nobodys() -> AsyncIterator[Path]:
    """A directory that belongs to an ordinary account and that it can reach. Root only."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else; as an ordinary user all other tests show the same")
    folder = Path(tempfile.mkdtemp(prefix="agentctl-test-", dir="/tmp"))
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    await stop(folder / ".agentctl")
    shutil.rmtree(folder)
