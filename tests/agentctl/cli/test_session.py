"""agentctl.cli.session: which project a command means, and who says yes."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
import typer

from agentctl.cli.command_line import DIRECTORY
from agentctl.cli.session import code_of, confirm, connected, end, say
from agentctl.errors import UsageError
from agentctl.sync.applied import Applied
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Plan
from agentctl.wiring import Control
from tests.telephony import NUMBER, Bench
from tests.telephony import bench as bench


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Type = Callable[[str], None]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Type:
    """A person at a terminal. In the test itself, since pytest sets its own streams when that begins."""

    def sit_down(keys: str) -> None:
        monkeypatch.setattr("sys.stdin", Terminal(keys))
        monkeypatch.setattr("sys.stderr", Terminal())

    return sit_down


def test_yes_asks_nobody() -> None:
    confirm("Really?", yes=True)


@pytest.mark.parametrize("stream", ["stdin", "stderr"])
def test_where_nobody_can_be_asked_it_is_no(typed: Type, monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    typed("y\n")
    monkeypatch.setattr(f"sys.{stream}", io.StringIO("y\n"))
    with pytest.raises(UsageError, match="--yes") as caught:
        confirm("Really?", yes=False)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("keys", ["n\n", "\n", "perhaps\nn\n"])
def test_only_a_yes_is_a_yes(typed: Type, keys: str) -> None:
    typed(keys)
    with pytest.raises(UsageError, match="nothing was changed"):
        confirm("Really?", yes=False)


def test_a_yes_on_a_terminal(typed: Type) -> None:
    typed("y\n")
    confirm("Really?", yes=False)


def test_the_end_of_the_input_is_no_yes(typed: Type) -> None:
    typed("")
    with pytest.raises(typer.Abort):
        confirm("Really?", yes=False)


def test_a_message_goes_to_stderr_and_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("caution \x1b[2J\u202e!")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "caution \N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}!\n"


def test_a_command_finds_the_project_above_it(tmp_path: Path) -> None:
    (tmp_path / "agentctl.toml").write_text('project = "probe"\n')
    below = tmp_path / "assistants" / "empfang"
    below.mkdir(parents=True)

    async def where(control: Control) -> tuple[Path, bool]:
        return control.directory, control.has_project

    def there() -> tuple[Path, bool]:
        DIRECTORY.set(below)
        return connected(where)

    assert copy_context().run(there) == (tmp_path.resolve(), True)


def test_every_command_says_how_far_what_takes_its_time_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def work(control: Control) -> None:
        control.tell("index 3 of 5")

    def there() -> None:
        DIRECTORY.set(tmp_path)
        connected(work)

    copy_context().run(there)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "  index 3 of 5\n")


@pytest.mark.parametrize(
    ("failures", "held", "code"), [((), (), 0), ((), ("one",), 3), (("one",), (), 1), (("one",), ("one",), 1)]
)
def test_the_exit_code_of_what_was_applied(failures: tuple[Any, ...], held: tuple[Any, ...], code: int) -> None:
    applied = Applied(Plan(), (), failures, held)
    assert code_of(applied) == code
    if code == 0:
        end(applied)
        return
    with pytest.raises(typer.Exit) as caught:
        end(applied)
    assert caught.value.exit_code == code


def test_what_a_command_returns_is_not_written_out(tmp_path: Path) -> None:
    class Large:
        def __repr__(self) -> str:
            raise AssertionError("a plan of a thousand resources would take a tenth of a second")

    async def work(control: Control) -> Large:
        return Large()

    def there() -> Large:
        DIRECTORY.set(tmp_path)
        return connected(work)

    assert isinstance(copy_context().run(there), Large)


@pytest.mark.parametrize(
    ("command", "ref", "said"),
    [
        (["plan"], Ref("agent", "empfang"), True),
        (["status"], Ref("agent", "empfang"), True),
        (["pull", "empfang"], Ref("agent", "empfang"), True),
        (["import-number", NUMBER, "--assistant", "empfang", "--yes"], Ref("phone_number", NUMBER), True),
        (["webhook", "register", "https://door.example.org/webhooks/elevenlabs"], Ref("agent", "empfang"), True),
        (["sync", "--yes", "--quiet"], Ref("agent", "empfang"), False),
    ],
    ids=lambda given: given[0] if isinstance(given, list) else "",
)
def test_every_command_says_what_it_looks_for_again(bench: Bench, command: list[str], ref: Ref, *, said: bool) -> None:
    async def cut_off(control: Control) -> None:
        await (await control.bindings()).intend(ref, {}, again=False)

    bench.control(cut_off)
    _, out, err = bench(*command)
    line = f"  looking again in 0.5 s for {ref.kind} {ref.key}: an interrupted run may have made it\n"
    assert (line in err, "looking again" in out) == (said, False)
