"""What counts as a secret, and that it is neither shown nor kept, wherever it is met."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, Field, SecretStr, StrictBool, ValidationError, create_model

from agentctl.cli import render
from agentctl.cli.render_pull import pull_text
from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.errors import Rejected
from agentctl.resources.assistant import Assistant
from agentctl.resources.defaults import without_secrets
from agentctl.resources.free_maps import FREE_MAPS
from agentctl.secrecy.secret import is_secret, masked, opened, sealed, seals
from agentctl.secrecy.veil import Veil
from agentctl.sources.problems import problems_of
from agentctl.sources.pulled import Rewrite
from agentctl.sync.apply import apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Desired, Scope
from agentctl.sync.plan import Change, Plan
from agentctl.sync.planning import plan
from agentctl.verbs.pulling.adopting import Adopting
from agentctl.verbs.pulling.pull import Pull
from tests.agentctl.sync.platform import Platform, Thing
from tests.contract.openapi import published

CANARY = "canary-7f3a"
RAW = {
    "tools": [{"name": "crm", "request_headers": {"X-Key": CANARY}}],
    "custom_llm": {"api_key": CANARY, "max_tokens": 5, "secret_id": "sec_1"},
}
SCOPE = Scope("shop", "production", "api.example.org")

# One table for all who ask: each path with the canary at its end. [] is a list with one entry.
SECRET = [
    "token", "secret", "password", "api_key", "apiKey", "xi-api-key", "Authorization", "authorization", "bearer.token",
    "private_key", "secret_key", "client_key", "key_passphrase", "client_secret", "client_secret_value", "token_value",
    "api_key_prod", "accessToken", "crm_password2", "access_tokens.[]", "secrets.[]", "secret_token", "shareable_token",
    "credentials", "credentials.user", "credentials.password", "outbound.credentials.username", "token.value",
    "schema.properties.api_key.constant_value", "headers.X-Anything", "headers.name", "request_headers.X-Type",
    "requestHeaders.X", "custom_headers.id", "headers.X.value", "headers.[].X-Key", "custom_sip_headers.[].value",
    "deep.[].private_key", "deep.[].[].token", "evaluation.criteria.[].token", "workflow.nodes.ask.headers.X",
    "data_collection.credentials.token", "data_collection.customer_token.constant_value", "data_collection.api_key",
]  # fmt: skip
OPEN = [
    "max_tokens", "max_tokens_limit", "tokens", "min_reclaimable_tokens", "token_cost_factor", "token_url",
    "token_response_field", "token_type", "secret_id", "secret_ids.[]", "secret_name", "secret_label", "secret_digest",
    "token_fingerprint", "key_id",
    "credential_id", "auth_connection_id", "workspace_api_key_id", "authorization_method", "auth_type", "header_name",
    "key", "terms_key", "keywords.[]", "client_keyword", "author", "secretary", "tokenizer", "sid", "allowlist.[]",
    "attributes_to_headers.caller", "require_origin_header", "ca_certificate", "request_headers.X.secret_id",
    "request_headers.X.variable_name", "request_headers.Accept-Language", "headers.content-type",
    "api_key.env_var_label", "secret_token.secret_id",
    "data_collection.customer_token.description", "data_collection.password.type",
    "data_collection.has_credentials.dynamic_variable", "data_collection.custom_headers.enum.[]",
    "data_collection_scopes.customer_token", "evaluation.criteria.asked_for_credentials.conversation_goal_prompt",
    "evaluation.criteria.headers.name", "workflow.nodes.ask_credentials.label", "workflow.edges.to_headers.source",
]  # fmt: skip


def at(path: str, value: Any = CANARY) -> dict[str, Any]:
    """A body with `value` at `path`."""
    made: Any = value
    for step in reversed(path.split(".")):
        made = [made] if step == "[]" else {step: made}
    return {"part": {**made, "other": "x"}}


def header(**fields: Any) -> dict[str, Any]:
    return {"transfers": [{"phone": "+49", "custom_sip_headers": [fields]}]}


BODIES = [pytest.param(at(path), id=path) for path in SECRET]
BODIES += [
    pytest.param({"hook": {"headers": [{"name": "X-Key", "is_secret": False, "value": CANARY}]}}, id="header by name"),
    pytest.param(header(type="static", key="X-Key", value=CANARY), id="SIP header by key"),
]


@pytest.mark.parametrize("body", BODIES)
def test_a_plan_shows_no_secret(body: dict[str, Any]) -> None:
    (key, value), *_ = body.items()
    before = json.loads(json.dumps(value).replace(CANARY, "old-" + CANARY))
    change = Change("update", Desired("agent", "desk", body, "desk.toml"), (Edit((key,), before, value),))
    made = Plan(changes=(change,))
    told = render.to_json(render.plan_json(made))
    assert CANARY not in render.plan_text(made) + told + repr(made)
    assert "***" in told


@pytest.mark.anyio
@pytest.mark.parametrize("body", BODIES)
async def test_the_store_gets_no_secret_and_what_it_has_of_one_is_no_drift(body: dict[str, Any]) -> None:
    platform = Platform()
    kinds, specs = [Thing("agent", platform)], [{"key": "desk", "agent": body}]
    bindings = await Bindings(platform, SCOPE).load()
    await apply(await plan(kinds, specs, bindings), kinds, bindings)
    assert CANARY not in json.dumps([*platform.applied.values()])
    # An earlier version knew fewer names.
    platform.applied["agent", "desk"] = body
    bindings = await Bindings(platform, SCOPE).load()
    found = await plan(kinds, specs, bindings)
    assert found.changes == ()
    await apply(found, kinds, bindings)
    assert CANARY not in json.dumps([*platform.applied.values()])
    assert (await plan(kinds, specs, await Bindings(platform, SCOPE).load())).settled == ()


@pytest.mark.anyio
@pytest.mark.parametrize("path", SECRET)
@pytest.mark.parametrize("kept", [at, lambda path, value: sealed(at(path, value))], ids=["in the clear", "sealed"])
@pytest.mark.parametrize(
    ("here", "there", "origins"),
    [("new", "old", ["here"]), ("old", "new", ["there"]), ("new", "newer", ["both"]), ("new", "new", [])],
)
async def test_who_changed_a_secret_is_known(path: str, kept: Any, here: str, there: str, origins: list[str]) -> None:
    platform = Platform(bindings={("agent", "desk"): "desk#0"}, applied={("agent", "desk"): kept(path, "old")})
    platform.objects["agent"] = {"desk#0": at(path, there)}
    specs = [{"key": "desk", "agent": at(path, here)}]
    found = await plan([Thing("agent", platform)], specs, await Bindings(platform, SCOPE).load())
    assert [edit.origin for change in found.changes for edit in change.edits] == origins


@pytest.mark.parametrize("body", BODIES)
def test_adopting_an_agent_takes_no_secret_into_a_file(body: dict[str, Any]) -> None:
    kept, lost = without_secrets(body)
    assert CANARY not in str(kept)
    assert len(lost) == 1


@pytest.mark.parametrize("path", SECRET)
def test_a_pull_shows_no_secret_of_the_files_that_it_changes(path: str) -> None:
    before = f'[part]\nx = {{ {_inline(path)} }}\nname = "a"\n'
    rewrite = Rewrite(Path("a.toml"), "a.toml", before, before.replace('"a"', '"b"'))
    shown = pull_text(Pull(("desk",), {"desk": (rewrite,)}, (), (), (), Plan()), Adopting((), (), ()))
    assert '+name = "b"' in shown
    assert CANARY not in shown


@pytest.mark.parametrize("path", [path for path in SECRET if "[]" not in path])
def test_an_error_in_a_file_repeats_no_secret(path: str) -> None:
    annotation: Any = StrictBool
    for step in reversed(path.split(".")):
        annotation = create_model("Part", field=(annotation, Field(alias=step)))
    model: type[BaseModel] = annotation
    with pytest.raises(ValidationError) as caught:
        model.model_validate(at(path)["part"])
    (problem,) = problems_of(caught.value, "x.toml", model)
    assert str(problem) == f"x.toml: {path}: must be true or false (got text)"


@pytest.mark.anyio
@pytest.mark.parametrize("body", BODIES)
async def test_a_refusal_that_quotes_a_secret_is_told_without_it(body: dict[str, Any]) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(422, json={"detail": f"cannot be used: {CANARY}"})

    async with ElevenLabs("https://x.test", SecretStr("k"), transport=httpx.MockTransport(refuse)) as api:
        with pytest.raises(Rejected) as caught:
            await api.patch("/v1/x", json=body)
    assert str(caught.value).count("cannot be used: ***") == 1


@pytest.mark.anyio
async def test_a_short_one_is_taken_out_of_the_refusal_and_of_no_text_after_it() -> None:
    answers = iter(
        [httpx.Response(422, json={"detail": "key abc is short"}), httpx.Response(422, json={"detail": "abc"})]
    )
    veil = Veil()
    transport = httpx.MockTransport(lambda request: next(answers))
    async with ElevenLabs("https://x.test", SecretStr("k"), transport=transport, veil=veil) as api:
        for body, told in (({"api_key": "abc"}, "key *** is short"), ({"name": "abc"}, "abc")):
            with pytest.raises(Rejected) as caught:
                await api.patch("/v1/x", json=body)
            assert told in str(caught.value)


@pytest.mark.parametrize("value", ["abc", CANARY])
def test_a_file_that_is_pulled_shows_no_secret_however_short(value: str) -> None:
    before = f'name = "a"\n[elevenlabs]\napi_key = "{value}"\nurl = "https://x.org?key={value}"\n'
    rewrite = Rewrite(Path("a.toml"), "a.toml", before, before.replace('"a"', '"b"'))
    shown = pull_text(Pull(("desk",), {"desk": (rewrite,)}, (), (), (), Plan()), Adopting((), (), ()))
    assert 'api_key = "***"' in shown
    assert value not in shown


@pytest.mark.parametrize("path", OPEN)
def test_what_only_tells_of_a_secret_is_left_as_it_is(path: str) -> None:
    assert masked(at(path)) == at(path)
    assert without_secrets(at(path)) == (at(path), ())


@pytest.mark.parametrize("path", [path for path in FREE_MAPS if not path.endswith(("headers", "placeholders"))])
def test_no_id_that_a_user_gives_makes_what_stands_under_it_a_secret(path: str) -> None:
    ids = "a_credentials", "b_headers", "c_token"
    if path.endswith(("language_presets", "text_behavior_overrides")):
        ids = "de", "sms", "en"  # its keys are words of the platform's
    assert [one for one in ids if is_secret((*path.split("."), one, "prompt"))] == []


def test_a_header_that_says_only_in_what_form_one_talks_is_no_secret() -> None:
    plain = header(type="static", key="Accept", value="application/json")
    assert masked(plain) == plain
    assert (
        masked({"headers": [{"name": "Accept", "value": "x", "password": CANARY}]})["headers"][0]["password"] == "***"
    )


def test_of_a_header_in_a_list_only_the_value_is_hidden() -> None:
    static = header(type="static", key="X-Key", value=CANARY)
    assert masked(static) == header(type="static", key="X-Key", value="***")
    dynamic = header(type="dynamic", key="X-Caller", value="caller_id")
    assert masked(dynamic) == dynamic


def test_each_name_of_the_published_spec_that_may_be_a_secrets_was_decided() -> None:
    found = {name for name in _properties(published()._spec["components"]["schemas"]) if is_secret((name,))}
    assert found == {
        "account_auth_token", "api-keys", "api_key", "api_token", "client_key", "client_secret", "conversation_token",
        "credentials", "custom_headers", "custom_sip_headers", "hashed_xi_api_key", "headers", "key_passphrase",
        "next_page_token", "password", "request_headers", "secret_key", "secret_token", "secrets", "shareable_token",
        "token", "webhook_secret", "xi-api-key", "xi_api_key_preview",
    }  # fmt: skip


def test_no_field_of_an_assistant_is_taken_for_a_secret() -> None:
    names = _properties(Assistant.model_json_schema())
    assert len(names) > 100
    assert [name for name in names if is_secret((name,))] == []


def test_a_seal_opens_with_the_same_secret_only() -> None:
    kept = sealed(RAW)
    assert CANARY not in str(kept)
    assert sealed(kept) == kept
    assert opened(kept, RAW) == RAW
    assert set(seals(opened(kept, {"api_key": "another"}))) == {"tools.request_headers.X-Key", "custom_llm.api_key"}


def test_what_was_a_secret_by_an_earlier_rule_opens_and_compares() -> None:
    body = {"request_headers": {"X": {"secret_id": "sec_1"}}}
    kept = {"request_headers": {"X": {"secret_id": sealed({"token": "sec_1"})["token"]}}}
    assert opened(kept, body) == body


@pytest.mark.anyio
@pytest.mark.parametrize(("there", "origins"), [("sec_1", []), ("sec_2", ["there"])])
async def test_what_was_sealed_by_an_earlier_rule_is_no_drift(there: str, origins: list[str]) -> None:
    seal = sealed({"token": "sec_1"})["token"]
    path, name = "request_headers.X.secret_id", ("agent", "desk")
    platform = Platform(bindings={name: "desk#0"}, applied={name: at(path, seal)})
    platform.objects["agent"] = {"desk#0": at(path, there)}
    specs = [{"key": "desk", "agent": at(path, "sec_1")}]
    found = await plan([Thing("agent", platform)], specs, await Bindings(platform, SCOPE).load())
    assert [edit.origin for change in found.changes for edit in change.edits] == origins


def _inline(path: str) -> str:
    """The canary at `path` as a TOML key with its value."""
    made = f'"{CANARY}"'
    steps = path.split(".")
    for number in range(len(steps) - 1, -1, -1):
        made = f"[{made}]" if steps[number] == "[]" else f'"{steps[number]}" = {made}'
        if number and steps[number] != "[]":
            made = f"{{ {made} }}"
    return made


def _properties(tree: Any) -> set[str]:
    if isinstance(tree, list):
        return {name for one in tree for name in _properties(one)}
    if not isinstance(tree, Mapping):
        return set()
    own = tree.get("properties")
    names = {str(name) for name in own} if isinstance(own, Mapping) else set()
    return names | {name for one in tree.values() for name in _properties(one)}
