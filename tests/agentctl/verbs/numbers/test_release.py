"""A release puts back what is this environment's own to put back, and leaves callers with somebody who answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agentctl.resources.phone_number import TwilioAccess
from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from agentctl.wiring import Control
from tests.telephony import NUMBER, OLD_FLOW, Bench, bench

__all__ = ["bench"]
IMPORT = ("import-number", NUMBER, "--assistant", "empfang", "--yes")


@pytest.fixture
def staging(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockingSandbox]:
    """Another workspace, at another host."""
    with running_thread(Options(api_key="key-of-staging")) as sandbox:
        monkeypatch.setenv("STAGING_KEY", sandbox.key)
        toml = bench.root / "agentctl.toml"
        there = f'[environments.staging]\nbase_url = "{sandbox.url}"\napi_key_env = "STAGING_KEY"\n'
        toml.write_text(toml.read_text() + there)
        yield sandbox


def as_kept_by_an_earlier_version(bench: Bench) -> None:
    route = bench.store("route", phone_number=NUMBER)["route"]
    assert route.pop("~of")["environment"] == "production"
    bench.store("forget_route", phone_number=NUMBER)
    bench.store("save_route", phone_number=NUMBER, route=route)


def rings_at_a_stranger(bench: Bench) -> str:
    async def imported(control: Control) -> str:
        api, access = control.api, TwilioAccess.of(control.settings, enable_sms=False)
        agent = await api.post("/v1/convai/agents/create", json={"name": "CRM-Bot", "conversation_config": {}})
        body: dict[str, Any] = {"provider": "twilio", "phone_number": NUMBER, "label": "CRM", "sid": access.sid}
        body |= {"token": access.token.get_secret_value(), "agent_id": agent["agent_id"]}
        await api.post("/v1/convai/phone-numbers", json=body)
        return str(agent["agent_id"])

    return bench.control(imported)


def test_what_another_environment_imported_is_not_released_here(bench: Bench, staging: BlockingSandbox) -> None:
    assert bench(*IMPORT)[0] == 0
    for yes in ((), ("--yes",)):
        with bench.writes() as writes:
            code, _, err = bench("--env", "staging", "release-number", NUMBER, *yes)
        assert code == 2
        assert "agentctl --env production release-number" in err
        assert writes == []
    assert bench.call()["reached"]
    assert bench("release-number", NUMBER)[0] == 0
    assert bench.at_twilio()["voice_url"] == OLD_FLOW


def test_what_an_earlier_version_saved_is_put_back_by_who_has_the_number(
    bench: Bench, staging: BlockingSandbox
) -> None:
    assert bench(*IMPORT)[0] == 0
    as_kept_by_an_earlier_version(bench)
    with bench.writes() as writes:
        code, _, err = bench("--env", "staging", "release-number", NUMBER)
    assert (code, writes) == (2, [])
    assert "callers of others" in err
    assert bench("release-number", NUMBER)[0] == 0
    assert bench.at_twilio()["voice_url"] == OLD_FLOW


def test_a_key_of_another_workspace_releases_nothing_without_a_yes(bench: Bench, staging: BlockingSandbox) -> None:
    assert bench(*IMPORT)[0] == 0
    bound = bench.store("bindings", project="beispiel", environment="production", workspace=_workspace(bench))
    assert bound
    (agent_id,) = (one["remote_id"] for one in bound if one["kind"] == "agent")
    (number_id,) = bench.sandbox.state()["numbers"]
    # As such a key sees it: neither the number nor an agent is there.
    for path in (f"/v1/convai/phone-numbers/{number_id}", f"/v1/convai/agents/{agent_id}"):
        bench.control(lambda control, path=path: control.api.delete(path))
    with bench.writes() as writes:
        code, _, err = bench("release-number", NUMBER)
    assert (code, writes) == (2, [])
    assert "the key probably opens another workspace" in err


def _workspace(bench: Bench) -> str:
    async def ask(control: Control) -> str:
        return control.scope.workspace

    return bench.control(ask)


def test_another_environment_does_not_take_a_number_unasked(bench: Bench, staging: BlockingSandbox) -> None:
    assert bench(*IMPORT)[0] == 0
    assert bench("--env", "staging", "sync", "--yes")[0] == 0
    for say in ("environment production", "another workspace may have it"):
        with bench.writes() as writes:
            code, _, err = bench("--env", "staging", *IMPORT[:-1])
        assert (code, writes) == (2, [])
        assert f"in use elsewhere: {'it was imported for' if 'env' in say else 'Twilio'}" in err
        assert say in err
        bench.store("forget_route", phone_number=NUMBER)


def test_no_line_is_written_that_another_environments_files_cannot_have(bench: Bench, staging: BlockingSandbox) -> None:
    assert bench(*IMPORT)[0] == 0
    bench.declare("zentrale")
    toml = bench.root / "agentctl.toml"
    toml.write_text(f"{toml.read_text()}[environments.staging.assistants.empfang.phone]\nnumbers = []\n")
    assert bench("--env", "staging", "sync", "--yes")[0] == 0
    with bench.writes() as writes:
        code, _, err = bench("--env", "staging", "import-number", NUMBER, "--assistant", "zentrale", "--yes")
    assert (code, writes) == (2, [])
    assert "make the files of production invalid" in err
    said = f'[environments.staging.assistants.zentrale.phone]\nnumbers = ["{NUMBER}"]\n'
    assert said.splitlines()[0] in err
    toml.write_text(toml.read_text() + said)
    code, _, err = bench("--env", "staging", "import-number", NUMBER, "--assistant", "zentrale")
    assert code == 2
    assert "in use elsewhere" in err, "only a yes is missing"
    assert bench("plan", "--exit-code", "--only", "empfang")[0] == 0


def test_a_number_that_was_another_agents_has_no_way_back_to_twilio(bench: Bench) -> None:
    other = rings_at_a_stranger(bench)
    assert bench(*IMPORT)[0] == 0
    with bench.writes() as writes:
        code, _, err = bench("release-number", NUMBER)
    assert (code, writes) == (2, [])
    assert f"assign it to agent {other}, which had it before" in err
    assert bench.call()["reached"]
    code, _, err = bench("release-number", NUMBER, "--yes")
    assert code == 0
    assert "which has it no more: set its voice URL at Twilio" in err


def test_what_was_set_at_twilio_instead_stays(bench: Bench) -> None:
    rings_at_a_stranger(bench)
    assert bench(*IMPORT)[0] == 0
    bench.twilio().incoming_phone_numbers.list(phone_number=NUMBER)[0].update(voice_url=OLD_FLOW)
    code, out, err = bench("release-number", NUMBER)
    assert (code, err.count("!"), err.count("warning")) == (0, 0, 0), err
    assert "Twilio's URLs are as they were" in out
    assert bench.at_twilio()["voice_url"] == OLD_FLOW


def test_no_password_of_an_address_is_shown(bench: Bench) -> None:
    (there,) = bench.twilio().incoming_phone_numbers.list(phone_number=NUMBER)
    there.update(
        voice_url="https://user:geheim-1@a.example.org/", voice_fallback_url="https://u:geheim-2@b.example.org/"
    )
    told = []
    for arguments in (
        IMPORT[:-1],
        (*IMPORT, "--fallback", "https://u:geheim-3@c.example.org/"),
        (*IMPORT, "--reimport"),
        (*IMPORT, "--reimport", "--json"),
    ):
        told.append(bench(*arguments))
    there.update(voice_url="https://user:geheim-4@a.example.org/")
    told += [bench("doctor"), bench(*IMPORT), bench(*IMPORT, "--json"), bench("release-number", NUMBER)]
    told += [
        bench("release-number", NUMBER, "--yes", "--json"),
        bench("import-number", NUMBER, "--assistant", "empfang", "--yes", "--json"),
    ]
    told += [bench("release-number", NUMBER)]
    assert [code for code, _, _ in told] == [2, 0, 0, 0, 1, 1, 1, 2, 0, 0, 0]
    for _, out, err in told:
        assert "geheim" not in out + err
    assert "user:***@a.example.org" in told[0][1]
    assert bench.at_twilio()["voice_url"] == "https://user:geheim-1@a.example.org/"
