"""agentctl rename: another key for an assistant that stays what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agentctl.cli.session import Json, Yes, confirm, connected, end, say
from agentctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentctl.sync.apply import Applied
    from agentctl.verbs.rekeying.learning import Lesson
    from agentctl.verbs.rekeying.rename import Renaming
    from agentctl.wiring import Control


def rename(
    old: Annotated[str | None, typer.Argument(metavar="OLD", help="Its key now.")] = None,
    new: Annotated[str | None, typer.Argument(metavar="NEW", help="The key that it is to have.")] = None,
    seen: Annotated[
        bool, typer.Option("--seen", help="Take into renames.toml what it lacks: these files are the newest.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Give an assistant another key: its folder is renamed, and its agent, documents and numbers keep their ids."""
    if seen and old is None and not json:
        return _take(yes=yes)
    if old is None or new is None or seen:
        raise UsageError("give OLD and NEW, or --seen alone")
    return _rename(old, new, yes=yes, json=json)


def _take(*, yes: bool) -> None:
    """Write what the store has seen into the files' list."""

    async def run(control: Control) -> Sequence[str]:
        from agentctl.verbs.exclusive import exclusive
        from agentctl.verbs.renaming import recorded

        async with exclusive(control):
            missed = (await recorded.missed(control)).renames
            if missed:
                say("These files are said to have seen: " + ", then ".join(one.command for one in missed))
                confirm("Are they newer than that?", yes=yes)
            return [one.command for one in await recorded.take(control)]

    taken = connected(run)
    print(f"renames.toml has {len(taken)} more now: commit it." if taken else "renames.toml lacks none.")


def _rename(old: str, new: str, *, yes: bool, json: bool) -> None:
    async def run(control: Control) -> tuple[Renaming, Applied] | Lesson:
        from agentctl.verbs.exclusive import exclusive
        from agentctl.verbs.rekeying import learning
        from agentctl.verbs.rekeying import rename as verbs

        async with exclusive(control):
            if lesson := await learning.look(control, old, new):
                say(_told(lesson))
                confirm("Learn it?", yes=yes)
                await learning.learn(control, lesson)
                return lesson
            renaming = await verbs.look(control, old, new)
            say(_what(renaming))
            confirm("Rename it?", yes=yes)
            return renaming, await verbs.rename(control, renaming)

    done = connected(run)
    if not isinstance(done, tuple):
        learnt = f"{old} stays {old}; the rename is known here now." if done.other else f"{old} is {new} now."
        print("{}" if json else learnt)
        return
    _print(*done, json=json)
    end(done[1])


def _told(lesson: Lesson) -> str:
    old, new = lesson.rename.old, lesson.rename.new
    if lesson.other:
        what = f"{old} is another assistant here: what became {new} is agent {lesson.other}, which has its mark"
        return f"renames.toml has it, done with another store. {what}; {old} keeps its key, and nothing else is written"
    return f"renames.toml has it, done with another store: what is {old} here is {new} then; nothing else is"


def _what(renaming: Renaming) -> str:
    folder = f"assistants/{renaming.old} becomes assistants/{renaming.new}"
    taking = f"assistants/{renaming.new} takes over what was {renaming.old}'s"
    if renaming.again:
        taking = f"{renaming.old} was given the key {renaming.new} before; what may be left of that follows"
    lines = [folder if renaming.moves else taking]
    if renaming.agent_id:
        lines.append(f"agent {renaming.agent_id} stays; its tag and the names of its documents say {renaming.new} then")
    if renaming.displaced:
        left = f"what {renaming.new} was is {renaming.displaced} then, which no file declares: agentctl sync --prune"
        lines.append(f"{left} deletes it, nothing else does")
    lines += [f"{one.where} names it, and is rewritten" for one in renaming.mentions]
    taken = f"names {renaming.old}, which is another folder now, and is left as it is: see which one it means"
    lines += [f"{where} {taken}" for where in renaming.unsure]
    return "\n".join(lines)


def _print(renaming: Renaming, applied: Applied, *, json: bool) -> None:
    from agentctl.cli import render

    if json:
        face = {"old": renaming.old, "new": renaming.new, "agent_id": renaming.agent_id}
        print(render.to_json({**face, **render.applied_json(applied)}))
        return
    lines = [render.failure_text(failure) for failure in applied.failures]
    held = [f"{one.desired.kind} {one.desired.key}" for one in applied.held]
    lines += [f"held back: {', '.join(held)}"] if held else []
    lines += [str(notice) for notice in applied.plan.notices]
    lines += (
        ["The next sync writes what is left."]
        if applied.failures or not all(one.contested for one in applied.held)
        else []
    )
    print("\n".join([*lines, f"{renaming.old} is {renaming.new} now."]))
