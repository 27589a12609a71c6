"""Numbers over a sandbox: imported once whatever happens to the answer, assigned, and never with readable secrets."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from agentctl.errors import AnswerLost, ApiError, Rejected
from agentctl.resources.agent import Agent
from agentctl.resources.phone_number import PhoneNumber, TwilioAccess
from tests.agentctl.resources.contract import SCOPE, assistant, edits, planned, synced

pytestmark = pytest.mark.anyio
NUMBER = "+498999998100"
IMPORT = "/v1/convai/phone-numbers"
WITH_NUMBER = assistant(phone={"numbers": [NUMBER]})


@pytest.fixture
def kinds(api: Any, sandbox: Any) -> Any:
    access = TwilioAccess(sandbox.account_sid, SecretStr(sandbox.auth_token))
    return (Agent(api, SCOPE), PhoneNumber(api, access))


async def numbers(sandbox: Any) -> list[dict[str, Any]]:
    return list((await sandbox.state())["numbers"].values())


async def test_a_number_is_imported_assigned_and_then_in_sync(kinds: Any, memory: Any, sandbox: Any) -> None:
    assert (await synced(kinds, memory, WITH_NUMBER)).failures == ()
    (number,) = await numbers(sandbox)
    assert number["agent_id"] == memory.bindings["agent", "empfang"]
    assert memory.bindings["phone_number", NUMBER] == number["phone_number_id"]
    assert (await planned(kinds, memory, WITH_NUMBER)).empty
    (post,) = [entry for entry in await sandbox.log() if (entry["method"], entry["path"]) == ("POST", IMPORT)]
    assert post["request_body"]["enable_sms"] is False


async def test_a_number_at_another_agent_is_one_edit_away(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, WITH_NUMBER)
    moved = assistant(key="notdienst", phone={"numbers": [NUMBER]})
    await synced(kinds[:1], memory, moved)
    found = await planned(kinds, memory, assistant(), moved)
    agents = memory.bindings["agent", "empfang"], memory.bindings["agent", "notdienst"]
    assert edits(found, "phone_number") == [("agent_id", *agents)]


async def test_without_credentials_a_missing_number_waits_for_its_import(api: Any, memory: Any) -> None:
    kinds = (Agent(api, SCOPE), PhoneNumber(api))
    applied = await synced(kinds, memory, WITH_NUMBER)
    assert applied.ok
    (waiting,) = applied.plan.waiting
    assert f"agentctl import-number {NUMBER} --assistant empfang" in waiting.error.hint
    with pytest.raises(Rejected, match="by an import"):
        await kinds[1].create(next(iter(kinds[1].desired(WITH_NUMBER))), {"agent_id": "agent_1"})


@pytest.mark.parametrize("fault", [{"drop": "after"}, {"status": 503, "apply": True}, {"status": 400, "apply": True}])
async def test_an_import_that_happened_all_the_same_is_found(
    kinds: Any, memory: Any, sandbox: Any, fault: dict[str, Any]
) -> None:
    await sandbox.fault(method="POST", path=IMPORT, **fault)
    assert (await synced(kinds, memory, WITH_NUMBER)).failures == ()
    (number,) = await numbers(sandbox)
    assert memory.bindings["phone_number", NUMBER] == number["phone_number_id"]


@pytest.mark.parametrize(("fault", "kind"), [({"drop": "before"}, AnswerLost), ({"status": 400}, Rejected)])
async def test_an_import_that_did_not_happen_fails_after_one_look(
    kinds: Any, memory: Any, sandbox: Any, fault: dict[str, Any], kind: type[Exception]
) -> None:
    await sandbox.fault(method="POST", path=IMPORT, body={"detail": "no"}, **fault)
    (failure,) = (await synced(kinds, memory, WITH_NUMBER)).failures
    assert isinstance(failure.error, kind)
    asked = [entry["method"] for entry in await sandbox.log() if entry["path"] == IMPORT]
    assert asked == ["GET", "POST", "GET"]
    assert await numbers(sandbox) == []


async def test_credentials_are_in_no_error_and_no_repr(api: Any, memory: Any, sandbox: Any) -> None:
    access = TwilioAccess("SK" + "0" * 32, SecretStr("only-once"), SecretStr("and-this"))
    assert "only-once" not in repr(access)
    said = {"detail": {"status": "x", "message": "only-once with and-this was refused"}}
    await sandbox.fault(method="POST", path=IMPORT, status=400, body=said)
    (failure,) = (await synced((Agent(api, SCOPE), PhoneNumber(api, access)), memory, WITH_NUMBER)).failures
    assert "*** with *** was refused" in str(failure.error)


@pytest.mark.parametrize("answer", [[1, 2], {}, {"phone_number_id": "p"}])
async def test_an_answer_of_another_shape_is_said(answer: Any) -> None:
    class Answering:
        async def get(self, path: str, **ids: str) -> Any:
            return answer

    with pytest.raises(ApiError, match="phone_number_id"):
        await PhoneNumber(Answering()).read("p")  # type: ignore[arg-type]


async def test_a_number_that_is_gone_can_be_deleted_again(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, WITH_NUMBER)
    (number,) = await numbers(sandbox)
    await kinds[1].delete(number["phone_number_id"])
    await kinds[1].delete(number["phone_number_id"])
    assert await numbers(sandbox) == []
