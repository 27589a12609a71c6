"""agentctl: what `from agentctl import …` offers, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import agentctl
from agentctl import __main__


def test_every_public_name_is_there_and_a_wrong_one_is_an_attribute_error() -> None:
    for name in agentctl.__all__:
        assert getattr(agentctl, name).__doc__
    with pytest.raises(AttributeError, match="apyl"):
        _ = agentctl.apyl


def test_names_are_those_of_their_homes() -> None:
    from agentctl.verbs.sync import apply
    from agentctl.wiring import connect

    assert agentctl.apply is apply
    assert agentctl.connect is connect


def test_importing_it_loads_nothing_but_python_itself() -> None:
    program = "import sys; before = set(sys.modules); import agentctl; print(*sorted(set(sys.modules) - before))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = ended.stdout.split()
    assert [name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names] == ["agentctl"]


def test_python_m_agentctl_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["agentctl", "--version"])
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"agentctl {version('agentctl')}\n"
