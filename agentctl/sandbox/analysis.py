"""The platform's own analysis after a call: summary, criteria, and every data-collection item declared."""

from __future__ import annotations

from typing import Any

from agentctl.sandbox.phrases import phrases
from agentctl.sandbox.script import Script
from agentctl.sandbox.state import Row

_SCHEMA_KEYS = (
    "type",
    "description",
    "enum",
    "is_system_provided",
    "dynamic_variable",
    "allowed_values",
    "allowed_values_dynamic_variable",
    "constant_value",
    "is_omitted",
)
_NAMES = ("name",)
_NUMBERS = ("phone", "telefon", "nummer", "number")
_TOPICS = ("topic", "anliegen", "betreff", "thema", "subject", "reason", "grund")
_CALLBACKS = ("callback", "rückruf", "rueckruf", "call_back")


def analysis(agent: Row, script: Script, external_number: str | None) -> Row:
    """`ConversationHistoryAnalysisCommonModel`."""
    settings = agent["platform_settings"]
    collected = {
        key: _collected(key, item, script, external_number) for key, item in settings["data_collection"].items()
    }
    criteria = {item["id"]: _criterion(item) for item in settings["evaluation"]["criteria"]}
    summary, title = _summary(settings["summary_language"] or script.language, script)
    return {
        "evaluation_criteria_results": criteria,
        "data_collection_results": collected,
        "evaluation_criteria_results_list": list(criteria.values()),
        "data_collection_results_list": list(collected.values()),
        "call_successful": "success",
        "call_success_score": 1.0,
        "transcript_summary": summary,
        "call_summary_title": title,
        "scoped": [
            {
                "scope": "conversation",
                "source_agent_id": agent["agent_id"],
                "source_branch_id": agent["branch_id"],
                "evaluation_criteria_results": criteria,
                "data_collection_results": collected,
                "successful": "success",
                "success_score": 1.0,
            }
        ],
    }


def _summary(language: str, script: Script) -> tuple[str, str]:
    """Summary and title in German or English, whatever language was spoken."""
    words = phrases(language)
    who = script.caller or words.somebody
    who = who[0].upper() + who[1:]
    spoken = sum(line.message is not None for line in script.lines)
    parts = [words.summary.format(who=who, turns=spoken)]
    parts += [words.summary_answer.format(question=asked, answer=told) for asked, told in script.answers]
    parts += [words.summary_callback.format(what=item.what, when=item.when or "–") for item in script.callbacks]
    if not script.callbacks:
        parts.append(words.summary_nothing)
    title = words.title_callback if script.callbacks else words.title
    return " ".join(parts), title.format(who=who)


def _criterion(item: Row) -> Row:
    numeric = item["scoring_mode"] == "numeric_uniform"
    return {
        "criteria_id": item["id"],
        "result": "success",
        "rationale": f"The scripted conversation counts as meeting: {item['name']}",
        "scoring_mode": item["scoring_mode"],
        "score": item["max_score"] if numeric else None,
        "max_score": item["max_score"] if numeric else None,
    }


def _collected(key: str, item: Row, script: Script, external_number: str | None) -> Row:
    value = _value(key, item, script, external_number)
    return {
        "data_collection_id": key,
        "name": item["name"] or key,
        "value": value,
        "json_schema": {name: item[name] for name in _SCHEMA_KEYS},
        "rationale": "Said in the conversation." if value is not None else "Not mentioned in the conversation.",
    }


def _value(key: str, item: Row, script: Script, external_number: str | None) -> Any:
    """A value of the declared type, or null where the call does not hold one."""
    about = f"{key} {item['description']}".casefold()
    if item["type"] == "boolean":
        return bool(script.callbacks) if any(word in about for word in _CALLBACKS) else None
    if item["type"] in ("integer", "number"):
        # The only quantity in a scripted call is how much there is to do.
        return len(script.callbacks) if "action" in key or "count" in key else None
    if key == "action_items":
        return "\n".join(callback.line for callback in script.callbacks) or None
    if item["enum"]:
        said = " ".join(line.message or "" for line in script.lines).casefold()
        return next((option for option in item["enum"] if option.casefold() in said), None)
    name = key.casefold()
    if any(word in name for word in _NUMBERS):
        return external_number
    if any(word in name for word in _NAMES):
        return script.caller or None
    if any(word in name for word in (*_TOPICS, *_CALLBACKS)):
        return script.callbacks[0].what if script.callbacks else None
    return None
