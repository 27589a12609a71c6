"""`conversation_config` of an agent: every known key with the platform's default.

Written from the published OpenAPI spec of the vendor's CLI 1.3.0, plus the keys that only SDK 2.78 knows.
"""

from __future__ import annotations

from agentctl.sandbox.prompt_shape import LLM, PROMPT, knowledge_locator
from agentctl.sandbox.shape import (
    choice,
    flag,
    group,
    many,
    mapping,
    maybe,
    needed,
    real,
    text,
    whole,
)

_AUDIO = ("pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000", "ulaw_8000")
TTS_MODELS = (
    "eleven_turbo_v2",
    "eleven_turbo_v2_5",
    "eleven_flash_v2",
    "eleven_flash_v2_5",
    "eleven_multilingual_v2",
    "eleven_v3_conversational",
)
_EVENTS = (
    "conversation_initiation_metadata",
    "asr_initiation_metadata",
    "ping",
    "audio",
    "interruption",
    "user_transcript",
    "tentative_user_transcript",
    "agent_response",
    "agent_response_correction",
    "client_tool_call",
    "mcp_tool_call",
    "mcp_connection_status",
    "agent_tool_request",
    "agent_tool_response",
    "agent_tool_response_full_payload",
    "agent_response_metadata",
    "vad_score",
    "agent_chat_response_part",
    "client_error",
    "guardrail_triggered",
    "dtmf_request",
    "agent_response_complete",
    "context_usage",
    "internal_turn_probability",
    "internal_tentative_agent_response",
)
_FAMILIES = ("turbo", "flash", "multilingual", "v3_conversational")
supported_voice = group(
    label=needed(text(low=1)),
    voice_id=needed(text(low=1)),
    description=text(None),
    language=text(None),
    model_family=choice(None, *_FAMILIES),
    optimize_streaming_latency=choice(None, 0, 1, 2, 3, 4),
    stability=real(None, 0, 1),
    speed=real(None, 0.7, 1.2),
    similarity_boost=real(None, 0, 1),
)
pronunciation = group(pronunciation_dictionary_id=needed(text()), version_id=text(None))

_translation = maybe(group(source_hash=needed(text()), text=needed(text())))
_preset = group(
    overrides=needed(
        group(
            asr=maybe(group(keywords=many(default=None))),
            turn=maybe(
                group(
                    soft_timeout_config=maybe(
                        group(message=text(None), additional_soft_timeout_messages=many(default=None))
                    )
                )
            ),
            tts=maybe(
                group(
                    model_id=choice(None, *TTS_MODELS),
                    voice_id=text(None),
                    supported_voices=many(supported_voice, default=None),
                    stability=real(None),
                    speed=real(None),
                    similarity_boost=real(None),
                    pronunciation_dictionary_locators=many(pronunciation, default=None),
                )
            ),
            conversation=maybe(group(text_only=flag(None), max_duration_seconds=whole(None))),
            agent=maybe(
                group(
                    first_message=text(None),
                    language=text(None),
                    max_conversation_duration_message=text(None),
                    prompt=maybe(
                        group(
                            prompt=text(None),
                            llm=text(None, pattern=LLM),
                            tool_ids=many(default=None),
                            native_mcp_server_ids=many(default=None),
                            knowledge_base=many(knowledge_locator, default=None),
                        )
                    ),
                )
            ),
        )
    ),
    first_message_translation=_translation,
    soft_timeout_translation=_translation,
)
_tts = group(
    model_id=choice("eleven_flash_v2", *TTS_MODELS),
    voice_id=text("cjVigY5qzO86Huf0OWal"),
    supported_voices=many(supported_voice),
    expressive_mode=flag(True),
    suggested_audio_tags=many(group(tag=needed(text(low=1, high=30)), description=text(None, high=200))),
    agent_output_audio_format=choice("pcm_16000", *_AUDIO),
    optimize_streaming_latency=choice(3, 0, 1, 2, 3, 4),
    stability=real(0.5, 0, 1),
    speed=real(1.0, 0.7, 1.2),
    similarity_boost=real(0.8, 0, 1),
    clone_strength=real(None),
    text_normalisation_type=choice("system_prompt", "system_prompt", "elevenlabs"),
    pronunciation_dictionary_locators=many(pronunciation),
    enable_phoneme_tags=flag(True),
    audio_effects=maybe(
        group(
            filter_preset_id=text(None),
            distance=real(0.0, 0, 1),
            environment_id=text(None),
            background_noise_id=text(None),
            send_level=real(1.0, 0, 1),
            seed=whole(None),
        )
    ),
)
_turn = group(
    turn_timeout=real(7.0),
    initial_wait_time=real(None),
    silence_end_call_timeout=real(-1.0),
    mode=choice("turn", "silence", "turn"),
    turn_eagerness=choice("normal", "patient", "normal", "eager"),
    spelling_patience=choice("auto", "auto", "off"),
    speculative_turn=flag(),
    retranscribe_on_turn_timeout=flag(),
    turn_model=choice("turn_v3", "turn_v2", "turn_v3"),
    interruption_ignore_terms=many(),
    interruption_ignore_term_languages=many(),
    merge_with_default_ignore_terms=flag(),
    transcribe_on_disabled_interruptions=flag(),
    soft_timeout_config=group(
        timeout_seconds=real(-1.0),
        message=text("Hhmmmm...yeah.", low=1, high=200),
        additional_soft_timeout_messages=many(),
        use_llm_generated_message=flag(),
        randomize_fillers=flag(),
        max_soft_timeouts_per_generation=whole(1, 1, 8),
        llm_generated_message_prompt_override=text(None, low=1, high=1000),
        disable_until_first_user_message=flag(),
    ),
    noisy_environment_detection=flag(None),
    noisy_environment_message=text(None),
)
_conversation = group(
    text_only=flag(),
    max_duration_seconds=whole(600),
    client_events=many(choice("audio", *_EVENTS), default=("audio", "interruption")),
    file_input=group(enabled=flag(True), max_files_in_memory=whole(10, 1, 30), max_files_per_conversation=whole(10)),
    monitoring_enabled=flag(),
    monitoring_events=many(choice("audio", *_EVENTS)),
    dtmf_input_settings=maybe(
        group(dtmf_input_timeout=real(2.0, 0.5, 10), hash_terminator=flag(True), redact_input=flag())
    ),
    background_sound=group(
        source_type=choice(None, "preset"),
        source_id=choice(
            None,
            "office1",
            "office2",
            "restaurant",
            "city",
            "typing",
            "elevator1",
            "elevator2",
            "elevator3",
            "elevator4",
        ),
        volume=real(0.15, 0.01, 1),
        crossfade_loop=flag(True),
    ),
    source_attribution=flag(),
)
_behaviour = group(
    verbosity=choice(None, "auto", "concise", "thorough"),
    output_format=text(None),
    interaction_budget=choice(None, "realtime", "5_minutes", "10_minutes", "1_hour"),
)
CONVERSATION_CONFIG = group(
    asr=group(
        quality=choice("high", "high"),
        provider=choice("scribe_realtime", "elevenlabs", "scribe_realtime"),
        user_input_audio_format=choice("pcm_16000", *_AUDIO),
        keywords=many(),
    ),
    turn=_turn,
    tts=_tts,
    conversation=_conversation,
    language_presets=mapping(_preset),
    vad=group(background_voice_detection=flag()),
    agent=group(
        first_message=text(),
        language=text("en"),
        hinglish_mode=flag(),
        dynamic_variables=group(dynamic_variable_placeholders=mapping()),
        disable_first_message_interruptions=flag(),
        max_conversation_duration_message=text(),
        text_behavior_overrides=maybe(mapping(_behaviour)),
        prompt=PROMPT,
    ),
)
