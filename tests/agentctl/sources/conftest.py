from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agentctl.sources.disk import DiskProject


@pytest.fixture
def project(tmp_path: Path) -> DiskProject:
    return DiskProject(tmp_path / "project")


@pytest.fixture
def wrong(project: DiskProject) -> Callable[[str], list[str]]:
    """The problems of a project whose only assistant declares this beside its name."""

    def check(toml: str) -> list[str]:
        project.assistant("reception", f'name = "Reception"\n{toml}\n')
        return project.problems()

    return check
