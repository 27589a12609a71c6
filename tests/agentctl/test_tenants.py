"""agentctl.tenants: references become credentials; what is missing or wrong is one tenant's trouble alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agentctl.clients.twilio import Twilio
from agentctl.errors import ConfigurationError, Unauthorized
from agentctl.secrecy.veil import Veil
from agentctl.settings import Settings
from agentctl.tenants import TWILIO, Access, Tenants, households, read

pytestmark = pytest.mark.anyio
SID = "AC" + "0" * 32
COLUMNS = ("elevenlabs_key", "elevenlabs_webhook_secret", "twilio_account_sid", "twilio_auth_token", "workspace_of")


class Shelf:
    """A store that knows these tenants, and these secrets of a vault."""

    def __init__(self, tenants: Mapping[str, Mapping[str, str]], vault: Mapping[str, str] | None = None) -> None:
        self.rows: list[dict[str, str | None]] = [
            {"tenant": name, **dict.fromkeys(COLUMNS), **row} for name, row in tenants.items()
        ]
        self.vault = vault
        self.asked: list[str] = []

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        if function == "tenant_credentials":
            return self.rows
        assert function == "tenant_secrets"
        self.asked += args["names"]
        found = {name: secret for name, secret in (self.vault or {}).items() if name in args["names"]}
        return {"vault": self.vault is not None, "secrets": found}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("A_KEY", "B_KEY", "A_SIGN", "A_SID", "A_TOKEN", "STAGE_KEY"):
        monkeypatch.delenv(name, raising=False)
    own = "STAGE_KEY=key-of-stage\n"
    (tmp_path / ".env").write_text(f"A_KEY=key-of-a\nA_SIGN=sign-one,sign-two\nA_SID={SID}\nA_TOKEN=token-of-a\n{own}")
    (tmp_path / "agentctl.toml").write_text('project = "p"\n[environments.stage]\napi_key_env = "STAGE_KEY"\n')
    return tmp_path


async def tenants(root: Path, rows: Mapping[str, Mapping[str, str]], vault: Mapping[str, str] | None = None) -> Tenants:
    own = {"elevenlabs_api_key": "key-of-all", "elevenlabs_webhook_secret": "sign-of-all", "twilio_auth_token": "t"}
    return await read(Shelf(rows, vault), Settings(**own, twilio_account_sid="AC" + "f" * 32), root)


def key(found: Tenants, tenant: str) -> str:
    secret = found.of(tenant).settings.elevenlabs_api_key
    return secret.get_secret_value() if secret else ""


async def test_each_has_what_is_its_own_and_the_rest_of_the_project(root: Path) -> None:
    a = {"elevenlabs_key": "env:A_KEY", "elevenlabs_webhook_secret": "env:A_SIGN"}
    twilio = {"twilio_account_sid": "env:A_SID", "twilio_auth_token": "vault:token"}
    rows = {"a": a, "b": {"workspace_of": "a", **twilio}, "c": twilio}
    found = await tenants(root, rows, {"token": "from-the-vault"})
    assert [key(found, name) for name in ("a", "b", "c", "d")] == ["key-of-a", "key-of-a", "key-of-all", "key-of-all"]
    assert [found.of(name).workspace for name in ("a", "b", "c", "d")] == ["a", "a", "", ""]
    assert [found.of(name).settings.twilio_account_sid for name in ("a", "b", "c")] == ["AC" + "f" * 32, SID, SID]
    assert [one.workspace for one in found.workspaces] == ["", "a"]
    home = found.home("b")
    assert (home.tenant, home.houses("a"), home.houses("b"), home.houses("c")) == ("a", True, True, False)
    assert [found.project.houses(name) for name in ("a", "b", "c", "default")] == [False, False, True, True]
    signs = {name: [one.get_secret_value() for one in every] for name, every in found.signatures.items()}
    assert signs == {"": ["sign-of-all"], "a": ["sign-one", "sign-two"]}
    assert found.of("a").settings.variable("elevenlabs_api_key") == "A_KEY"
    shown = f"{found} {found.own} {found.of('a').settings!r}"
    for secret in ("key-of-a", "sign-one", "from-the-vault", "token-of-a"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("row", "vault", "said"),
    [
        ({"elevenlabs_key": "env:B_KEY"}, None, "tenant b: elevenlabs_key: env:B_KEY is not set"),
        ({"elevenlabs_key": "vault:b"}, {}, "tenant b: elevenlabs_key: vault:b is not in Supabase Vault"),
        ({"elevenlabs_key": "vault:b"}, None, "tenant b: elevenlabs_key: vault:b needs Supabase Vault"),
        ({"elevenlabs_key": "vault:b"}, {"b": "key-of-a"}, "vault:b is the key of another workspace, too"),
        ({"elevenlabs_key": "vault:b"}, {"b": "key-of-all"}, "vault:b is the key of another workspace, too"),
        ({"elevenlabs_key": "env:ELEVENLABS_API_KEY"}, None, "is a setting of the project's own"),
        ({"elevenlabs_key": "env:STAGE_KEY"}, None, "env:STAGE_KEY is a setting of the project's own"),
    ],
)
async def test_what_cannot_be_had_is_never_made_good_by_the_projects(
    root: Path, row: dict[str, str], vault: dict[str, str] | None, said: str
) -> None:
    found = await tenants(root, {"a": {"elevenlabs_key": "env:A_KEY"}, "b": row}, vault)
    assert key(found, "b") == ""
    with pytest.raises(ConfigurationError) as refused:
        found.of("b").elevenlabs(Veil(), lambda text: None)
    assert said in str(refused.value)
    assert refused.value.outage, "it waits until somebody has seen to it"
    assert "key-of" not in str(refused.value)
    others = {"b": ["a"], "a": ["b"]} if vault == {"b": "key-of-a"} else {}
    assert {name: found.doubles[name] for name in others} == others, "told to whoever runs agentctl, and to no tenant"
    if "another workspace" not in said:
        await found.of("a").elevenlabs(Veil(), lambda text: None).aclose()


async def test_no_variable_is_a_tenants_while_nothing_tells_which_are_the_projects(root: Path) -> None:
    (root / "agentctl.toml").write_text('project = "p"\n[environments.stage\napi_key_env = "STAGE_KEY"\n')
    rows = {"a": {"elevenlabs_key": "env:STAGE_KEY"}, "b": {"elevenlabs_key": "vault:b"}}
    found = await tenants(root, rows, {"b": "key-of-b"})
    with pytest.raises(ConfigurationError, match="which cannot be told: agentctl") as refused:
        found.of("a").elevenlabs(Veil(), lambda text: None)
    assert refused.value.outage, "it waits until the file is mended"
    assert key(found, "b") == "key-of-b"


async def test_an_account_of_twilio_is_whole_or_not_used(root: Path) -> None:
    for vault, said in ({"token": "x"}, "is not AC and 32"), ({}, "is not in Supabase Vault"):
        sid = "vault:token" if vault else "env:A_SID"
        row = {"twilio_account_sid": sid, "twilio_auth_token": "vault:token"}
        found = await tenants(root, {"a": row}, vault)
        with pytest.raises(ConfigurationError, match=said):
            found.of("a").twilio(Veil())


async def test_where_it_is_wrong_says_whose_it_is_and_where_it_stands(root: Path) -> None:
    a = {"elevenlabs_key": "env:A_KEY", "elevenlabs_webhook_secret": "vault:sign"}
    b = {"workspace_of": "a", "twilio_account_sid": "env:A_SID", "twilio_auth_token": "vault:token"}
    found = await tenants(root, {"a": a, "b": b}, {"sign": "sign-of-a", "token": "token-of-b"})
    at = found.of("b").settings
    assert at.place("elevenlabs_api_key") == "tenant a's elevenlabs_key (env:A_KEY)"
    assert at.place("elevenlabs_webhook_secret") == "tenant a's elevenlabs_webhook_secret (vault:sign)"
    assert at.place("twilio_auth_token") == "tenant b's twilio_auth_token (vault:token)"
    assert found.project.settings.place("twilio_auth_token") == "TWILIO_AUTH_TOKEN"

    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"code": 20003, "message": "Authenticate"})

    client = Twilio.of(at, Veil(), transport=httpx.MockTransport(refuse))
    with pytest.raises(Unauthorized) as refused:
        await client.account()
    assert "tenant b's twilio_account_sid (env:A_SID) and tenant b's twilio_auth_token" in refused.value.hint
    assert "TWILIO_" not in str(refused.value)
    await client.aclose()


async def test_of_a_vault_that_alone_is_asked_for_which_is_needed(root: Path) -> None:
    names = [f"key {one}" for one in "abc"]
    rows: dict[str, dict[str, str]] = {one: {"elevenlabs_key": f"vault:key {one}"} for one in "abc"}
    vault = {name: f"secret of {name}" for name in names}
    shelf = Shelf(rows | {"d": {"workspace_of": "a", **dict.fromkeys(TWILIO, "vault:token")}}, vault)
    settings = Settings(elevenlabs_api_key=SecretStr("key-of-all"))
    before = await read(shelf, settings, root)
    assert sorted(shelf.asked) == [*names, "token"]

    async def again(access: Access) -> tuple[Tenants, list[str]]:
        shelf.asked.clear()
        return await read(shelf, settings, root, access), sorted(shelf.asked)

    vault |= {"key b": "replaced"}
    found, asked = await again(before.of("b"))
    assert (key(found, "b"), asked) == ("replaced", ["key b"])
    assert key(found, "a") == "secret of key a", "as it was"
    assert (await again(found.of("d")))[1] == ["key a", "token"]
    assert (await again(found.project))[1] == []
    vault |= {"key c": "secret of key a"}
    found, _ = await again(before.of("c"))
    assert "another workspace, too" in str(found.of("c").troubles["elevenlabs_api_key"])
    shelf.rows += Shelf({"e": {"elevenlabs_key": "vault:key e"}}).rows
    assert (await again(before.project))[1] == ["key e"]

    shelf.asked.clear()
    lives = await households(shelf, settings)
    assert ([one.workspace for one in lives.workspaces], shelf.asked) == (["", "a", "b", "c", "e"], [])
    with pytest.raises(ConfigurationError, match="vault:key a was not asked for"):
        lives.of("a").elevenlabs(Veil(), lambda text: None)


async def test_without_any_nothing_is_different(root: Path) -> None:
    settings = Settings(elevenlabs_api_key=SecretStr("key-of-all"))
    found = await read(Shelf({}), settings, root)
    assert (found.of("a").settings, found.apart, found.own) == (settings, [], {})


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("tenant a: elevenlabs_key: vault:a key is not in Supabase Vault", False),
        ("vault:a key was refused", False),
        ("none of the 2 agents that are bound in api.elevenlabs.io/a is there", False),
        ("left alone; agentctl sync --tenant a --take-ours", False),
        ("it is not in trial@api.elevenlabs.io/a: it was deleted there", False),
        ("tenant a-side: a name must have 1 to 100 characters", True),
        ("POST /v1/a: 422, and https://api.elevenlabs.io/a/agents", True),
        ("none that is bound in api.elevenlabs.io/a-side", True),
    ],
)
async def test_a_row_is_told_nothing_of_whom_it_lives_with(root: Path, text: str, is_told: bool) -> None:
    found = await tenants(root, {"a": {"elevenlabs_key": "vault:a key"}, "b": {"workspace_of": "a"}}, {"a key": "x"})
    assert found.told("a", text) == text, "its own"
    assert (found.told("b", text) == text) == is_told
