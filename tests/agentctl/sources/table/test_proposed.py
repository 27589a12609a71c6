"""A mapping guessed from a table's columns, whichever way their names are spelt, and what is said of the others."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.sources.mapping import SourceTable
from agentctl.sources.spelling import snake
from agentctl.sources.table.proposed import mapping, unmapped

WORDS = {
    "firstMessage": "first_message", "tenantID": "tenant_id", "HTTPUrl": "http_url", "Phone Number": "phone_number",
    "isActive": "is_active", "line2Text": "line2_text", "behavior_prompt": "behavior_prompt",
}  # fmt: skip


def told(key: list[str], within: dict[str, list[str]] | None = None, **columns: str) -> dict[str, Any]:
    """A table without rows, as the store tells of it: its columns and their types."""
    listed = [{"name": name, "type": sort, "shapes": [], "writable": True} for name, sort in columns.items()]
    return {"columns": listed, "key": key, "within": within or {}, "view": False}


@pytest.mark.parametrize(("name", "spelt"), WORDS.items())
def test_names_are_told_apart_by_their_words(name: str, spelt: str) -> None:
    assert snake(name) == spelt


def test_what_an_orm_has_named_is_recognized() -> None:
    prisma = told(
        ["id"], id="uuid", tenantId="text", name="text", prompt="text", firstMessage="text", phoneNumber="text",
        isActive="boolean", elevenlabsAgentId="text",
    )  # fmt: skip
    assert mapping("Assistant", prisma) == {
        "table": "Assistant", "key": "id", "tenant": "tenantId", "enabled": "isActive", "name": "name",
        "prompt": "prompt", "first_message": "firstMessage", "numbers": "phoneNumber",
        "agent_id": "elevenlabsAgentId",
    }  # fmt: skip
    another = told(
        ["OrganisationId", "botId"], {"config.voiceId": ["key"]}, OrganisationId="uuid", botId="text",
        agentName="text", behaviorPrompt="text", config="jsonb", notificationEmail="text",
    )  # fmt: skip
    assert mapping("Bots", another) == {
        "table": "Bots", "key": "botId", "tenant": "OrganisationId", "name": "agentName", "prompt": "behaviorPrompt",
        "voice": "config.voiceId", "post_call": {"mail_to": "notificationEmail"},
    }  # fmt: skip


def test_a_column_that_may_say_whose_a_row_is_or_switch_it_off_is_not_passed_over_in_silence() -> None:
    columns = told(["id"], id="uuid", name="text", prompt="text", clientId="text", live="boolean", active="text")
    source = SourceTable.model_validate({"table": "bots", "name": "name", "prompt": "prompt"})
    whose, off = map(str, unmapped(source, columns))
    assert whose.startswith("table bots: no column is mapped that says whose a row is: each is the operator's")
    assert 'tenant = "clientId" under [source.table]' in whose
    assert "if live or active does" in off
    mapped = SourceTable.model_validate({"table": "bots", "tenant": "clientId", "enabled": "live"})
    assert list(unmapped(mapped, columns)) == []


OWNERS = (
    "org", "client", "company", "team", "workspace", "customer_uuid", "mandant", "created_by", "accountid", "ownerId",
    "hotel", "site_id",
)  # fmt: skip


@pytest.mark.parametrize("column", OWNERS)
def test_whose_a_row_is_may_be_said_by_a_word_for_an_owner_or_by_what_is_referred_to(column: str) -> None:
    columns = {**told(["id"], id="uuid", prompt="text", color="text"), "refers": {"hotel": "public.hotels"}}
    columns["columns"].append({"name": column, "type": "text", "shapes": []})
    source = SourceTable.model_validate({"table": "bots", "prompt": "prompt"})
    (whose,) = map(str, unmapped(source, columns))
    shown = "hotel (of public.hotels)" if column == "hotel" else column
    assert f'if {shown} does, write tenant = "{column}" under' in whose


def test_columns_that_switch_a_row_off_in_their_own_way_are_named_with_a_column_that_heeds_them() -> None:
    columns = told(
        ["id"], id="uuid", tenant_id="text", name="text", prompt="text", is_deleted="boolean", live="boolean",
        deleted_at="timestamp with time zone", created_at="timestamp with time zone", status="text",
    )  # fmt: skip
    source = SourceTable.model_validate({"table": "bots", "tenant": "tenant_id", "name": "name", "prompt": "prompt"})
    positive, off = map(str, unmapped(source, columns))
    assert positive.endswith('if live does, write enabled = "live" under [source.table]')
    assert off.startswith("table bots: is_deleted, deleted_at, status may switch a row off, and no mapping heeds that")
    says = "is_deleted is not true and deleted_at is null and status is not distinct from 'active'"
    assert (
        f"alter table public.bots add column elevenlabs_enabled boolean generated always as ({says}) stored; "
        'then write enabled = "elevenlabs_enabled" under [source.table]'
    ) in off
    mapped = SourceTable.model_validate({**source.model_dump(include={"table", "tenant"}), "enabled": "live"})
    (beside,) = map(str, unmapped(mapped, {**columns, "view": True}))
    assert f"have the view show (live is not false and {says}) as elevenlabs_enabled" in beside
    heeded = SourceTable.model_validate({"table": "bots", "tenant": "tenant_id", "enabled": "elevenlabs_enabled"})
    assert list(unmapped(heeded, columns)) == []
