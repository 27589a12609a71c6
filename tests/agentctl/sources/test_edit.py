from pathlib import Path

import pytest

from agentctl.errors import ConfigurationError, UsageError
from agentctl.sources.edit import add_number
from tests.agentctl.sources.disk import DiskProject

NUMBER, OTHER = "+498999998100", "+498999998101"
TOML = "assistants/reception/assistant.toml"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('name = "x"  # a\n', f'name = "x"  # a\n\n[phone]\nnumbers = ["{NUMBER}"]\n'),
        ('name = "x"\n[phone]\n# none yet\n\n[voice]\nspeed = 1.0 # b\n', None),
        (
            f'name = "x"\nphone = {{ numbers = ["{OTHER}"] }}\n',
            f'name = "x"\nphone = {{ numbers = ["{OTHER}", "{NUMBER}"] }}\n',
        ),
        (
            f'name = "x"\nphone.numbers = ["{OTHER}"]  # c\n',
            f'name = "x"\nphone.numbers = ["{OTHER}", "{NUMBER}"]  # c\n',
        ),
        (f'name = "x"\n[phone]\nnumbers = [\n    "{OTHER}",  # d\n]\n', None),
        ('name = "x"\n[[knowledge]]\nname = "y"\ntext = "z"\n', None),
        ('name = "x"\r\n[phone]\r\nnumbers = []\r\n', f'name = "x"\r\n[phone]\r\nnumbers = ["{NUMBER}"]\r\n'),
        ('\ufeffname = "x"\n[phone]\nnumbers = []\n', f'\ufeffname = "x"\n[phone]\nnumbers = ["{NUMBER}"]\n'),
    ],
)
def test_the_number_is_added_and_all_else_stays(project: DiskProject, before: str, after: str | None) -> None:
    path = project.write(TOML, before)
    assert add_number(project.root, "reception", NUMBER) is True
    edited = path.read_bytes().decode()
    if after is not None:
        assert edited == after
    for comment in ("# a", "# b", "# c", "# d", "# none yet"):
        assert (comment in edited) == (comment in before)
    (assistant,) = project.load().checked().assistants
    assert assistant.phone.numbers[-1] == NUMBER
    assert add_number(project.root, "reception", NUMBER) is False
    assert path.read_bytes().decode() == edited
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["assistant.toml", "prompt.md"]


def test_permissions_and_links_stay(project: DiskProject, tmp_path: Path) -> None:
    real = project.write("elsewhere/real.toml", 'name = "x"\n')
    real.chmod(0o640)
    link = project.root / TOML
    link.unlink()
    link.symlink_to(real)
    assert add_number(project.root, "reception", NUMBER)
    assert link.is_symlink()
    assert NUMBER in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_what_cannot_be_edited(project: DiskProject) -> None:
    with pytest.raises(UsageError, match=r"E\.164"):
        add_number(project.root, "reception", "089 99998100")
    with pytest.raises(UsageError, match="there is no assistant 'night'"):
        add_number(project.root, "night", NUMBER)
    path = project.write(TOML, "name = ")
    with pytest.raises(ConfigurationError, match="is not valid TOML"):
        add_number(project.root, "reception", NUMBER)
    assert path.read_text() == "name = "
    project.write(TOML, 'name = "x"\nphone = 5\n')
    with pytest.raises(ConfigurationError, match=r"phone\.numbers: cannot be edited; add \+498999998100 by hand"):
        add_number(project.root, "reception", NUMBER)
