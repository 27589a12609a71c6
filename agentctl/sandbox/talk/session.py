"""`/v1/convai/conversation`: the socket on which a browser, or a program, talks to an agent.

It begins with the client's `conversation_initiation_client_data`, and ends when either side closes. What was said then
is a conversation like those that `/_sandbox/calls` holds: in the list, and sent to the webhook.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from agentctl.sandbox.held import Entry
from agentctl.sandbox.record import variables
from agentctl.sandbox.script import Script, Speaker, silence
from agentctl.sandbox.state import Row, new_id, now
from agentctl.sandbox.talk import messages, wishes
from agentctl.sandbox.talk.connection import Connection, Gone, Heard
from agentctl.sandbox.talk.dialogue import Dialogue, Ending
from agentctl.sandbox.talk.entry import PATH, admitted
from agentctl.sandbox.talk.wishes import Denied
from agentctl.sandbox.talk.written import Written
from agentctl.sandbox.world import World, world

_FIRST_WORD_SECONDS = 10.0
_INITIATION = "conversation_initiation_client_data"
# `ConversationInitiationSource` of the spec, as far as it speaks on a socket.
_SOURCES = frozenset({"js_sdk", "react_sdk", "python_sdk", "node_js_sdk", "react_native_sdk", "widget", "flutter_sdk"})


def routes() -> list[BaseRoute]:
    """The socket."""
    return [WebSocketRoute(PATH, converse)]


async def converse(socket: WebSocket) -> None:
    """One conversation, and what the platform does with it afterwards."""
    place = world(socket)
    place.under_way += 1
    try:
        begun = await _held(place, socket)
        if begun is not None:
            await begun.write_down()
    finally:
        place.under_way -= 1


async def _held(place: World, socket: WebSocket) -> _Begun | None:
    """The conversation that was held while the socket was open; None where it came to none."""
    connection = Connection(place, socket)
    begun, code = None, 0
    try:
        if not await connection.opens():
            return None
        code = 1006
        if len(place.sockets) > place.options.sockets:
            raise Denied(1008, "http_exception", "Too many conversations are under way.")
        agent, authorization, told_id = admitted(place, socket.query_params, socket.headers)
        first = await connection.hear(_FIRST_WORD_SECONDS)
        if first is None:
            raise Denied(1008, "transport_receive_timeout", "The conversation was not begun in time.")
        wish = first.message if first.kind == _INITIATION else {}
        begun = _Begun(place, agent, told_id or new_id("conv"), _entry(socket, wish, authorization), wish)
        code = await begun.talk(connection, first)
    except Denied as denied:
        code = denied.code
        await connection.close(denied.code, str(denied))
    except Gone as gone:
        code = gone.code
    finally:
        connection.over(code)
    return begun


class _Begun:
    """A conversation that the platform has taken note of."""

    def __init__(self, place: World, agent: Row, conversation_id: str, entry: Entry, wish: Row) -> None:
        self._place = place
        self._agent = agent
        self._id = conversation_id
        self._entry = entry
        self._wish = wish
        self._clock = asyncio.get_running_loop().time
        self._over: tuple[Written, Script, Ending] | None = None

    async def talk(self, connection: Connection, first: Heard) -> int:
        """Hold it; answers the close code. Raises Gone where nobody is there to hear that it cannot be held."""
        start = now()
        filled = variables(self._agent, self._id, None, start)
        try:
            agent, understood = wishes.overridden(self._agent, self._wish.get("conversation_config_override"))
            filled |= wishes.known_variables(self._wish.get("dynamic_variables"))
            wishes.need_variables(agent, filled)
        except Denied as denied:
            nothing = silence(self._agent["conversation_config"]["agent"]["language"])
            failed = Written(self._place, self._id, self._agent, self._entry, filled, nothing, start)
            failed.fail(denied.code, str(denied))
            return await self._refuse(connection, first, denied)
        entry = replace(self._entry, override=understood)
        speaker = Speaker(self._place.state, agent, filled)
        dialogue = Dialogue(self._id, agent, speaker, self._place.options, self._clock())
        greeting = dialogue.begin(self._clock())
        written = Written(self._place, self._id, agent, entry, filled, dialogue.script(self._clock()), start)
        try:
            await connection.answer(first, greeting)
            if first.kind != _INITIATION:
                await connection.tell(dialogue.hear(first.message, self._clock()))
            ending = await self._exchange(connection, dialogue)
        except Gone as gone:
            ending = dialogue.left(gone.code)
        self._over = written, dialogue.script(self._clock()), ending
        return ending.code

    async def write_down(self) -> None:
        """What the platform does when all is said."""
        if self._over is not None:
            written, script, ending = self._over
            await written.end(script, ending.noted)

    async def _exchange(self, connection: Connection, dialogue: Dialogue) -> Ending:
        """Message by message, until the agent hangs up or says that it must. Raises Gone."""
        try:
            while dialogue.ended is None:
                heard = await connection.hear(dialogue.due() - self._clock())
                if heard is None:
                    await connection.tell(dialogue.tick(self._clock()))
                else:
                    await connection.answer(heard, dialogue.hear(heard.message, self._clock()))
        except Denied as denied:
            await connection.tell([messages.error(denied.code, denied.kind, str(denied))])
            dialogue.ended = Ending(denied.code, str(denied), str(denied))
        await connection.close(dialogue.ended.code, dialogue.ended.reason)
        return dialogue.ended

    async def _refuse(self, connection: Connection, first: Heard, denied: Denied) -> int:
        """The platform opens the conversation and then closes it, with the reason."""
        config = self._agent["conversation_config"]
        formats = config["tts"]["agent_output_audio_format"], config["asr"]["user_input_audio_format"]
        told = [messages.metadata(self._id, *formats), messages.error(denied.code, denied.kind, str(denied))]
        await connection.answer(first, told)
        await connection.close(denied.code, str(denied))
        return denied.code


def _entry(socket: WebSocket, wish: Row, authorization: str) -> Entry:
    """Who comes in, by the query that the SDKs add, or by `source_info` of the first message."""
    given = wish.get("source_info")
    told = given if isinstance(given, dict) else {}
    source = str(socket.query_params.get("source") or told.get("source"))
    version = socket.query_params.get("version") or told.get("version")
    user_id = wish.get("user_id")
    return Entry(
        authorization=authorization,
        source=source if source in _SOURCES else "unknown",
        version=str(version)[:50] if version else None,
        user_id=user_id if isinstance(user_id, str) else None,
    )
