"""What the platform refuses although every type is right; checked on the merged agent."""

from __future__ import annotations

from typing import Any

from agentctl.sandbox.refusal import detailed, legacy
from agentctl.sandbox.state import Row
from agentctl.sandbox.world import World


def check(world: World, agent: Row, sent: Row) -> None:
    """Raise the platform's Refusal for an agent that cannot be, `sent` being the request's body."""
    config = agent["conversation_config"]
    _tools(sent)
    _language(config)
    _voice(world, config)
    _references(world, agent, sent)


def _tools(sent: Row) -> None:
    config = sent["conversation_config"] if isinstance(sent["conversation_config"], dict) else {}
    prompt: Any = (config.get("agent") or {}).get("prompt") or {}
    if prompt.get("tools") and prompt.get("tool_ids"):
        message = "Cannot specify both tools and tool IDs"
        raise detailed(422, "tools_and_tool_ids_provided", message, "conversation_config.agent.prompt.tools")


def _language(config: Row) -> None:
    if config["agent"]["language"] != "en" and not config["tts"]["model_id"].endswith("_v2_5"):
        # 400 or 422: both were seen in public repositories; 400 is assumed.
        raise legacy(400, "input_invalid", "Non-english Agents must use turbo or flash v2_5.")


def _voice(world: World, config: Row) -> None:
    voices = {voice_id for voice_id, _name in world.options.voices}
    wanted = [config["tts"]["voice_id"], *(voice["voice_id"] for voice in config["tts"]["supported_voices"])]
    for voice_id in wanted:
        if voice_id and voice_id not in voices:
            # The status for a voice that an agent names is undocumented [assumed: 400].
            raise legacy(400, "voice_not_found", f"A voice with the voice_id {voice_id} was not found.")


def _references(world: World, agent: Row, sent: Row) -> None:
    """Dangling references are refused [assumed: no public source says what the platform does]."""
    prompt = agent["conversation_config"]["agent"]["prompt"]
    for locator in prompt["knowledge_base"]:
        if locator["id"] not in world.state.documents:
            message = f"Knowledge base document with id {locator['id']} was not found."
            raise legacy(404, "knowledge_base_document_not_found", message)
    for tool_id in prompt["tool_ids"]:
        if tool_id not in world.state.tools:
            raise legacy(404, "tool_not_found", f"Tool with id {tool_id} was not found.")
    for entry in ((sent.get("platform_settings") or {}).get("testing") or {}).get("attached_tests") or ():
        if entry["test_id"] not in world.state.tests:
            raise legacy(404, "test_not_found", f"Test with id {entry['test_id']} was not found.")
    webhook_id = agent["platform_settings"]["workspace_overrides"]["webhooks"]["post_call_webhook_id"]
    if webhook_id and webhook_id not in world.state.webhooks:
        raise legacy(404, "webhook_not_found", f"Webhook with id {webhook_id} was not found.")
