"""How log lines look: as text for people, or as JSON for what collects them. Messages are lines of it then."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from agentctl.cli.command_line import DIRECTORY
from agentctl.telemetry.fields import at_hand

MESSAGES = logging.getLogger("agentctl.cli")
MESSAGES.setLevel(logging.INFO)  # Somebody is meant to read them, however little else is logged.


class Level(StrEnum):
    """How much is logged."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


class Format(StrEnum):
    """As what it is logged."""

    text = "text"
    json = "json"


LogLevel = Annotated[Level, typer.Option("--log-level", help="How much to log on stderr.")]
LogFormat = Annotated[
    Format | None,
    typer.Option("--log-format", help="How log lines look (default: AGENTCTL_LOG_FORMAT, else text)."),
]
FORMAT: ContextVar[Format | None] = ContextVar("format", default=None)  # of the command at hand
_BEGUN: ContextVar[bool] = ContextVar("begun", default=False)


def structured() -> bool:
    """Whether the command at hand writes JSON: by its own option, else by the settings of its project."""
    if FORMAT.get() is None:
        from agentctl.settings import wanted_log_format
        from agentctl.sources.project import home

        FORMAT.set(Format(wanted_log_format(home(DIRECTORY.get().resolve())[0])))
    return FORMAT.get() == Format.json


def anew(form: Format | None) -> None:
    """Another command begins, and names a format or none."""
    FORMAT.set(form)
    _BEGUN.set(False)


def begin() -> None:
    """Have what is logged of a command written as JSON, if it is to be; warnings alone, unless it has said more."""
    if structured() and not _BEGUN.get():
        log_to_stderr(Level.warning)


def log_to_stderr(level: Level, form: Format | None = None) -> None:
    """One line per record, with its time; libraries only where they warn. `form`: as `--log-format` names it."""
    FORMAT.set(form or FORMAT.get())
    _BEGUN.set(True)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if structured() else _Lines("%(asctime)s %(levelname)-7s %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for ours in ("agentctl", "webhooks"):
        logging.getLogger(ours).setLevel(level.value.upper())


def log_message(text: str) -> None:
    """Log what would be said to a person, as what it begins with."""
    begin()
    word, _, rest = text.partition(": ")
    level = {"warning": logging.WARNING, "error": logging.ERROR}.get(word)
    MESSAGES.log(level or logging.INFO, "%s", rest if level else text)


class _Lines(logging.Formatter):
    """Text from outside cannot forge a line or obey a terminal; of an exception only its type and place are said."""

    def format(self, record: logging.LogRecord) -> str:
        from agentctl.cli.render import told

        return told(" ".join(super().format(record).splitlines()))

    def formatException(self, ei: Any) -> str:  # noqa: N802  (logging's name)
        return f"({_place(ei)})"


class _Json(logging.Formatter):
    """One object per line, in ASCII: time (UTC), level, logger, message, and the ids of the work at hand."""

    def format(self, record: logging.LogRecord) -> str:
        from agentctl.cli.addressed import addressed

        more: Mapping[str, Any] = getattr(record, "fields", {})
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": addressed(record.getMessage()),
            **at_hand(),
            **more,
        }
        if record.exc_info:
            line["exception"] = _place(record.exc_info)
        return json.dumps(line, default=str)


def _place(ei: Any) -> str:
    # An exception's text may quote a caller.
    frames = traceback.extract_tb(ei[2])
    place = f" in {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{ei[0].__name__}{place}"
