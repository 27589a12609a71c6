"""agentctl schedule."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agentctl.cli.session import connected

if TYPE_CHECKING:
    from agentctl.wiring import Control

Form = Literal["crontab", "systemd", "github", "pg_cron"]


def schedule(
    form: Annotated[Form, typer.Argument(metavar="FORM", help="crontab, systemd, github or pg_cron.")] = "crontab",
    every: Annotated[str, typer.Option("--every", metavar="PERIOD", help="Like 15m, 6h or 1d.")] = "15m",
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="For pg_cron: where `agentctl serve` is reached.")
    ] = None,
    stateless: Annotated[
        bool, typer.Option("--stateless", help="The syncs keep no store: the files alone count. Not for pg_cron.")
    ] = False,
) -> None:
    """Print what has a sync run every so often: a crontab line, units, a workflow, a statement. Changes nothing."""

    async def text(control: Control) -> str:
        from agentctl.verbs import gate
        from agentctl.verbs.address import need_root_url
        from agentctl.verbs.unattended.schedule import Schedule, printed

        if not control.loaded.project.name:  # Nothing is printed for a wrong directory.
            control.loaded.checked()
        if url is not None:
            need_root_url("--url", url)
        public = control.settings.public_url
        wanted = Schedule(
            program=_program(),
            directory=control.directory,
            every=every,
            inside=_inside(control.directory),
            environment=control.environment,
            project=control.loaded.project.name,
            url=url or (str(public) if public else None),
            url_of="--url" if url else control.settings.variable("public_url"),
            stateless=stateless,
            mail=bool(control.loaded.project.mail_to),
            gate=gate.longest(control) if gate.wanted(control, None) else 0.0,
            secrets=_secrets(control),
            plain=_plain(control, stateless=stateless),
        )
        return printed(form, wanted)

    print(connected(text), end="")


def _secrets(control: Control) -> tuple[str, ...]:
    """The variables of the secrets that a sync elsewhere needs: for the key, then for the store and for mail."""
    settings = control.settings
    store = "supabase_service_role_key" if _on_supabase(control) else "database_url"
    route = next((name for name in ("smtp_url", "resend_api_key") if getattr(settings, name) is not None), None)
    mail = (route, "mail_from") if route and control.loaded.project.mail_to else ()
    return tuple(settings.variable(name) for name in ("elevenlabs_api_key", store, *mail))


def _plain(control: Control, *, stateless: bool) -> dict[str, str]:
    """The variables that say where a sync goes, where it is not the files that do."""
    settings, layers = control.settings, control.loaded.layers
    names = ["elevenlabs_base_url"] if "elevenlabs_base_url" in settings.model_fields_set else []
    names += ["supabase_url"] if _on_supabase(control) and not stateless else []
    return {
        settings.variable(name): str(getattr(settings, name))
        for name in names
        if layers is None or layers.values.get(name) is None
    }


def _on_supabase(control: Control) -> bool:
    return control.settings.supabase_url is not None and control.settings.database_url is None


def _program() -> list[str]:
    """How this very agentctl is started, whatever PATH says."""
    beside = Path(sys.executable).with_name("agentctl")
    return [str(beside)] if beside.is_file() else [sys.executable, "-m", "agentctl"]


def _inside(directory: Path) -> str:
    """The directory as its repository sees it; "." where there is none."""
    root = next((one for one in (directory, *directory.parents) if (one / ".git").exists()), directory)
    return str(directory.relative_to(root))
