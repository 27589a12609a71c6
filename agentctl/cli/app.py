"""The command line: what all commands have in common, and how a failure leaves the process.

Command modules import what they need inside the command, so that `--help` loads typer and nothing else; of them only
the one that is named is loaded.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Sequence
from contextvars import copy_context
from pathlib import Path
from typing import Annotated

import typer

from agentctl.cli import logs, session
from agentctl.cli.command_line import DIRECTORY, ENVIRONMENT
from agentctl.cli.commands import STYLE, Group
from agentctl.cli.logs import LogFormat
from agentctl.cli.veil import CURTAIN, Curtain
from agentctl.errors import AgentctlError, UsageError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_INTERRUPTED = 130  # as shells count it: 128 and the number of SIGINT

app = typer.Typer(
    name="agentctl",
    help="Phone assistants as files: plan, sync, numbers, calls.",
    cls=Group,
    no_args_is_help=True,
    **STYLE,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"agentctl {version('agentctl')}")
        raise typer.Exit


@app.callback()
def root(
    directory: Annotated[
        Path,
        typer.Option("--directory", "-C", help="Directory of the project (default: here or the nearest above).",
                     exists=True, file_okay=False),
    ] = Path("."),
    environment: Annotated[
        str | None,
        typer.Option("--env", metavar="NAME", help="Environment of the project (default: AGENTCTL_ENV, else its own)."),
    ] = None,
    log_format: LogFormat = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:  # fmt: skip
    """Phone assistants as files: plan, sync, numbers, calls."""
    CURTAIN.set(Curtain())
    DIRECTORY.set(directory)
    logs.anew(log_format)
    if environment == "":  # an unset variable of a script must not mean production
        raise UsageError("--env needs the name of an environment", "Leave it out for the project's own.")
    ENVIRONMENT.set(environment)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 usage or configuration, 3 changes pending.

    Its project and environment end with it: the next one in the same process names its own.
    """
    return copy_context().run(_run, arguments)


def _run(arguments: Sequence[str]) -> int:
    try:
        typer.main.get_command(app).main(list(arguments), prog_name="agentctl")
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            return _fail("stopped", _INTERRUPTED)  # typer has caught Ctrl-C itself and said nothing
        return ended.code if isinstance(ended.code, int) else 1
    except AgentctlError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("stopped", _INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return _fail(f"the output could not be written: {error.strerror}", 1)
        place = traceback.extract_tb(error.__traceback__)[-1]
        return _fail(
            f"agentctl itself failed: {type(error).__name__} in {Path(place.filename).name}:{place.lineno}\n"
            "  This is a bug. Please report it with this line and what you ran.",
            1,
        )
    return 0


def _fail(message: str, code: int) -> int:
    session.say(f"error: {message}")
    return code
