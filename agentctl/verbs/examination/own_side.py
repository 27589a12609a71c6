"""Examinations of what is ours: project, settings, store, door, mail, digest."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

from agentctl.dotenv_file import SWITCH
from agentctl.errors import ConfigurationError, StoreBehind, StoreError
from agentctl.loopback import in_clear
from agentctl.settings import Settings, env_file
from agentctl.sources.loaded import Loaded
from agentctl.sources.named_variables import variables_named
from agentctl.verbs import rights
from agentctl.verbs.door import check_store
from agentctl.verbs.examination.finding import Finding
from agentctl.verbs.post_call.knocking import REFUSED, knock
from agentctl.verbs.post_call.webhook import meaning
from agentctl.verbs.reading import read
from agentctl.wiring import Control
from webhooks.address import PATH as DOOR_PATH

_NAME = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=", re.MULTILINE)
# Closer than this, a name that nobody knows is a slip and not another program's variable.
_ALIKE = 0.85


async def project(control: Control) -> AsyncIterator[Finding]:
    """The files, with every problem and warning of theirs."""
    if not control.has_project:
        what = f"no agentctl.toml in {control.directory} or above"
        yield Finding("project", "warning", what, "agentctl init, or -C with the project's directory", blocks=True)
        return
    try:
        loaded = await read(control)
    except StoreError as error:
        yield Finding("project", "broken", f"its table cannot be read: {error.message}", error.hint, blocks=True)
        return
    for finding in _wrong(loaded):
        yield finding
    for problem in loaded.problems:
        yield Finding(
            "project", "broken", str(problem), "Correct the file.", True, kind=problem.kind, about=problem.where
        )
    table = f"table {loaded.rows.source.table}" if loaded.rows else ""  # what is said of all of it says its own remedy
    for problem in loaded.warnings:
        remedy = "Say it there, or for all assistants in [defaults] of agentctl.toml."
        way = "" if problem.where == table else remedy
        yield Finding("project", "warning", str(problem), way, kind=problem.kind, about=problem.where)
    if not loaded.problems:
        keys = ", ".join(assistant.key for assistant in loaded.assistants)
        name = f"{loaded.project.name}/{loaded.project.environment}"
        apart = f"; in workspaces of tenants: {', '.join(loaded.elsewhere)}" if loaded.elsewhere else ""
        yield Finding("project", "ok", f"{name}: {keys or 'no assistants'}{apart}")


def _wrong(loaded: Loaded) -> Iterator[Finding]:
    for row in loaded.rows.wrong if loaded.rows else ():
        yield Finding("project", "broken", f"{row.where}: {row.error}", "Correct the row; the others are synced.")


async def rows(there: Control) -> AsyncIterator[Finding]:
    """Which assistants live in a tenant's workspace. Raises StoreError."""
    loaded = await read(there) if there.has_project else None
    if loaded is None or loaded.problems:
        yield Finding("project", "skipped", "who lives there is not known without the project's files", blocks=True)
        return
    if there.access.workspace != there.access.tenant:
        return  # Whoever has that workspace tells.
    for finding in _wrong(loaded):
        yield finding
    keys = ", ".join(one.key for one in loaded.assistants)
    yield Finding("project", "ok", keys or "no assistants")


async def settings(control: Control) -> AsyncIterator[Finding]:
    """What no other examination looks at: .env itself. Values that cannot be used are told before."""
    path = env_file(control.directory)
    if path is None:
        yield Finding("settings", "ok", f"all from the environment: {SWITCH}=none")
        return
    if not path.exists():
        yield Finding("settings", "ok", f"all from the environment: there is no {path}")
        return
    if path.stat().st_mode & 0o077:
        yield Finding("settings", "warning", f"{path} holds secrets and others may read it", f"chmod 600 {path}")
    known = [name.upper() for name in Settings.model_fields]
    with suppress(ConfigurationError):  # of a file that cannot be read, its own finding tells
        known += variables_named(control.directory) if control.has_project else []
    for name in _NAME.findall(_legible(path)):
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=_ALIKE)
        if near and name.upper() not in known:
            yield Finding("settings", "warning", f"{path}: nobody reads {name}", f"Did you mean {near[0]}?")
    if control.settings.smtp_url and control.settings.resend_api_key:
        yield Finding(
            "settings", "warning", "SMTP_URL and RESEND_API_KEY are both set: SMTP is used", "Unset the other."
        )
    yield Finding("settings", "ok", f"from the environment and {path}")


def _legible(path: Path) -> str:
    """What can be read of it. That it cannot be is told with the values that cannot be used."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


async def store(control: Control) -> AsyncIterator[Finding]:
    """Whether it answers, has every migration, and keeps from users what is not theirs."""
    name = "embedded Postgres" if control.embedded else "database" if control.settings.database_url else "Supabase"
    url = control.settings.supabase_url
    if not control.embedded and control.settings.database_url is None and url and in_clear(url):
        what = f"SUPABASE_URL begins with http://: its key travels in the clear to {url.host}"
        yield Finding("store", "warning", what, "Use https:// unless that host is in a network of your own.")
    try:
        await check_store(control)
    except StoreBehind as error:
        yield Finding("store", "broken", error.message, error.hint, blocks=True)
        return
    found = await rights.loose(await control.store())
    if found.count:
        yield Finding("store", "broken", str(found), rights.REMEDY)
        return
    yield Finding("store", "ok", f"{name} answers, migrations are current, nothing lies open")


async def door(control: Control) -> AsyncIterator[Finding]:
    """Whether PUBLIC_URL leads to a door of ours that is ready and knows our secret."""
    from agentctl.clients.door import look

    public = control.settings.public_url
    if public is None:
        yield Finding("door", "skipped", "PUBLIC_URL is not set: agentctl up asks ElevenLabs for calls instead")
        return
    if in_clear(public):
        what = f"PUBLIC_URL begins with http://: transcripts would travel in the clear to {public.host}"
        yield Finding("door", "broken", what, "Put TLS before the door and use https://.")
    base = str(public).rstrip("/")
    alive = await look(f"{base}/healthz")
    if alive.status != 200 or _word(alive.text, "status") != "alive":
        what = f"PUBLIC_URL does not lead to the door: {base}/healthz answers {alive.status} and not as ours does"
        remedy = f"Set PUBLIC_URL to what stands before {DOOR_PATH}, run agentctl serve there, and see what is between."
        yield Finding("door", "broken", what, remedy)
        return
    ready = await look(f"{base}/readyz")
    if ready.status != 200:
        why = _word(ready.text, "reason") or f"/readyz answers {ready.status}"
        yield Finding("door", "broken", f"the door at {base} is not ready: {why}", "Correct it where the door runs.")
        return
    yield await _secret(control, base)


async def signature(there: Control) -> AsyncIterator[Finding]:
    """Whether the door takes what a tenant's workspace signs, if that can be found out here."""
    if there.settings.public_url is not None and there.settings.elevenlabs_webhook_secret:
        yield await _secret(there, str(there.settings.public_url).rstrip("/"))


async def _secret(control: Control, base: str) -> Finding:
    if not control.settings.elevenlabs_webhook_secret:
        remedy = f"Set {control.settings.variable('elevenlabs_webhook_secret')} here too to have that examined."
        return Finding("door", "ok", f"the door at {base} is ready; whether its secret is right is not known", remedy)
    answered = await knock(control, f"{base}{DOOR_PATH}")
    if answered == REFUSED:
        return Finding("door", "ok", f"the door at {base} is ready and takes what is signed with our secret")
    what = f"the door at {base} answers {answered} to what is signed with our secret"
    return Finding("door", "broken", what, meaning(control, answered))


async def mail(control: Control) -> AsyncIterator[Finding]:
    """Whether the mail route takes us, and whether anybody gets mail."""
    # Of an agentctl.toml that is not understood it is not known whom it names.
    known = control.has_project and control.loaded.project.name
    for assistant in control.loaded.assistants if known else ():
        if not assistant.post_call.mail_to:
            remedy = "Set [mail] to in agentctl.toml, or mail_to in its [post_call]."
            what = f"nobody gets a mail after calls of {assistant.key}"
            yield Finding("mail", "warning", what, remedy, kind="unmailed", about=assistant.key)
    route = control.workshop.mail_route
    if route is None:
        what = "no mail route: mails wait in the outbox"
        yield Finding("mail", "warning", what, "Set SMTP_URL or RESEND_API_KEY.", kind="routeless")
        return
    if route.name == "resend" and in_clear(control.settings.resend_base_url):
        what = f"RESEND_BASE_URL begins with http://: the key would travel in the clear to {_host(control)}"
        yield Finding("mail", "broken", what, "Use https://.")
        return
    await route.check()
    yield Finding("mail", "ok", f"the {route.name} route accepts us")


def _host(control: Control) -> str:
    return str(control.settings.resend_base_url.host)


async def digest(control: Control) -> AsyncIterator[Finding]:
    """Who makes summaries, and whether that language model can be asked."""
    model, url = control.workshop.language_model, control.settings.llm_base_url
    if model is None or url is None:
        yield Finding("digest", "ok", "made by ElevenLabs' own analysis")
        return
    if in_clear(url):
        what = f"LLM_BASE_URL begins with http://: transcripts and key travel in the clear to {url.host}"
        yield Finding("digest", "warning", what, "Use https:// unless that host is in a network of your own.")
    known = await model.check()
    if known and model.model not in known:
        near = difflib.get_close_matches(model.model, known, n=1)
        remedy = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(known[:10])}."
        yield Finding("digest", "warning", f"{url.host} does not list the model {model.model}", remedy)
        return
    yield Finding("digest", "ok", f"made by {model.model} at {url.host}")


def _word(text: str, name: str) -> str:
    try:
        answer = json.loads(text)
    except ValueError:
        return ""
    return str(answer.get(name) or "") if isinstance(answer, dict) else ""
