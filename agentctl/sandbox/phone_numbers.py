"""`/v1/convai/phone-numbers`: import from Twilio, assign, list."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox import paging, twilio_account
from agentctl.sandbox.phone_number_view import view
from agentctl.sandbox.refusal import detailed, invalid, legacy
from agentctl.sandbox.shape import anything, choice, flag, group, needed, settled, text
from agentctl.sandbox.state import Row, State, new_id
from agentctl.sandbox.world import body, json_object, world

VOICE_URL = "https://api.us.elevenlabs.io/twilio/inbound_call"
STATUS_CALLBACK = "https://api.us.elevenlabs.io/twilio/status-callback"
# The address for SMS is not public [assumed]; only that SMS is routed too unless enable_sms is false is documented.
SMS_URL = "https://api.us.elevenlabs.io/twilio/inbound_sms"

_IMPORT = group(
    provider=choice("twilio", "twilio"),
    phone_number=needed(text()),
    label=needed(text()),
    supports_inbound=flag(True),
    supports_outbound=flag(True),
    agent_id=text(None),
    sid=needed(text()),
    token=needed(text()),
    account_auth_token=text(None),
    region_config=anything(),
    enable_sms=flag(True),
)
_CHANGE = group(agent_id=text(None), label=text(None), environment=text(None), branch_id=text(None))


def routes() -> list[Route]:
    """The phone numbers' endpoints; `v2` is the paged list that only the SDK knows."""
    base = "/v1/convai/phone-numbers"
    one = base + "/{phone_number_id}"
    return [
        Route(base, create, methods=["POST"]),
        Route(base, index, methods=["GET"]),
        Route("/v1/convai/v2/phone-numbers", paged_index, methods=["GET"]),
        Route(one, show, methods=["GET"]),
        Route(one, change, methods=["PATCH"]),
        Route(one, delete, methods=["DELETE"]),
    ]


def find(state: State, phone_number_id: str) -> Row:
    """The number, or the platform's 404."""
    if phone_number_id not in state.numbers:
        raise legacy(404, "phone_number_not_found", f"Phone number with id {phone_number_id} was not found.")
    return state.numbers[phone_number_id]


async def create(request: Request) -> Response:
    """Check the credentials at Twilio, then point the number's webhooks here; the old ones are gone."""
    place = world(request)
    sent = await body(request, _IMPORT)
    state = place.state
    if any(number["phone_number"] == sent["phone_number"] for number in state.numbers.values()):
        # How the platform refuses a second import is undocumented [assumed: 400].
        raise detailed(400, "phone_number_already_exists", "This phone number was already imported.", "phone_number")
    _need_agent(state, sent["agent_id"])
    if not twilio_account.knows(place.options, sent["sid"], sent["token"]):
        raise detailed(400, "twilio_authentication_failed", "Twilio refused the account SID and token.", "token")
    twilio = twilio_account.by_number(state, sent["phone_number"])
    if twilio is None:
        message = f"{sent['phone_number']} was not found in the Twilio account."
        raise detailed(400, "twilio_number_not_found", message, "phone_number")
    twilio |= {"voice_url": VOICE_URL, "voice_method": "POST"}
    twilio |= {"status_callback": STATUS_CALLBACK, "status_callback_method": "POST"}
    if sent["enable_sms"]:
        twilio |= {"sms_url": SMS_URL, "sms_method": "POST"}
    number = {
        "phone_number_id": new_id("phnum"),
        "sequence": state.next_sequence(),
        "phone_number": sent["phone_number"],
        "label": sent["label"],
        "agent_id": sent["agent_id"],
        "environment": None,
        "branch_id": None,
        # With an API key alone nobody can check the signature of Twilio's inbound requests.
        "checks_inbound": not sent["sid"].startswith("SK") or bool(sent["account_auth_token"]),
    }
    state.numbers[number["phone_number_id"]] = number
    return JSONResponse({"phone_number_id": number["phone_number_id"]})


async def index(request: Request) -> Response:
    """A bare list: no paging, no filter by number."""
    state, query = world(request).state, request.query_params
    return JSONResponse([view(state, number) for number in _filtered(state, query.get("agent_id"))])


async def paged_index(request: Request) -> Response:
    """The paged list."""
    state, query = world(request).state, request.query_params
    words, wanted, label = query.get("search", ""), query.get("phone_number"), query.get("label")
    rows = [
        number
        for number in _filtered(state, query.get("agent_id"))
        if words.casefold() in f"{number['phone_number']} {number['label']}".casefold()
        and (not wanted or number["phone_number"] == wanted)
        and (not label or number["label"] == label)
    ]
    page = paging.page(rows, query, lambda row: row["sequence"], descending=paging.descending(query))
    numbers = [view(state, number) for number in page.rows]
    return JSONResponse({"phone_numbers": numbers, "next_cursor": page.next_cursor, "has_more": page.has_more})


async def show(request: Request) -> Response:
    """One number, without its credentials."""
    state = world(request).state
    return JSONResponse(view(state, find(state, request.path_params["phone_number_id"])))


async def change(request: Request) -> Response:
    """Assign or label; `agent_id: null` takes the number away from its agent [assumed]."""
    state = world(request).state
    given = await json_object(request)
    sent, problems = settled(_CHANGE, given)
    if problems:
        raise invalid(problems)
    number = find(state, request.path_params["phone_number_id"])
    _need_agent(state, sent["agent_id"])
    for key in ("agent_id", "environment", "branch_id"):
        if key in given:
            number[key] = sent[key]
    if sent["label"] is not None:
        number["label"] = sent["label"]
    return JSONResponse(view(state, number))


async def delete(request: Request) -> Response:
    """Forget the number; its webhooks at Twilio stay as they are [assumed: nothing public says otherwise]."""
    state = world(request).state
    number = find(state, request.path_params["phone_number_id"])
    del state.numbers[number["phone_number_id"]]
    return JSONResponse(None)


def _filtered(state: State, agent_id: str | None) -> list[Row]:
    return [number for number in state.numbers.values() if not agent_id or number["agent_id"] == agent_id]


def _need_agent(state: State, agent_id: str | None) -> None:
    if agent_id and agent_id not in state.agents:
        raise legacy(404, "agent_not_found", f"Agent with id {agent_id} was not found.")
