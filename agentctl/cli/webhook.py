"""agentctl webhook register, status, send; `rotate` and `enable` have files of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from agentctl.cli import enabling, rotation
from agentctl.cli.secret import NewSecret, WriteEnv
from agentctl.cli.session import Json, Yes, confirm, connected, say
from agentctl.cli.tenanted import OfWorkspace
from agentctl.cli.veil import shown

if TYPE_CHECKING:
    from agentctl.sync.plan import Plan
    from agentctl.verbs.post_call.webhook import Registered, Registration, Sent, Status
    from agentctl.wiring import Control

app = typer.Typer(help="The way from ElevenLabs to the door.", no_args_is_help=True, rich_markup_mode=None)
app.command("rotate", cls=OfWorkspace)(rotation.rotate)
app.command("enable", cls=OfWorkspace)(enabling.enable)

Sample = Literal["transcript", "audio", "failure", "unknown"]


@app.command(cls=OfWorkspace)
def register(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Where the door is reached: https://…/webhooks/elevenlabs.")
    ],
    workspace: Annotated[
        bool, typer.Option("--workspace", help="Serve all agents of the workspace that have no webhook of their own.")
    ] = False,
    write_env: WriteEnv = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Have ElevenLabs deliver every call to a door; shows the secret once.

    Exit code 3: something else of an agent's delivery, such as its events, stays as it was changed at the platform.
    """

    async def run(control: Control) -> bool:
        from agentctl.cli import render
        from agentctl.verbs.post_call import webhook as verbs

        found = await verbs.look(control, url, workspace=workspace)
        _ask(found, yes=yes)
        hook = NewSecret(control, write_env=write_env, json=json)
        try:
            done = await verbs.register(control, found, on_created=hook.made, on_plan=None if json else _show_plan)
        except BaseException:
            # Whatever ends this, the secret of a webhook that exists must not be lost with it.
            if json and hook.shown:
                print(render.to_json({**hook.shown, "ok": False}))
                await hook.told()
            raise
        print(render.to_json(_registered_json(done, hook)) if json else _registered_text(done))
        await hook.told()
        for notice in done.notices:
            say(f"note: {notice}")
        hook.end()
        return bool(done.held)

    if connected(run):
        raise typer.Exit(3)


@app.command(cls=OfWorkspace)
def status(json: Json = False) -> None:
    """Show how the platform sees the webhook: disabled, last failure, which agents deliver to it."""

    async def run(control: Control) -> Status:
        from agentctl.verbs.post_call import webhook as verbs

        return await verbs.status(control)

    from agentctl.cli import render

    found = connected(run)
    print(render.to_json(status_json(found)) if json else _status_text(found))
    if not found.ok:
        raise typer.Exit(1)


@app.command(cls=OfWorkspace)
def send(
    url: Annotated[str, typer.Argument(metavar="URL", help="The door's address.")],
    kind: Annotated[Sample | None, typer.Option("--type", help="Which sample; default: transcript.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="F", help="Send this file's bytes instead of a sample.")
    ] = None,
    json: Json = False,
) -> None:
    """Post a signed sample to a door and report what it answers; exit 1 unless 200."""
    from agentctl.cli import render
    from agentctl.errors import UsageError

    if kind is not None and file is not None:
        raise UsageError("--type and --file exclude each other", "A file is sent as it is.")

    async def run(control: Control) -> Sent:
        from agentctl.verbs.post_call import webhook as verbs

        return await verbs.send(control, url, kind=kind or "transcript", file=file)

    sent = connected(run)
    print(render.to_json(_sent_json(sent)) if json else _sent_text(sent))
    if not sent.ok:
        say(sent.hint)
        raise typer.Exit(1)


def _ask(found: Registration, *, yes: bool) -> None:
    for reason in found.needs_yes:
        say(f"! {reason}")
    if found.needs_yes:
        confirm(f"Deliver to {shown(found.url)} instead?", yes=yes)


def _show_plan(plan: Plan) -> None:
    from agentctl.cli import render

    print(render.plan_text(plan), flush=True)


def _registered_text(done: Registered) -> str:
    from agentctl.cli.addressed import addressed
    from agentctl.cli.render import held_text, plain
    from agentctl.verbs.remedy import together

    lines = [] if done.created else [f"webhook {done.webhook.webhook_id} -> {plain(shown(done.webhook.url))} is there."]
    lines.append("Failed deliveries are repeated (5 attempts within 41 minutes).")
    if done.agents:
        lines.append(f"It gets the calls of: {', '.join(done.agents)}.")
    if done.unsynced:
        what = "; agentctl sync makes agents that deliver to it."  # elsewhere they may have some, as who moved has
        lines.append(addressed(f"Without an agent in this workspace yet: {', '.join(done.unsynced)}{what}"))
    if done.workspace is not None:
        lines.append("The workspace's default leads to it" + (" now." if done.workspace else " already."))
    lines += [held_text(change) for change in done.held]
    lines += [addressed(line) for line in together(done.held)]
    return "\n".join(lines)


def _registered_json(done: Registered, hook: NewSecret) -> dict[str, Any]:
    from agentctl.cli import render
    from agentctl.cli.addressed import addressed

    return {
        "ok": True,
        "webhook_id": done.webhook.webhook_id,
        "url": shown(done.webhook.url),
        "created": done.created,
        "secret": done.secret.get_secret_value() if done.secret else None,
        "env_file": str(hook.env_file) if hook.env_file else None,
        "retries": True,
        "agents": list(done.agents),
        "changed": list(done.changed),
        "held": render.held_json(done.held),
        "unsynced": list(done.unsynced),
        "workspace": done.workspace,
        "notices": [addressed(notice) for notice in done.notices],
    }


def status_json(found: Status) -> dict[str, Any]:
    """The face of `webhook status --json`."""
    from agentctl.cli.addressed import addressed

    hook = found.webhook
    failed = None
    if hook is not None and hook.failed_at is not None:
        failed = {"code": hook.failure_code, "at": _time(hook.failed_at)}
    return {
        "ok": found.ok,
        "webhook_id": found.webhook_id,
        "exists": hook is not None,
        "url": shown(hook.url) if hook else None,
        "name": hook.name if hook else None,
        "disabled": hook.disabled if hook else None,
        "auto_disabled": hook.auto_disabled if hook else None,
        "last_failure": failed,
        "failing": found.failing,
        "agents": [
            {
                "assistant": bound.assistant,
                "agent_id": bound.agent_id,
                "bound": bool(bound.through),
                "through": bound.through or None,
                "webhook_id": bound.webhook_id,
                "missing_events": list(bound.missing),
            }
            for bound in found.agents
        ],
        "workspace_webhook_id": found.workspace,
        "rotation": rotation.rotation_json(found.rotation) if found.rotation else None,
        "problems": [addressed(problem) for problem in found.problems],
    }


def _status_text(found: Status) -> str:
    from agentctl.cli.render import paint, plain, told

    if not found.is_needed:
        return "no webhook is registered, and none is needed: no assistant is in this workspace"
    lines = []
    if found.webhook is not None:
        hook = found.webhook
        state = "switched off by ElevenLabs" if hook.auto_disabled else "switched off" if hook.disabled else "on"
        lines += [f"webhook {hook.webhook_id} ({plain(hook.name)})", f"  URL           {plain(shown(hook.url))}"]
        lines += [f"  state         {state}"]
        answer = hook.failure_code if hook.failure_code is not None else "no answer"
        lines += [f"  last failure  {f'{_time(hook.failed_at)}: {answer}' if hook.failed_at else 'none'}"]
    for bound in found.agents:
        lines.append(f"  agent         {bound.assistant}: {_bound_text(bound.through)}")
    if found.rotation is not None:
        lines.append(f"  rotation      {rotation.rotation_text(found.rotation)}")
    lines += [f"{paint('problem:', 31)} {told(problem)}" for problem in found.problems]
    return "\n".join(lines)


def _bound_text(through: str) -> str:
    return {"agent": "bound", "workspace": "bound by the workspace's default"}.get(through, "not bound")


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sent_text(sent: Sent) -> str:
    from agentctl.cli.render import plain

    said = f": {plain(sent.text)}" if sent.text else ""
    event = f"{sent.type} {sent.conversation_id or '(no conversation_id)'}"
    return f"{plain(event)} -> {plain(shown(sent.url))}\n{sent.status} after {sent.seconds * 1000:.0f} ms{said}"


def _sent_json(sent: Sent) -> dict[str, Any]:
    from agentctl.cli.addressed import addressed

    return {
        "ok": sent.ok,
        "url": shown(sent.url),
        "type": sent.type,
        "conversation_id": sent.conversation_id,
        "status": sent.status,
        "answer": sent.text,
        "milliseconds": round(sent.seconds * 1000),
        "hint": addressed(sent.hint),
    }
