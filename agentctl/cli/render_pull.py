"""What a pull found, as text for a person and as JSON for a program."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from agentctl.cli.addressed import addressed
from agentctl.cli.render import failure_json, failure_text, paint, plain, told
from agentctl.cli.veil import both_shown, secrets_in, veiled
from agentctl.errors import Problem
from agentctl.secrecy.facing import faced
from agentctl.secrecy.secret import masked, secrets
from agentctl.secrecy.veil import NEARBY, Veil
from agentctl.verbs.pulling.candidates import called

if TYPE_CHECKING:
    from agentctl.sources.pulled import Rewrite
    from agentctl.sync.plan import Failure
    from agentctl.verbs.pulling.adopting import Adopting, Adoption
    from agentctl.verbs.pulling.pull import Pull

_RANGE = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


def pull_text(found: Pull, new: Adopting) -> str:
    """What would be written, as a unified diff; the new files; then what cannot be taken, then the count."""
    veil = _veil(found)
    lines = [line for rewrite in found.files for line in _diff(rewrite, veil)]
    lines += [line for adoption in new.adoptions for line in _new(adoption)]
    lines += [f"{paint('note:', 36)} {told(problem)}" for problem in (*new.notes, *_exposing(found, new))]
    left = (*found.left, *new.left)
    lines += [veil(f"{paint('left:', 33)} {told(problem)}") for problem in left]
    lines += [failure_text(failure) for failure in found.failures]
    rest = f", {len(left)} left as they are" if left else ""
    taken = [f"{len(found.taken)} to take into {_count(len(found.files), 'file')}"] if found.taken else []
    taken += [f"{_count(len(new.adoptions), 'agent')} to adopt"] if new.adoptions else []
    lines.append(f"Pull: {', '.join(taken)}{rest}." if taken else f"Nothing to take{rest}.")
    return "\n".join(lines)


def pull_json(found: Pull, new: Adopting, failures: Sequence[Failure] = ()) -> dict[str, Any]:
    """The face of `pull --json`."""
    return {
        "files": [rewrite.where for rewrite in found.files],
        "taken": [
            {
                "assistant": one.assistant,
                "kind": one.kind,
                "path": one.path,
                "from": ours,
                "to": theirs,
            }
            for one in found.taken
            for ours, theirs in (both_shown(one.ours, one.theirs, tuple(one.path.split("."))),)
        ],
        "adopted": [
            {
                "assistant": one.key,
                "agent_id": one.agent_id,
                "name": one.name,
                "files": sorted(one.sheet.files()),
                "marked": one.marks,
                "renamed": list(one.renames),
            }
            for one in new.adoptions
        ],
        "left": [_problem(problem) for problem in (*found.left, *new.left)],
        "notes": [_problem(problem) for problem in (*new.notes, *_exposing(found, new))],
        "failures": [failure_json(one) for one in (*found.failures, *failures)],
    }


def _problem(problem: Problem) -> dict[str, str]:
    return {"where": problem.where, "what": addressed(problem.what)}


def _exposing(found: Pull, new: Adopting) -> list[Problem]:
    """The files that would hold a secret which they did not: what is written is what is there."""
    pairs = [(one.where, one.before, one.after) for one in found.files]
    sheets = [one.sheet.files().items() for one in new.adoptions]
    pairs += [(where, "", content.decode(errors="replace")) for files in sheets for where, content in files]
    return [Problem(where, what) for where, old, text in pairs if (what := _exposed(where, old, text))]


def _exposed(where: str, old: str, text: str) -> str:
    if secrets_in(str(masked(text))) - secrets_in(old):  # what an address says is told below
        whose = "a secret of this project's"
    elif {*secrets(_said(where, text))} - {*secrets(_said(where, old))}:
        whose = "an address with a secret in it"
    else:
        return ""
    return f"would hold {whose}, which stands in a text at the platform; better take it out there"


def _veil(found: Pull) -> Veil:
    """What is taken or replaced, and what stands beside it in a file."""
    veil = Veil(shortest=NEARBY)
    for one in found.taken:
        for side in (one.ours, one.theirs):
            veil.add(*secrets(side, tuple(one.path.split("."))))
    for rewrite in found.files:
        for text in (rewrite.before, rewrite.after):
            veil.add(*secrets(_said(rewrite.where, text)))
    return veil


def _said(where: str, text: str) -> Any:
    """What the text of a file says: a TOML file its table."""
    if not where.endswith(".toml"):
        return text
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return text


def _new(adoption: Adoption) -> Iterator[str]:
    """A new assistant: its settings in full, its other files by name, and what becomes ours at the platform."""
    yield f"{paint('new:', 32)} {adoption.key}: agent {plain(called(adoption.name))} ({adoption.agent_id})"
    for where, content in adoption.sheet.files().items():
        yield f"  + {plain(where)} ({_count(len(content), 'byte')})"
        if where.endswith("/assistant.toml"):
            text = content.decode()
            veil = Veil(*secrets(_said(where, text)), shortest=NEARBY)
            yield from (paint(plain(f"      {veil(veiled(line))}"), 32) for line in text.splitlines())
    marks = ["tags the agent as ours"] if adoption.marks else []
    marks += ["trims the space around its prompt"] if adoption.trims else []
    marks += [f"renames {_count(len(adoption.renames), 'document')} to say so"] if adoption.renames else []
    marks += [f"asks for {_count(adoption.indexes, 'index', 'indexes')} if there is none"] if adoption.indexes else []
    if marks:
        yield f"  at ElevenLabs: {', '.join(marks)}; nothing else there is touched"


def _diff(rewrite: Rewrite, veil: Veil) -> Iterator[str]:
    """Its lines are compared as they are, since some differ in a secret alone, and then shown without any."""
    old, new = rewrite.before.splitlines(), rewrite.after.splitlines()
    left, right = faced(*("\n".join(veil(veiled(line)) for line in side) for side in (old, new)))
    before, after = left.split("\n"), right.split("\n")
    at = [0, 0]
    lines = difflib.unified_diff(old, new, f"a/{rewrite.where}", f"b/{rewrite.where}", lineterm="")
    for number, line in enumerate(lines):
        sign = line[:1]
        if place := _RANGE.match(line):
            at = [int(place[1]) - 1, int(place[2]) - 1]
        elif number > 1:
            line = sign + (after[at[1]] if sign == "+" else before[at[0]])
            at = [at[0] + (sign != "+"), at[1] + (sign != "-")]
        colour = {"+": 32, "-": 31, "@": 36}.get(sign, 0)
        yield paint(plain(line), colour) if colour else plain(line)


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
