import pytest
from hypothesis import given

from agentctl.calls.action_items import action_items
from agentctl.calls.call import ActionItem
from tests.agentctl.calls.test_wire import json_values

CALL_BACK = ActionItem("Frau Muster zurückrufen", "Vertrieb", "morgen 10 Uhr")


@pytest.mark.parametrize(
    "value",
    [
        "Frau Muster zurückrufen | Vertrieb | morgen 10 Uhr",
        "- Frau Muster zurückrufen|Vertrieb|morgen 10 Uhr\n",
        "1. Frau Muster zurückrufen | Vertrieb | morgen 10 Uhr\r\n\r\n",
        "• Frau Muster zurückrufen | Vertrieb | morgen 10 Uhr",
        "[ ] Frau Muster zurückrufen | Vertrieb | morgen 10 Uhr",
        "| Frau Muster zurückrufen | Vertrieb | morgen 10 Uhr |",
        ["Frau Muster zurückrufen | Vertrieb | morgen 10 Uhr"],
        '["Frau Muster zurückrufen | Vertrieb | morgen 10 Uhr"]',
        [{"what": "Frau Muster zurückrufen", "who": "Vertrieb", "when": "morgen 10 Uhr"}],
        '[{"task": "Frau Muster zurückrufen", "who": "Vertrieb", "due": "morgen 10 Uhr"}]',
        {"what": "Frau Muster zurückrufen", "who": "Vertrieb", "due": "morgen 10 Uhr"},
        "Frau Muster zurückrufen | Vertrieb | morgen 10 Uhr\nFrau Muster zurückrufen | Vertrieb | morgen 10 Uhr",
    ],
)
def test_the_agreed_form_and_those_near_it(value: object) -> None:
    assert action_items(value) == (CALL_BACK,)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Angebot schicken", ActionItem("Angebot schicken")),
        ("Angebot schicken ||", ActionItem("Angebot schicken")),
        ("Angebot schicken | | Freitag", ActionItem("Angebot schicken", None, "Freitag")),
        ("Angebot schicken | - | n/a", ActionItem("Angebot schicken")),
        ("Angebot | Team | Freitag | spätestens 12 Uhr", ActionItem("Angebot", "Team", "Freitag spätestens 12 Uhr")),
        ("[Angebot] schicken", ActionItem("[Angebot] schicken")),
        ("2 Exemplare schicken", ActionItem("2 Exemplare schicken")),
    ],
)
def test_parts_may_be_missing(value: str, expected: ActionItem) -> None:
    assert action_items(value) == (expected,)


@pytest.mark.parametrize(
    "value",
    [None, "", " \n ", "-", "keine", "Keine.", "None", "n/a", "Nichts zu tun.", "[]", [], {}, 5, True, [None, 3]],
)
def test_nothing_to_do(value: object) -> None:
    assert action_items(value) == ()


def test_endless_lists_and_lines_are_cut() -> None:
    found = action_items("\n".join(f"{n} {'x' * 2000}" for n in range(500)))
    assert len(found) == 50
    assert len(found[0].what) == 500


@given(json_values)
def test_never_fatal(value: object) -> None:
    assert all(item.what for item in action_items(value))
