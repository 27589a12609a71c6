import tomllib
from importlib.resources import files
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, meta

from agentctl.sources.assistant_file import schema


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    meta.validate(schema())
    return Draft202012Validator(schema())


def test_the_example_is_valid_by_the_schema(validator: Draft202012Validator) -> None:
    example = files("agentctl") / "templates/project/assistants/empfang/assistant.toml"
    assert list(validator.iter_errors(tomllib.loads(example.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"name": "x", "frist_message": "y"},
        {"name": "x", "voice": {"stability": 1.5}},
        {"name": "x", "phone": {"numbers": ["089 1"]}},
        {"name": "x", "knowledge": [{"name": "y", "text": "a", "url": "https://example.org"}]},
        {"name": "x", "rag": {"max_vector_distance": 1}},
        {"name": "x", "knowledge_base": {"folder": "a/b"}},
        {"name": "x", "elevenlabs": {"conversation": {}}},
    ],
)
def test_the_schema_refuses_what_load_refuses(validator: Draft202012Validator, wrong: dict[str, Any]) -> None:
    assert list(validator.iter_errors(wrong))


def test_an_editor_gets_an_explanation_of_every_field() -> None:
    body = schema()
    for name in ("Llm", "Voice", "KnowledgeEntry", "PostCall", "Phone", "KnowledgeBase", "Rag"):
        assert all("description" in field for field in body["$defs"][name]["properties"].values()), name
    assert body["required"] == ["name"]
    assert '"null"' not in str(body).replace("'", '"')
