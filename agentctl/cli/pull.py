"""agentctl pull: what was changed at the platform, and agents that no file declares, into the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agentctl.cli.session import Json, Yes, confirm, connected
from agentctl.errors import UsageError

if TYPE_CHECKING:
    from agentctl.sync.plan import Failure
    from agentctl.verbs.pulling.adopting import Adopting
    from agentctl.verbs.pulling.pull import Pull
    from agentctl.wiring import Control

Keys = Annotated[list[str] | None, typer.Argument(metavar="[KEY...]", help="Globs of assistants.")]
Agents = Annotated[
    list[str] | None,
    typer.Option("--agent", metavar="ID[=KEY]", help="An agent that no file declares, and its key; may repeat."),
]
Every = Annotated[bool, typer.Option("--all", help="All assistants, and every agent that no file declares.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite-templates", help="Also where a prompt or first message has [[ ]] in it.")
]


def pull(
    keys: Keys = None,
    every: Every = False,
    agent: Agents = None,
    overwrite_templates: Overwrite = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Take into the files what was changed at the platform, and agents that no file declares: show, ask, write.

    What cannot be taken is named, and the exit code is 3. At the platform nothing but the mark of an agent that
    becomes ours is written.
    """
    if bool(keys or agent) == every:
        raise UsageError("name the assistants to pull, or all of them with --all")
    agents = dict(_agent(text) for text in agent or ())

    async def run(control: Control) -> tuple[Pull, Adopting, tuple[Failure, ...]]:
        from agentctl.cli.render_pull import pull_text
        from agentctl.verbs.exclusive import exclusive
        from agentctl.verbs.pulling import adopting, candidates
        from agentctl.verbs.pulling import pull as verbs

        async with exclusive(control):
            wanted = await candidates.candidates(control, keys or (), every=every, agents=agents)
            found = verbs.NOTHING
            if every or wanted.keys:
                found = await verbs.pull(control, wanted.keys, overwrite_templates=overwrite_templates)
            new = await adopting.look(control, wanted)
            if not json:
                print(pull_text(found, new), flush=True)
            if found.files or new.adoptions:
                confirm(_question(new), yes=yes)
            return found, new, await _written(control, found, new)

    _end(*connected(run), json=json)


async def _written(control: Control, found: Pull, new: Adopting) -> tuple[Failure, ...]:
    from agentctl.verbs.pulling.adoption import adopt, tidy
    from agentctl.verbs.pulling.pull import write

    await tidy(control)
    if found.files or found.texts:  # A text may read as its file does, so that only our store has to know.
        await write(control, found)
    return await adopt(control, new.adoptions) if new.adoptions else ()


def _end(found: Pull, new: Adopting, failures: tuple[Failure, ...], *, json: bool) -> None:
    from agentctl.cli import render
    from agentctl.cli.render_pull import pull_json

    if json:
        print(render.to_json(pull_json(found, new, failures)))
    else:
        for failure in failures:
            print(render.failure_text(failure))
    if found.failures or failures:
        raise typer.Exit(1)
    if found.left or new.left:
        raise typer.Exit(3)


def _agent(text: str) -> tuple[str, str]:
    agent_id, _, key = text.partition("=")
    if not agent_id or ("=" in text and not key):
        raise UsageError(f"{text!r} is no agent", "Write --agent ID or --agent ID=KEY.")
    return agent_id, key


def _question(new: Adopting) -> str:
    writes = sum(one.writes for one in new.adoptions)
    if not writes:
        return "Write this into the files?"
    return f"Write this into the files, and mark {writes} object{'' if writes == 1 else 's'} at ElevenLabs as ours?"
