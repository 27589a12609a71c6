"""The words for changes and failures, wherever they are told: on a terminal, in a report, in a log."""

from __future__ import annotations

from collections.abc import Mapping

from agentctl.errors import AgentctlError
from agentctl.resources import knowledge
from agentctl.sync.diff import Edit, Origin
from agentctl.sync.plan import Change, Failure

# Where a field was changed, in words.
ORIGINS: Mapping[Origin, str] = {
    "here": "changed here",
    "there": "changed at the platform",
    "both": "changed on both sides",
}


def sentence(text: str) -> str:
    """With a capital where a word begins it: an id or a number is written as it is.

    A key looks like a word, and so do some ids: texts that come here begin with what they are instead.
    """
    first = text.partition(" ")[0]
    return f"{first.capitalize()}{text[len(first) :]}" if first.isalpha() and first.islower() else text


def held_back(change: Change) -> str:
    """One change that is somebody else's to undo, in one line, with the reason for each field."""
    name = f"{change.desired.kind} {change.desired.key}"
    if change.doubt:
        return f"{name} is probably not meant"
    if change.barred:
        return f"{name} is {'deleted' if change.action == 'delete' else 'written'} by no option"
    if change.vanished:
        return f"{name} was deleted at the platform"
    why = {edit.path: whence(change, edit) for edit in change.foreign}
    lost = f"would delete {', '.join(change.destroys)}"
    why |= {edit.path: lost for edit in change.perilous if edit.path not in why}
    why |= {edit.path: "waits with it" for edit in change.held(take_ours=False, destroy=False) if edit.path not in why}
    doomed = change.action == "delete"
    if not why:
        waits = "stays with what it belongs to" if doomed else "waits for what it refers to"
        return f"{name} {waits}, which is held back"
    paths = ", ".join(f"{path} ({reason})" for path, reason in why.items())
    return f"{name}{' is to be deleted' if doomed else ''}: {paths}"


def whence(change: Change, edit: Edit) -> str:
    """Where a field was changed, and that it was removed there, in words."""
    if change.desired.kind == knowledge.KIND and edit.path == "content" and edit.before is None:
        # The digest of its content stands in its name, which somebody changed.
        return "no longer told by its name"
    awaited = sorted({f"{ref.kind} {ref.key}" for at, ref in change.awaits if at == edit.keys})
    return f"waits for {', '.join(awaited)}, edited at the platform" if awaited else origin(edit)


def origin(edit: Edit) -> str:
    """The same, whatever the field is of."""
    is_gone = edit.origin == "there" and edit.before is None
    return "removed at the platform" if is_gone else ORIGINS[edit.origin]


def message_of(error: Exception) -> str:
    """An error in words. Of an unforeseen one only its type: its text may hold anything."""
    return str(error) if isinstance(error, AgentctlError) else f"agentctl itself failed: {type(error).__name__}"


def named(failure: Failure) -> str:
    """Why a resource failed. It is named first: what a platform says of two of them may be word for word the same."""
    name, message = f"{failure.ref.kind} {failure.ref.key}", failure.error.message
    return message if message.startswith((f"{name}:", f"{name} ")) else f"{name}: {message}"
