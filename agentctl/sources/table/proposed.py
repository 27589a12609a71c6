"""Guess from a table's columns which of them is what, by their names and by what their values look like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentctl.errors import Problem
from agentctl.sources.mapping import BACK, SECTION, SourceTable
from agentctl.sources.spelling import quoted, snake
from agentctl.sources.tables import text_of

# By what it is: names of columns, the likeliest first, and shapes of values of which one has to be among those seen.
_TEXTS = ("string", "long", "key", "language", "blank")
_WORDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "tenant": (
        ("tenant_id", "tenant", "customer_id", "customer", "organization_id", "organisation_id", "org_id", "account_id",
         "company_id", "team_id", "workspace_id"),
        ("string", "key", "number"),
    ),
    "enabled": (("enabled", "is_enabled", "active", "is_active"), ("boolean",)),
    "name": (("assistant_name", "agent_name", "display_name", "name", "title", "label"), _TEXTS),
    "prompt": (
        ("behavior_prompt", "behaviour_prompt", "system_prompt", "agent_prompt", "prompt", "instructions",
         "system_message", "behavior", "behaviour"),
        _TEXTS,
    ),
    "first_message": (
        ("first_message", "greeting_message", "welcome_message", "greeting", "welcome", "opening"), _TEXTS,
    ),
    "language": (("language", "language_code", "lang", "locale"), ("language", "string", "key")),
    "knowledge": (
        ("knowledge_base", "knowledge", "documents", "faq", "documentation"), (*_TEXTS, "array", "object"),
    ),
    "voice": (("voice_settings", "voice_config", "voice_id", "voice"), ("object", "string", "key")),
    "llm": (("llm_settings", "llm_config", "llm_model", "llm"), ("object", "string", "key")),
    "numbers": (
        ("phone_number", "phone_numbers", "twilio_number", "numbers", "number", "phone"), ("telephone", "array"),
    ),
    "post_call.mail_to": (
        ("notification_email", "notification_emails", "notify_email", "summary_email", "mail_to", "email"),
        ("address", "array"),
    ),
}  # fmt: skip
# Columns that say the contrary of `enabled`, and how one of each sort says that a row is live.
_OFF = ("deleted", "disabled", "inactive", "archived", "paused", "suspended", "blocked", "removed", "deactivated",
        "discarded", "trashed", "cancelled", "canceled")  # fmt: skip
_STATES = ("status", "state", "lifecycle_state", "lifecycle")
_OURS = "elevenlabs_"
# Words that whoever a row belongs to is called by, and what stands around them in a column's name.
_OWNERS = ("tenant", "org", "organization", "organisation", "client", "customer", "company", "team", "workspace",
           "account", "mandant", "owner", "user", "agency", "business", "firm", "group", "kunde", "firma")  # fmt: skip
_OWNER = re.compile(
    rf"(?:.*_)?(?:(?:{'|'.join(_OWNERS)})(?:_?(?:id|uuid|guid|key|ref|slug|no|nr))?|(?:created|owned)_by)"
)
_KEYS = ("id", "key", "slug", "uuid", "assistant_id", "assistant_key", "bot_id")


def mapping(table: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """`[source.table]` as it probably is meant. `told`: what `source_columns` says of the table, with samples."""
    shapes = {str(one["name"]): list(one["shapes"]) for one in told["columns"]}
    columns = {name: seen for name, seen in shapes.items() if not snake(name).startswith(_OURS)}
    places = {**columns, **{at: list(seen) for at, seen in told["within"].items()}}
    found: dict[str, Any] = {"table": table, **_key(told["key"], columns)}
    used = {found.get("key")}
    for what, (words, wanted) in _WORDS.items():
        place = next((one for one in _likely(words, wanted, places) if one not in used), None)
        if place is None:
            continue
        used.add(place)
        group, _, field = what.partition(".")
        found |= {group: {field: place}} if field else {group: place}
    spelt = {snake(name): name for name in shapes}
    return found | {what: spelt[column] for what, column in BACK.items() if column in spelt and column not in shapes}


def unmapped(source: SourceTable, told: Mapping[str, Any]) -> Iterator[Problem]:
    """Columns that may say whose a row is, or switch it off, where none that does is mapped. `told`: as `mapping`'s.

    One that says the contrary, or holds a time or a word, switches a row off beside what is mapped. `told["refers"]`
    tells, where it was asked for, by column to which table it refers.
    """
    taken = {source.key_column, *source.columns, *source.wanted.values()}
    free = {str(one["name"]): one["type"] for one in told["columns"] if one["name"] not in taken}
    live = {name: says for name, sort in free.items() if (says := _live(name, sort))}
    refers = told.get("refers", {})
    may = {
        "tenant": [
            *(name for name in free if name in refers),
            *(name for name in free if name not in refers and (_owns(name) or snake(name).endswith("_id"))),
        ],
        "enabled": [
            name for name, sort in free.items() if name not in live and (_is_one(name, "enabled") or sort == "boolean")
        ],
    }
    lacks = {"tenant": "says whose a row is: each is the operator's", "enabled": "switches a row off: each is live"}
    for what, names in may.items():
        if names and what not in source.places:
            meant = text_of({what: names[0]}).strip()
            shown = (f"{name} (of {refers[name]})" if what == "tenant" and name in refers else name for name in names)
            hint = f"if {' or '.join(shown)} does, write {meant} under [{SECTION}]"
            yield Problem(f"table {source.table}", f"no column is mapped that {lacks[what]}; {hint}")
    if live and source.places.get("enabled") != (f"{_OURS}enabled",):
        yield Problem(f"table {source.table}", _unheeded(source, live, is_view=told["view"]))


def _owns(name: str) -> bool:
    return _OWNER.fullmatch(snake(name)) is not None


def _live(name: str, sort: str) -> str:
    """By which SQL this column says that a row is live; empty where it says nothing of that."""
    words, column = snake(name), quoted(name)
    if sort == "boolean":
        return f"{column} is not true" if words.removeprefix("is_") in _OFF else ""
    if sort.startswith(("timestamp", "date")):
        return f"{column} is null" if words in _OFF or words.rpartition("_")[0] in _OFF else ""
    named = words in _STATES or words.endswith(tuple(f"_{one}" for one in _STATES))
    return f"{column} is not distinct from 'active'" if named and sort not in ("json", "jsonb", "integer") else ""


def _unheeded(source: SourceTable, live: Mapping[str, str], *, is_view: bool) -> str:
    """That nothing heeds these columns, and a column that does, which is there for the mapping alone."""
    place, column = source.places.get("enabled"), f"{_OURS}enabled"
    before = [f"{quoted(place[0])} is not false"] if place and len(place) == 1 else []
    says = " and ".join([*before, *live.values()])
    how = f"alter table {'.'.join(map(quoted, source.named.values()))} add column {column} boolean"
    way = f"have the view show ({says}) as {column}" if is_view else f"{how} generated always as ({says}) stored;"
    words = ", with your word for a live row" if "'active'" in says else ""
    return (
        f"{', '.join(live)} may switch a row off, and no mapping heeds that: such a row is live; if so{words}: {way} "
        f"then write {text_of({'enabled': column}).strip()} under [{SECTION}]"
    )


def _key(primary: Sequence[str], columns: Mapping[str, Any]) -> dict[str, str]:
    named = (name for word in _KEYS for name in columns if snake(name) == word)
    one = primary[0] if len(primary) == 1 else next(named, None)
    return {"key": one} if one else {}


def _likely(words: Sequence[str], wanted: Sequence[str], places: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The places that are called so, or nearly, unless what is there is something else."""
    fitting = [at for at, seen in places.items() if not seen or set(seen) & {*wanted, "blank"}]
    for is_called in (_exactly, _at_its_end):
        for word in words:
            yield from (at for at in fitting if is_called(at.rpartition(".")[2], word))


def _is_one(name: str, what: str) -> bool:
    return any(_exactly(name, word) or _at_its_end(name, word) for word in _WORDS[what][0])


def _exactly(name: str, word: str) -> bool:
    return snake(name) == word


def _at_its_end(name: str, word: str) -> bool:
    return snake(name).endswith(f"_{word}")
