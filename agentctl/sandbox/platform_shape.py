"""`platform_settings` of an agent: every known key with the platform's default.

Written from the published OpenAPI spec of the vendor's CLI 1.3.0, plus the keys that only SDK 2.78 knows.
"""

from __future__ import annotations

from agentctl.sandbox.prompt_shape import LLM, llm
from agentctl.sandbox.shape import (
    Shape,
    anything,
    choice,
    flag,
    group,
    many,
    mapping,
    maybe,
    names,
    needed,
    real,
    tagged,
    text,
    whole,
)

_scope = choice("conversation", "conversation", "agent")
_EVENTS = (
    "transcript",
    "audio",
    "call_initiation_failure",
    "answering_machine_detection",
    "unredacted_transcript",
    "unredacted_audio",
)
WEBHOOKS = group(
    post_call_webhook_id=text(None),
    events=many(choice("transcript", *_EVENTS)),
    transcript_format=choice("json", "json", "opentelemetry"),
    exclude_transcript=flag(None),
    send_audio=flag(None),
)
INITIATION_WEBHOOK = maybe(group(url=needed(text()), request_headers=needed(mapping())))
CRITERION = group(
    id=needed(text()),
    name=needed(text()),
    type=choice("prompt", "prompt"),
    conversation_goal_prompt=needed(text(high=2000)),
    use_knowledge_base=flag(),
    scope=_scope,
    llm=text(None, pattern=LLM),
    scoring_mode=choice("binary", "binary", "numeric_uniform"),
    max_score=whole(100),
    score_instructions=text(None, high=2000),
)
COLLECTED = group(
    type=needed(choice("string", "boolean", "string", "integer", "number")),
    description=text(),
    enum=many(default=None),
    is_system_provided=flag(),
    dynamic_variable=text(),
    allowed_values=maybe(group(dynamic_variable=needed(text(low=1)))),
    allowed_values_dynamic_variable=text(),
    constant_value=anything(""),
    is_omitted=flag(),
    name=text(None),
    llm=text(None, pattern=LLM),
)
_TEXTS = names(
    "main_label start_call start_chat new_call end_call mute_microphone change_language collapse expand "
    "copied accept_terms dismiss_terms listening_status speaking_status connecting_status chatting_status "
    "input_label input_placeholder input_placeholder_text_only input_placeholder_new_conversation "
    "user_ended_conversation agent_ended_conversation conversation_id error_occurred copy_id "
    "initiate_feedback request_follow_up_feedback thanks_for_feedback thanks_for_feedback_details "
    "follow_up_feedback_placeholder submit go_back send_message text_mode voice_mode "
    "switched_to_text_mode switched_to_voice_mode copy download wrap agent_working agent_done agent_error "
    "attach_file remove_file file_upload_error file_type_unsupported file_too_large file_limit_reached "
    "typing_indicator"
)
_COLOURS = names(
    "base base_hover base_active base_border base_subtle base_primary base_error accent accent_hover "
    "accent_active accent_border accent_subtle accent_primary"
)
_SIZES = names(
    "overlay_padding button_radius input_radius bubble_radius sheet_radius compact_sheet_radius dropdown_sheet_radius"
)
_LABELS = names(
    "action_text start_call_text end_call_text expand_text listening_text speaking_text shareable_page_text"
)
_allowed_host = group(hostname=needed(text()))
_texts = group(**{name: text(None) for name in _TEXTS})

_widget = group(
    variant=choice("full", "tiny", "compact", "full", "expandable"),
    placement=choice("bottom-right", "top-left", "top", "top-right", "bottom-left", "bottom", "bottom-right"),
    expandable=choice("never", "never", "mobile", "desktop", "always"),
    avatar=tagged(
        "type",
        "orb",
        orb=group(color_1=text("#2792dc"), color_2=text("#9ce6e6")),
        url=group(custom_url=text()),
        image=group(url=text()),
    ),
    feedback_mode=choice("none", "none", "during", "end"),
    end_feedback=maybe(group(type=choice("rating", "rating"))),
    bg_color=text("#ffffff"),
    text_color=text("#000000"),
    btn_color=text("#000000"),
    btn_text_color=text("#ffffff"),
    border_color=text("#e1e1e1"),
    focus_color=text("#000000"),
    border_radius=whole(None),
    btn_radius=whole(None),
    **{name: text(None) for name in _LABELS},
    shareable_page_show_terms=flag(True),
    terms_text=text(None),
    terms_html=text(None),
    terms_key=text(None),
    show_avatar_when_collapsed=Shape("flag", False, nullable=True),
    disable_banner=flag(),
    override_link=text(None),
    markdown_link_allowed_hosts=many(_allowed_host),
    markdown_link_include_www=flag(True),
    markdown_link_allow_http=flag(True),
    mic_muting_enabled=flag(True),
    transcript_enabled=flag(True),
    text_input_enabled=flag(True),
    conversation_mode_toggle_enabled=flag(),
    default_expanded=flag(),
    always_expanded=flag(),
    dismissible=flag(),
    show_agent_status=flag(),
    show_conversation_id=flag(True),
    strip_audio_tags=flag(True),
    syntax_highlight_theme=choice(None, "light", "dark"),
    text_contents=_texts,
    styles=group(**{name: text(None) for name in _COLOURS}, **{name: real(None) for name in _SIZES}),
    show_resize_button=flag(True),
    language_selector=flag(),
    supports_text_only=flag(True),
    custom_avatar_path=text(None),
    language_presets=mapping(
        group(
            text_contents=maybe(_texts),
            text_contents_translation=anything(),
            terms_text=text(None),
            terms_html=text(None),
            terms_key=text(None),
            terms_translation=anything(),
        )
    ),
)
_trigger = tagged(
    "type",
    "end_call",
    end_call=group(),
    retry=group(
        feedback=text(
            "Your response was blocked by a guardrail that blocks content that matches this condition/category: "
            "'{{trigger_reason}}' During your next turn you must tell the user \"I'm sorry but I can't answer that "
            'question, would you like to know something else?".'
        )
    ),
)
_execution = choice("streaming", "streaming", "blocking")
_content = group(is_enabled=flag(), threshold=anything(0.3))
_moderation = group(is_enabled=flag(), threshold=real(0.3, 0, 1))
_CONTENT = names("sexual violence harassment self_harm profanity religion_or_politics medical_and_legal_information")
_MODERATION = names(
    "sexual violence violence_graphic harassment harassment_threatening hate hate_threatening "
    "self_harm_instructions self_harm self_harm_intent sexual_minors"
)
_guardrails = group(
    version=choice("1", "1"),
    focus=group(is_enabled=flag()),
    prompt_injection=group(is_enabled=flag()),
    content=group(
        execution_mode=_execution,
        config=group(**dict.fromkeys(_CONTENT, _content)),
        trigger_action=_trigger,
    ),
    moderation=maybe(group(execution_mode=_execution, config=group(**dict.fromkeys(_MODERATION, _moderation)))),
    custom=group(
        config=group(
            configs=many(
                group(
                    is_enabled=flag(),
                    name=needed(text(low=1, high=500)),
                    prompt=needed(text(low=1, high=10000)),
                    execution_mode=_execution,
                    model=text("gemini-3.1-flash-lite", pattern=LLM),
                    history_message_count=whole(0, 0, 100),
                    history_include_tool_calls=flag(),
                    trigger_action=_trigger,
                    evaluate_full_response_only=flag(),
                )
            )
        )
    ),
)
_overrides = group(
    conversation_config_override=group(
        asr=group(keywords=flag()),
        turn=group(soft_timeout_config=group(message=flag(), additional_soft_timeout_messages=flag())),
        tts=group(
            model_id=flag(),
            voice_id=flag(),
            supported_voices=flag(),
            stability=flag(),
            speed=flag(),
            similarity_boost=flag(),
            pronunciation_dictionary_locators=flag(),
        ),
        conversation=group(text_only=flag(), max_duration_seconds=flag()),
        agent=group(
            first_message=flag(),
            language=flag(),
            max_conversation_duration_message=flag(),
            prompt=group(
                prompt=flag(), llm=flag(), tool_ids=flag(), native_mcp_server_ids=flag(), knowledge_base=flag()
            ),
        ),
    ),
    custom_llm_extra_body=flag(),
    enable_conversation_initiation_client_data_from_webhook=flag(),
    enable_starting_workflow_node_id_from_client=flag(),
    enable_procedure_ids_from_client=flag(),
)
PLATFORM_SETTINGS = group(
    evaluation=group(criteria=many(CRITERION)),
    widget=_widget,
    data_collection=mapping(COLLECTED),
    data_collection_scopes=mapping(_scope),
    analysis_items=maybe(group(evaluation_criteria=many(anything()), data_collection=many(anything()))),
    overrides=_overrides,
    workspace_overrides=group(conversation_initiation_client_data_webhook=INITIATION_WEBHOOK, webhooks=WEBHOOKS),
    testing=group(attached_tests=many(group(test_id=needed(text()), workflow_node_id=text(None)))),
    archived=flag(),
    guardrails=_guardrails,
    summary_language=text(None),
    auto_translate_transcript_to_app_language=flag(None),
    auth=group(
        enable_auth=flag(),
        allowlist=many(_allowed_host),
        require_origin_header=flag(),
        shareable_token=text(None),
    ),
    call_limits=group(agent_concurrency_limit=whole(-1), daily_limit=whole(100000), bursting_enabled=flag(True)),
    queueing_config=group(enabled=flag(), wait_timeout_seconds=whole(180, None, 1800)),
    privacy=group(
        record_voice=flag(True),
        retention_days=whole(-1),
        delete_transcript_and_pii=flag(),
        delete_audio=flag(),
        apply_to_existing_conversations=flag(),
        zero_retention_mode=flag(),
        conversation_history_redaction=group(enabled=flag(), entities=many()),
    ),
    trust_context=choice("unknown", "unknown", "low", "high"),
    analysis_llm=llm,
    topic_discovery=group(),
    sentiment_analysis=group(),
    alerting=maybe(
        group(
            monitor_configs=mapping(),
            auto_resolve_after_inactive_minutes=whole(None, 1),
            notifiers=many(anything()),
        )
    ),
)
