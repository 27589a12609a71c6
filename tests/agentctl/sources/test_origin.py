import pytest

from agentctl.sources.origin import differing, origin, used_parts

PARTS = {
    "shared/ton.md": "Freundlich. [% include 'shared/mehr.md' %]",
    "shared/mehr.md": "[[firm]]",
    "shared/x.md": "x",
}


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("Hilf.", []),
        ('[% include "shared/x.md" %]', ["shared/x.md"]),
        ("[%- include 'shared/x.md' ignore missing -%]", ["shared/x.md"]),
        ("[% include 'shared/ton.md' %]", ["shared/mehr.md", "shared/ton.md"]),
        ("[% from 'shared/x.md' import a %]", ["shared/x.md"]),
        # A name that is put together may be any.
        ("[% include 'shared/' ~ assistant.key %]", sorted(PARTS)),
        ("[% include ['shared/x.md', 'shared/ton.md'] %]", sorted(PARTS)),
        ("[% include 'shared/x.md' if loud else 'shared/ton.md' %]", sorted(PARTS)),
    ],
)
def test_parts_are_used_where_they_are_named(text: str, used: list[str]) -> None:
    assert used_parts(text, PARTS) == used


def test_only_what_an_assistant_uses_is_part_of_its_origin() -> None:
    def of(**changes: object) -> dict[str, str]:
        given: dict[str, object] = {
            "table": {"name": "E", "voice": {"speed": 1.0}, "first_message": "Hier [[firm]]."},
            "prompt": "[% include 'shared/ton.md' %]\n",
            "parts": PARTS,
            "variables": {"firm": "A", "city": "M"},
            "files": {"assistants/e/knowledge/a.md": "1"},
        }
        return origin(**{**given, **changes})  # type: ignore[arg-type]

    before = of()
    assert differing(before, of()) == []
    assert differing(before, of(variables={"firm": "B", "city": "X"})) == ["vars.firm"]
    assert differing(before, of(parts={**PARTS, "shared/x.md": "y"})) == []
    moved = differing(before, of(parts={**PARTS, "shared/mehr.md": "[[city]]"}))
    assert moved == ["shared/mehr.md", "vars.city"]
    assert differing(before, of(prompt="Hilf.")) == ["prompt.md", "shared/mehr.md", "shared/ton.md"]
    assert differing(before, of(files={"assistants/e/knowledge/b.md": "1"})) == [
        "assistants/e/knowledge/a.md",
        "assistants/e/knowledge/b.md",
    ]
    table = {"name": "E", "voice": {"speed": 1.1}, "first_message": "Hier [[firm]].", "tags": {}}
    assert differing(before, of(table=table)) == ["tags", "voice.speed"]


def test_what_the_texts_of_other_languages_use_is_part_of_an_origin() -> None:
    def of(presets: object, firm: str = "A") -> dict[str, str]:
        return origin({"language_presets": presets}, "Hilf.", PARTS, {"firm": firm}, {})

    french = {"fr": {"first_message": "[[firm]], bonjour.", "prompt": "[% include 'shared/x.md' %]"}}
    assert of(french).keys() >= {"vars.firm", "shared/x.md"}
    assert differing(of(french), of(french, "B")) == ["vars.firm"]
    # What an environment replaces as a whole is checked there.
    assert of("nonsense").keys() == {"language_presets", "prompt.md"}
