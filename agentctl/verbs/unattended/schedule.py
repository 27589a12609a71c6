"""What has a sync run every so often, ready to be copied: for cron, systemd, GitHub Actions and a hosted Postgres.

Pure text. Each form quotes a project's directory by its own rules, and none holds a secret.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agentctl.errors import UsageError
from agentctl.resources.assistant import KEY
from agentctl.verbs.address import need_open_url, need_root_url
from agentctl.verbs.commands import addressed
from agentctl.verbs.unattended.limit import AFTER_SECONDS

Form = Literal["crontab", "systemd", "github", "pg_cron"]

_PERIOD = re.compile(r"([1-9]\d{0,3})([mhd])")
_MINUTES = {"m": 1, "h": 60, "d": 1440}
_LONGEST = 86_400  # seconds; `sync --timeout` takes no more
_OF_GITHUB = 360  # minutes after which it ends a job


@dataclass(frozen=True)
class Schedule:
    """What is to run and how often. `program`: how agentctl is started on this machine. `inside`: the project's
    directory as its repository sees it. `url`: where a hosted `serve` is reached, without a path, and `url_of`: the
    option or variable that said so. `mail`: whether the project says whom to tell. `gate`: for how many seconds a gate
    may wait in one run. `secrets`: names of the variables that hold the key, then of those for store and mail. `plain`:
    settings that are no secrets and without which a sync would go elsewhere, by their variables' names.
    """

    program: Sequence[str]
    directory: Path
    every: str = "15m"
    inside: str = "."
    environment: str | None = None
    project: str = ""
    url: str | None = None
    url_of: str = "--url"
    stateless: bool = False
    mail: bool = False
    gate: float = 0.0
    secrets: Sequence[str] = ("ELEVENLABS_API_KEY", "DATABASE_URL")
    plain: Mapping[str, str] = field(default_factory=dict)

    @property
    def minutes(self) -> int:
        """Between two runs. Raises UsageError for a period that cannot be meant."""
        found = _PERIOD.fullmatch(self.every)
        if not found:
            raise UsageError(f"--every: {self.every!r} is no period", "Write it like 15m, 6h or 1d.")
        minutes = int(found[1]) * _MINUTES[found[2]]
        if minutes > 1440 * 7:
            raise UsageError(f"--every: {self.every} is more than a week", "Drift should be seen sooner.")
        return minutes

    @property
    def cron(self) -> str:
        """The five fields of cron. Raises UsageError for a period that they cannot express evenly."""
        minutes = self.minutes
        if minutes < 60 and 60 % minutes == 0:
            return f"*/{minutes} * * * *" if minutes > 1 else "* * * * *"
        if minutes % 60 == 0 and minutes <= 720 and 24 % (minutes // 60) == 0:
            return f"7 */{minutes // 60} * * *" if minutes > 60 else "7 * * * *"
        if minutes == 1440:
            return "7 4 * * *"
        hint = "Evenly go 1, 2, 3, 4, 5, 6, 10, 12, 15, 20 and 30 minutes, 1, 2, 3, 4, 6, 8 and 12 hours, 1 day."
        raise UsageError(f"--every: cron cannot express every {self.every}", hint)

    @property
    def seconds(self) -> int:
        """Between two runs."""
        return self.minutes * 60

    @property
    def jitter(self) -> int:
        """The longest pause before a run, in seconds: a tenth of the period, a minute at most."""
        return min(60, self.seconds // 10)

    @property
    def timeout(self) -> int:
        """The longest run, in seconds: without what its gate may wait, it should be over before the next one begins,
        what comes after its limit included.
        """
        return self.bounded(min(600, int((self.seconds - self.jitter - AFTER_SECONDS) * 0.8)))

    def bounded(self, usual: int) -> int:
        """The longest run, in seconds, that without a gate may take `usual` seconds."""
        return min(_LONGEST, usual + ceil(self.gate))


def printed(form: Form, schedule: Schedule) -> str:
    """The text of one form. Raises UsageError for what it cannot express."""
    _must_be_printable(schedule)
    _must_be_heeded(form, schedule)
    view = {"crontab": _crontab, "systemd": _systemd, "github": _github, "pg_cron": _pg_cron}[form](schedule)
    described = {"every": schedule.every, "description": _name(schedule), "title": f"sync {_name(schedule)}"}
    return _environment().get_template(f"{form}.j2").render({**described, **view})


def _crontab(schedule: Schedule) -> dict[str, Any]:
    words = _sync(schedule, str(schedule.directory), "--jitter", str(schedule.jitter))
    # To cron a percent sign is the end of the line unless a backslash stands before it, within quotes as well.
    return {"cron": schedule.cron, "command": shlex.join(words).replace("%", r"\%")}


def _systemd(schedule: Schedule) -> dict[str, Any]:
    unit = f"agentctl-sync-{_unique(schedule)}"
    command = " ".join(_for_systemd(word) for word in _sync(schedule, str(schedule.directory)))
    return {"unit": unit, "command": command, "seconds": schedule.seconds, "jitter": schedule.jitter,
            "mail": schedule.mail, "description": _name(schedule).replace("%", "%%")}  # fmt: skip


def _github(schedule: Schedule) -> dict[str, Any]:
    if schedule.minutes < 5:
        raise UsageError("--every: GitHub runs nothing more often than every 5 minutes", "Use 5m or more.")
    for name, value in schedule.plain.items():
        from_github = f"{name}: ${{{{ secrets.{name} }}}}"
        need_open_url(name, value, f"Set it without for this command, and write into the workflow: {from_github}")
        if "${{" in value:
            raise UsageError(f"{name}: {value!r} would be an expression to GitHub", "Set another address.")
    # Not to be taken for an option, whatever the directory is called.
    inside = f"./{schedule.inside}" if schedule.inside.startswith("-") else schedule.inside
    start = ["agentctl", "-C", inside, *_chosen(schedule)]
    timeout = schedule.bounded(1200)
    minutes = ceil(timeout / 60) + 10  # to install it, and to keep the report
    if minutes > _OF_GITHUB:
        what = f"a gate may wait {schedule.gate:g} s, and GitHub ends a job after {_OF_GITHUB} minutes"
        raise UsageError(what, "Set [sync] gate_timeout in agentctl.toml to less, or use another form.")
    options = ["--yes", "--quiet", "--timeout", str(timeout), "--report", "agentctl-report.json"]
    # The store of a run that has none of its own ends with it, and what was told with that.
    options += ["--stateless"] if schedule.stateless else ["--mail"] if schedule.mail else []
    return {
        "cron": schedule.cron,
        "unique": _unique(schedule),
        "secrets": schedule.secrets[:1] if schedule.stateless else schedule.secrets,
        # JSON is YAML, and a text of it holds whatever is in a URL.
        "plain": {name: json.dumps(value) for name, value in schedule.plain.items()},
        "again": addressed("agentctl plan", schedule.environment),
        "plan": shlex.join([*start, "plan", "--exit-code"]),
        # As a block, so that no character of a path means anything to YAML.
        "sync": f"|\n          {shlex.join([*start, 'sync', *options])}",
        "minutes": minutes,
    }


def _pg_cron(schedule: Schedule) -> dict[str, Any]:
    if not schedule.url:
        raise UsageError(
            "pg_cron has to know where `agentctl serve` is reached", "Set PUBLIC_URL, or use --url https://…"
        )
    from agentctl.trigger import PATH

    need_root_url(schedule.url_of, schedule.url)
    url = schedule.url.rstrip("/") + PATH
    if "$agentctl$" in url or "$agentctl$" in _name(schedule):
        raise UsageError(f"{schedule.url_of}: must not contain $agentctl$")
    return {"cron": schedule.cron, "name": _literal(f"agentctl sync {_name(schedule)}"), "url": _literal(url)}


def _sync(schedule: Schedule, directory: str, *more: str) -> list[str]:
    start = [*schedule.program, "-C", directory, *_chosen(schedule)]
    return [
        *start,
        "sync",
        "--yes",
        "--quiet",
        "--timeout",
        str(schedule.timeout),
        *more,
        *(["--stateless"] if schedule.stateless else []),
        *(["--mail"] if schedule.mail else []),
    ]


def _chosen(schedule: Schedule) -> list[str]:
    return ["--env", schedule.environment] if schedule.environment else []


def _unique(schedule: Schedule) -> str:
    """What keeps apart the files of several projects, and of several environments of one: no key has a dot in it."""
    if not KEY.fullmatch(schedule.project):
        raise UsageError(f"{schedule.project!r} is no name of a project")
    return ".".join(part for part in (schedule.project, schedule.environment) if part)


def _name(schedule: Schedule) -> str:
    return "/".join(part for part in (schedule.project or schedule.directory.name, schedule.environment) if part)


def _must_be_printable(schedule: Schedule) -> None:
    if schedule.environment is not None and not KEY.fullmatch(schedule.environment):
        raise UsageError(f"--env: {schedule.environment!r} is no name of an environment")
    for word in (*schedule.program, str(schedule.directory), schedule.inside):
        if not word.isprintable():
            raise UsageError(f"{word!r} has a character that no schedule can hold", "Rename that directory.")
    if "${{" in schedule.inside:
        raise UsageError(f"{schedule.inside!r} would be an expression to GitHub", "Rename that directory.")


def _must_be_heeded(form: Form, schedule: Schedule) -> None:
    """Raise UsageError for an option that this form has no use for: whoever gave it meant something by it."""
    if form != "pg_cron" and schedule.url and schedule.url_of == "--url":
        raise UsageError(f"--url is for pg_cron: {form} starts agentctl itself", "Leave it out, or choose that form.")
    if form == "pg_cron" and schedule.stateless:
        what = "--stateless is for forms that start agentctl: pg_cron asks `agentctl serve`, which has a store"
        raise UsageError(what, "Leave it out, or choose another form.")


def _for_systemd(word: str) -> str:
    """One word of ExecStart (systemd.service(5), "Command lines"): % and $ mean something even within quotes."""
    safe = word.replace("\\", r"\\").replace('"', r"\"").replace("%", "%%").replace("$", "$$")
    return f'"{safe}"' if re.search(r"[^\w@./:=+,-]", word) else safe


def _literal(text: str) -> str:
    """A string of SQL; `standard_conforming_strings` is on everywhere since Postgres 9.1."""
    return "'" + text.replace("'", "''") + "'"


@cache
def _environment() -> Environment:
    # The marks of prompts: {{ }} belongs to GitHub here.
    return Environment(
        loader=FileSystemLoader(Path(__file__).parents[2] / "templates" / "schedule"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  (plain text; each form quotes by its own rules above)
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
