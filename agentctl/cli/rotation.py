"""agentctl webhook rotate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.secret import NewSecret, WriteEnv
from agentctl.cli.session import Json, Yes, confirm, connected, say
from agentctl.errors import UsageError

if TYPE_CHECKING:
    from agentctl.verbs.post_call.rotation import Rotated, Rotation
    from agentctl.wiring import Control


def rotate(
    finish: Annotated[bool, typer.Option("--finish", help="Only end one that is under way; begin none.")] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Give one up whose agents are not moved: the new webhook goes.")
    ] = False,
    write_env: WriteEnv = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Replace the webhook's secret while calls go on; run it again until it says that it is done.

    It makes a second webhook, moves the agents once the door knows the new secret, and ends the old one when its
    last retry must have come. Exit code 3: it waits for something, which it names.
    """
    if finish and cancel:
        raise UsageError("--finish and --cancel exclude each other")
    if cancel:
        connected(lambda control: _cancel(control, yes=yes, json=json))
    elif connected(lambda control: _rotate(control, finish=finish, write_env=write_env, yes=yes, json=json)):
        raise typer.Exit(3)


async def _rotate(control: Control, *, finish: bool, write_env: bool, yes: bool, json: bool) -> bool:
    """Whether it waits for something."""
    from agentctl.cli.render import to_json
    from agentctl.verbs.post_call import rotation as verbs
    from agentctl.verbs.post_call.secret import variable

    found = await verbs.look(control)
    if finish and found.step == "none":
        print(to_json({"ok": True, "step": "none"}) if json else "Nothing to do: no rotation is under way.")
        return False
    if question := _QUESTIONS.get(found.step):
        confirm(question.format(found), yes=yes)
    hook = NewSecret(control, write_env=write_env, json=json)
    try:
        done = await verbs.rotate(control, found, on_created=hook.made)
    except BaseException:
        # Whatever ends this, the secret of a webhook that exists must not be lost with it.
        if json and hook.shown:
            print(to_json({**hook.shown, "ok": False}))
        raise
    doors = _READ_ANEW if control.access.workspace else _READ_ONCE
    print(to_json(_rotated_json(done, hook)) if json else _rotated_text(done, variable(control), doors))
    if done.secret is not None:
        hook.end()
    return bool(done.pending)


async def _cancel(control: Control, *, yes: bool, json: bool) -> None:
    from agentctl.cli.render import to_json
    from agentctl.verbs.post_call import rotation as verbs

    confirm("Give the rotation up and delete its new webhook?", yes=yes)
    gone = await verbs.cancel(control)
    said = f"webhook {gone} is deleted; the one before goes on as it was." if gone else "Nothing to do: there is none."
    print(to_json({"ok": True, "deleted": gone}) if json else said)


_QUESTIONS = {
    "none": "Make a second webhook with a new secret for {0.url}?",
    "make": "Make the second webhook of the rotation for {0.url} anew?",
    "prove": "Deliver to the new webhook {0.new} as soon as the door knows its secret?",
    "end": "Delete the old webhook {0.old}?",
}


def rotation_text(rotation: Rotation) -> str:
    """One line: what a rotation waits for."""
    from agentctl.cli.render import told

    if rotation.until is not None:
        return told(f"{rotation.old} goes after {_time(rotation.until)}: agentctl webhook rotate --finish")
    return told(f"{rotation.new or 'the new webhook'} waits until the door knows its secret: agentctl webhook rotate")


def rotation_json(rotation: Rotation) -> dict[str, Any]:
    """The face of a rotation in `webhook status` and `webhook rotate`."""
    return {
        "step": rotation.step,
        "old": rotation.old,
        "new": rotation.new,
        "url": rotation.url,
        "until": _time(rotation.until) if rotation.until is not None else None,
    }


def _rotated_text(done: Rotated, variable: str, doors: str) -> str:
    from agentctl.cli.render import told
    from agentctl.verbs.wording import sentence

    rotation, lines = done.rotation, []
    if done.changed:
        lines.append(f"The door knows the new secret. Now delivering to {rotation.new}: {', '.join(done.changed)}.")
    lines += [f"{told(one)}." for one in done.left]
    if done.pending and rotation.until is not None:
        lines.append(f"{sentence(told(done.pending))}: run this again after {_time(rotation.until)}.")
    elif done.pending:
        lines.append(f"No agent was moved: {told(done.pending)}.")
        say(_NEXT.format(variable, doors))
    else:
        lines.append(f"Done: webhook {rotation.old} is deleted, {rotation.new} has taken over.")
        say(
            f"The old secret is out of {done.env_file}."
            if done.env_file
            else f"Take the old secret out of {variable} where the door runs."
        )
    return "\n".join(lines)


_NEXT = """Put the new secret beside the old one, separated by a comma, into {}: here and where
the door runs. {} Then run the same again: it asks the door, and moves the agents. If the secret is
lost: agentctl webhook rotate --cancel"""
_READ_ONCE = "Restart every door."
_READ_ANEW = "A door reads it there by itself, unless it is in its process's environment: restart such a one."


def _rotated_json(done: Rotated, hook: NewSecret) -> dict[str, Any]:
    from agentctl.cli.addressed import addressed

    return {
        "ok": not done.pending,
        **rotation_json(done.rotation),
        "pending": addressed(done.pending) or None,
        "secret": done.secret.get_secret_value() if done.secret else None,
        "env_file": str(hook.env_file or done.env_file) if hook.env_file or done.env_file else None,
        "changed": list(done.changed),
        "left": [addressed(one) for one in done.left],
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
