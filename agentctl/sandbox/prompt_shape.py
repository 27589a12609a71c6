"""`conversation_config.agent.prompt`: the prompt, its model, tools and knowledge, with the platform's defaults.

Written from the published OpenAPI spec of the vendor's CLI 1.3.0, plus the keys that only SDK 2.78 knows.
"""

from __future__ import annotations

from agentctl.sandbox.shape import (
    Shape,
    anything,
    choice,
    flag,
    group,
    many,
    mapping,
    maybe,
    needed,
    real,
    tagged,
    text,
    whole,
)

# The enum of models grows monthly, so a name counts as known when its family is.
LLM = r"^(gpt-|gemini-|claude-|grok-|qwen|glm-|custom-llm$|watt-|deepseek)"

_SOUNDS = ("typing", "elevator1", "elevator2", "elevator3", "elevator4")

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

llm = text("gemini-2.5-flash", pattern=LLM)

knowledge_locator = group(
    type=needed(choice("text", "file", "url", "text", "folder")),
    name=needed(text()),
    id=needed(text()),
    usage_mode=choice("auto", "prompt", "auto"),
)

_system_tool = group(
    type=choice("system", "system"),
    name=needed(text(pattern=r"^[a-zA-Z0-9_-]{1,64}$")),
    description=text(),
    response_timeout_secs=whole(20),
    disable_interruptions=flag(),
    interruption_mode=choice("allow", "allow", "disable_during_tool", "disable_during_tool_and_turn"),
    force_pre_tool_speech=flag(),
    pre_tool_speech=choice("auto", "auto", "force", "off"),
    assignments=many(
        group(
            source=choice("response", "response"),
            dynamic_variable=needed(text()),
            value_path=needed(text()),
            sanitize=flag(),
            preserve_native_type=flag(),
        )
    ),
    tool_call_sound=choice(None, *_SOUNDS),
    tool_call_sound_behavior=choice("auto", "auto", "always"),
    tool_error_handling_mode=choice("auto", "auto", "summarized", "passthrough", "hide"),
    params=tagged(
        "system_tool_type",
        "",
        end_call=group(),
        language_detection=group(only_at_conversation_start=flag()),
        transfer_to_agent=group(
            transfers=needed(
                many(
                    group(
                        agent_id=text(None),
                        node_id=text(None),
                        condition=needed(text()),
                        delay_ms=whole(0),
                        transfer_message=text(None),
                        enable_transferred_agent_first_message=flag(),
                        is_workflow_node_transfer=flag(),
                        preserve_client_tts_overrides=flag(),
                    )
                )
            )
        ),
        transfer_to_number=group(
            transfers=needed(
                many(
                    group(
                        custom_sip_headers=many(anything()),
                        transfer_destination=anything(),
                        transfer_type=choice("conference", "blind", "conference", "sip_refer"),
                        sip_refer_play_dialtone=flag(True),
                        uui=anything(),
                        post_dial_digits=anything(),
                        phone_number=text(None),
                        condition=needed(text()),
                    )
                )
            ),
            enable_client_message=flag(True),
        ),
        skip_turn=group(),
        play_keypad_touch_tone=group(use_out_of_band_dtmf=flag(True), suppress_turn_after_dtmf=flag()),
        voicemail_detection=group(voicemail_message=text(None)),
    ),
)

PROMPT = group(
    prompt=text(),
    llm=llm,
    reasoning_effort=choice(None, *_EFFORTS),
    service_tier=text(None),
    thinking_budget=whole(None),
    enable_reasoning_summary=flag(),
    temperature=Shape("real", 0.0, nullable=True, low=0, high=2),  # an explicit null omits the parameter
    max_tokens=whole(-1),
    tool_ids=many(),
    built_in_tools=group(
        transfer_to_agent=maybe(_system_tool),
        end_call=maybe(_system_tool),
        language_detection=maybe(_system_tool),
        transfer_to_number=maybe(_system_tool),
        skip_turn=maybe(_system_tool),
        play_keypad_touch_tone=maybe(_system_tool),
        voicemail_detection=maybe(_system_tool),
    ),
    enable_parallel_tool_calls=flag(None),
    mcp_server_ids=many(),
    native_mcp_server_ids=many(),
    knowledge_base=many(knowledge_locator),
    custom_llm=maybe(
        group(
            url=needed(text()),
            model_id=text(None),
            api_key=anything(),
            auth_connection=anything(),
            request_headers=mapping(),
            api_version=text(None),
            api_type=choice("chat_completions", "chat_completions", "responses", "websocket"),
        )
    ),
    ignore_default_personality=Shape("flag", True, nullable=True),
    rag=group(
        enabled=flag(),
        embedding_model=choice("e5_mistral_7b_instruct", "e5_mistral_7b_instruct", "multilingual_e5_large_instruct"),
        max_vector_distance=real(0.6),
        max_documents_length=whole(50000),
        max_retrieved_rag_chunks_count=whole(20, None, 20),
        num_candidates=whole(None, None, 10000),
        query_rewrite_prompt_override=text(None, low=1, high=1000),
        knowledge_base_tool_info=anything(),
    ),
    timezone=text(None),
    backup_llm_config=tagged(
        "preference", "default", default=group(), disabled=group(), override=group(order=needed(many(llm)))
    ),
    cascade_timeout_seconds=real(4.0, 2, 15),
    tools=many(anything()),
)
