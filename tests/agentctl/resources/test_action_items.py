import pytest

from agentctl.calls.action_items import action_items
from agentctl.calls.call import ActionItem
from agentctl.resources.action_items import ITEM_ID, data_collection, description


@pytest.mark.parametrize(
    ("language", "says"), [("de", "Auf Deutsch"), ("en", "One task per line"), ("it", "code 'it'"), ("fr", "code 'fr'")]
)
def test_the_model_is_asked_in_a_language_for_that_language(language: str, says: str) -> None:
    assert says in description(language)


def test_it_is_one_string_item_of_the_platforms_data_collection() -> None:
    assert data_collection("de") == {ITEM_ID: {"type": "string", "description": description("de")}}


@pytest.mark.parametrize(
    ("language", "marker", "expected"),
    [
        ("de", "Beispiel: ", ActionItem("Frau Muster zum Angebot zurückrufen", "Vertrieb", "morgen 10 Uhr.")),
        ("en", "Example: ", ActionItem("call Ms Muster back about the offer", "sales", "tomorrow 10 am.")),
    ],
)
def test_the_form_that_is_asked_for_is_the_form_that_is_read(language: str, marker: str, expected: ActionItem) -> None:
    example = description(language).split(marker)[1].split(". ")[0] + "."
    assert action_items(example) == (expected,)
