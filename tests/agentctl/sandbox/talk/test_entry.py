"""Who may talk to an agent, and by which way in."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from agentctl.sandbox.harness import BlockingSandbox
from tests.agentctl.sandbox.talk.client import opened, settled

PRIVATE = {"enable_auth": True}
SIGNED = "/v1/convai/conversation/get-signed-url"


def signed(api: httpx.Client, agent_id: str, **more: Any) -> str:
    answer = api.get(SIGNED, params={"agent_id": agent_id, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["signed_url"])


def refused(sandbox: BlockingSandbox, agent_id: str = "", **options: Any) -> tuple[int, str]:
    with opened(sandbox, agent_id, **options) as client, pytest.raises(ConnectionClosed) as closed:
        client.begin()
    frame = closed.value.rcvd
    assert frame is not None
    return frame.code, frame.reason


def test_a_public_agent_is_open_to_whoever_knows_its_id(
    sandbox: BlockingSandbox, api: httpx.Client, talker: Any
) -> None:
    with opened(sandbox, talker()) as client:
        conversation_id = client.begin()
    assert settled(api, conversation_id)["metadata"]["authorization_method"] == "public"


def test_a_private_agent_takes_a_signed_url_once(sandbox: BlockingSandbox, api: httpx.Client, talker: Any) -> None:
    agent_id = talker(auth=PRIVATE)
    assert refused(sandbox, agent_id) == (3000, "Could not authorize the conversation.")
    url = signed(api, agent_id)
    assert url.startswith(sandbox.url.replace("http", "ws"))
    assert parse_qs(urlsplit(url).query)["agent_id"] == [agent_id]
    with opened(sandbox, url=url) as client:
        conversation_id = client.begin()
    assert settled(api, conversation_id)["metadata"]["authorization_method"] == "signed_url"
    assert refused(sandbox, url=url)[0] == 3000
    assert refused(sandbox, url=f"{url}x")[0] == 3000
    assert url.rpartition("=")[2] not in str(sandbox.log())


def test_a_signed_url_is_for_one_agent(sandbox: BlockingSandbox, api: httpx.Client, talker: Any) -> None:
    one, other = talker(auth=PRIVATE), talker(auth=PRIVATE)
    assert refused(sandbox, url=signed(api, one).replace(one, other))[0] == 3000


def test_a_conversation_can_be_known_by_its_id_beforehand(
    sandbox: BlockingSandbox, api: httpx.Client, talker: Any
) -> None:
    url = signed(api, talker(auth=PRIVATE), include_conversation_id=True)
    with opened(sandbox, url=url) as client:
        assert parse_qs(urlsplit(url).query)["conversation_id"] == [client.begin()]


def test_a_key_opens_a_private_agent_too(sandbox: BlockingSandbox, talker: Any) -> None:
    with opened(sandbox, talker(auth=PRIVATE), additional_headers={"xi-api-key": sandbox.key}) as client:
        assert client.begin()


@pytest.mark.parametrize(
    ("auth", "origin", "enters"),
    [
        ({"allowlist": [{"hostname": "example.org"}]}, "https://example.org", True),
        ({"allowlist": [{"hostname": "localhost:3000"}]}, "http://localhost:3000", True),
        ({"allowlist": [{"hostname": "example.org"}]}, "https://app.example.org", False),
        ({"allowlist": [{"hostname": "example.org"}]}, None, True),
        ({"require_origin_header": True}, None, False),
    ],
)
def test_an_allowlist_asks_where_the_page_comes_from(
    sandbox: BlockingSandbox, talker: Any, auth: Any, origin: Any, enters: bool
) -> None:
    agent_id = talker(auth=auth)
    if enters:
        with opened(sandbox, agent_id, origin=origin) as client:
            assert client.begin()
    else:
        assert refused(sandbox, agent_id, origin=origin)[0] == 3000


def test_an_agent_that_is_not_there_is_told_so(sandbox: BlockingSandbox, api: httpx.Client) -> None:
    assert refused(sandbox, "agent_nobody") == (3000, "The AI agent you are trying to reach does not exist.")
    for path in (SIGNED, "/v1/convai/conversation/token"):
        assert api.get(path, params={"agent_id": "agent_nobody"}).status_code == 404
        assert api.get(path).json()["detail"][0]["loc"] == ["query", "agent_id"]
        assert httpx.get(sandbox.url + path, params={"agent_id": "agent_nobody"}).status_code == 401


def test_a_webrtc_token_has_the_form_of_one(sandbox: BlockingSandbox, api: httpx.Client, talker: Any) -> None:
    answer = api.get("/v1/convai/conversation/token", params={"agent_id": talker(auth=PRIVATE)}).json()
    assert answer["token"].count(".") == 2
    assert answer["conversation_id"].startswith("conv_")
    assert answer["token"] not in str(sandbox.log())
