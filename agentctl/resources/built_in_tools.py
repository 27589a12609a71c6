"""The tools that ElevenLabs has built in ("system tools"): `conversation_config.agent.prompt.built_in_tools`.

An empty table switches a tool on. A tool that was declared once and is declared no longer is switched off.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from agentctl.resources.part import E164Number, Part
from agentctl.sync.kind import Ref

TOOLS = "conversation_config.agent.prompt.built_in_tools"
_COMMON = (
    "description",
    "response_timeout_secs",
    "interruption_mode",
    "pre_tool_speech",
    "tool_call_sound",
    "tool_call_sound_behavior",
)
_ID = re.compile(r"^[A-Za-z0-9_-]{1,128}$")


def _remote_id(identifier: str) -> str:
    if not _ID.fullmatch(identifier):
        raise ValueError("must be an id of ElevenLabs: letters, digits, - and _ only")
    return identifier


def _sip_uri(uri: str) -> str:
    if not uri.lower().startswith(("sip:", "sips:")) or any(part.isspace() for part in uri):
        raise ValueError("must be a SIP address that begins with sip: or sips:")
    return uri


RemoteId = Annotated[str, AfterValidator(_remote_id), WithJsonSchema({"type": "string", "pattern": _ID.pattern})]
SipUri = Annotated[str, AfterValidator(_sip_uri), WithJsonSchema({"type": "string", "pattern": "^[Ss][Ii][Pp][Ss]?:"})]


class Tool(Part):
    """What every built-in tool can be told. Without a description ElevenLabs uses its own."""

    description: str | None = Field(None, description="When to use it; default: ElevenLabs' own words.")
    response_timeout_secs: int | None = Field(None, ge=1, strict=True, description="How long it may take; 20.")
    interruption_mode: str | None = Field(
        None, description="allow, disable_during_tool or disable_during_tool_and_turn: may the caller interrupt?"
    )
    pre_tool_speech: str | None = Field(None, description="auto, force or off: does the assistant speak before?")
    tool_call_sound: str | None = Field(None, description="A sound while it runs, like typing or elevator1.")
    tool_call_sound_behavior: str | None = Field(None, description="auto: only after speech; always.")


class LanguageDetection(Tool):
    """Switches to the language that the caller speaks, if there is a preset for it."""

    only_at_conversation_start: bool | None = Field(None, strict=True, description="In the first two turns only.")


class AgentTransfer(Part):
    """One way to another assistant: exactly one of `assistant` and `agent_id`."""

    assistant: str | None = Field(None, description="Key of another assistant of this project.")
    agent_id: RemoteId | None = Field(None, description="Id of any other agent of the workspace.")
    condition: str = Field(min_length=1, description="When to transfer, in words.")
    delay_ms: int | None = Field(None, ge=0, strict=True, description="Pause before, in milliseconds.")
    transfer_message: str | None = Field(None, description="What is said before.")
    enable_transferred_agent_first_message: bool | None = Field(
        None, strict=True, description="Whether the other one says its first message."
    )
    preserve_client_tts_overrides: bool | None = Field(
        None, strict=True, description="Whether a voice that the client chose stays."
    )

    @model_validator(mode="after")
    def _one_target(self) -> AgentTransfer:
        if (self.assistant is None) == (self.agent_id is None):
            raise ValueError("needs exactly one of assistant and agent_id")
        return self


class TransferToAgent(Tool):
    """Hands the conversation to another agent."""

    transfers: tuple[AgentTransfer, ...] = Field(min_length=1, description="Where to, and when.")


class NumberTransfer(Part):
    """One way to a person: exactly one of `phone_number` and `sip_uri`."""

    phone_number: E164Number | None = Field(None, description="E.164, like +498999998100.")
    sip_uri: SipUri | None = Field(None, description="Like sip:desk@example.org.")
    condition: str = Field(min_length=1, description="When to transfer, in words.")
    transfer_type: Literal["conference", "blind", "sip_refer"] | None = Field(
        None, description="conference: the assistant introduces the caller first; blind: at once; sip_refer."
    )

    @model_validator(mode="after")
    def _one_destination(self) -> NumberTransfer:
        if (self.phone_number is None) == (self.sip_uri is None):
            raise ValueError("needs exactly one of phone_number and sip_uri")
        return self


class TransferToNumber(Tool):
    """Hands the call to a person."""

    transfers: tuple[NumberTransfer, ...] = Field(min_length=1, description="Where to, and when.")
    enable_client_message: bool | None = Field(None, strict=True, description="Whether the caller hears a message.")


class PlayKeypadTouchTone(Tool):
    """Presses keys, for the menus of other telephone systems."""

    use_out_of_band_dtmf: bool | None = Field(None, strict=True, description="RFC 4733; only for SIP trunks.")
    suppress_turn_after_dtmf: bool | None = Field(None, strict=True, description="Say nothing after the keys.")


class VoicemailDetection(Tool):
    """Recognises an answering machine."""

    voicemail_message: str | None = Field(None, description="What is left on it; without one the call just ends.")


class BuiltInTools(Part):
    """The tools that are switched on; an empty table is enough."""

    end_call: Tool | None = None
    language_detection: LanguageDetection | None = None
    transfer_to_agent: TransferToAgent | None = None
    transfer_to_number: TransferToNumber | None = None
    skip_turn: Tool | None = None
    play_keypad_touch_tone: PlayKeypadTouchTone | None = None
    voicemail_detection: VoicemailDetection | None = None


def built_in_tools(declared: BuiltInTools) -> dict[str, Any]:
    """The part of `prompt` with the declared tools; empty where there is none."""
    tools = {name: tool for name in BuiltInTools.model_fields if (tool := getattr(declared, name)) is not None}
    return {"built_in_tools": {name: _wire(name, tool) for name, tool in tools.items()}} if tools else {}


def _wire(name: str, tool: Tool) -> dict[str, Any]:
    given = tool.model_dump(exclude_none=True, exclude={"transfers"})
    params = {"system_tool_type": name, **{key: value for key, value in given.items() if key not in _COMMON}}
    if isinstance(tool, TransferToAgent | TransferToNumber):
        params["transfers"] = [_transfer(one) for one in tool.transfers]
    common = {key: value for key, value in given.items() if key in _COMMON}
    return {"type": "system", "name": name, **common, "params": params}


def _transfer(one: AgentTransfer | NumberTransfer) -> dict[str, Any]:
    given = one.model_dump(exclude_none=True, exclude={"assistant", "phone_number", "sip_uri"})
    if isinstance(one, AgentTransfer):
        return {**({"agent_id": Ref("agent", one.assistant)} if one.assistant else {}), **given}
    destination = (
        {"type": "phone", "phone_number": one.phone_number}
        if one.phone_number
        else {"type": "sip_uri", "sip_uri": one.sip_uri}
    )
    return {"transfer_destination": destination, **given}
