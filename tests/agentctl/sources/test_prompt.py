import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.sources import prompt
from agentctl.sources.prompt import MAX_CHARACTERS, Kept, Prompts
from agentctl.sources.toml import Unreadable

WHERE = "assistants/reception/prompt.md"
PARTS = {"shared/tone.md": "Kind to {{name}}.\n", "shared/loop.md": "[% include 'shared/loop.md' %]"}


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test renders for itself."""
    monkeypatch.setattr(prompt, "KEPT", Kept())


def render(text: str, **variables: object) -> str:
    with Prompts(PARTS) as prompts:
        return prompts.render(text, WHERE, variables)


def failure(text: str, **variables: object) -> str:
    with pytest.raises(Unreadable) as caught:
        render(text, **variables)
    return str(caught.value.problem)


def test_variables_conditions_loops_and_parts() -> None:
    text = (
        "[# not in the prompt #]\n[[ firm ]]\n[% if open %]\nopen\n[% endif %]\n"
        "[% for day in days %]\n- [[ day ]]\n[% endfor %]\n[% include 'shared/tone.md' %]\nEnd {{ system__time }}\n"
    )
    rendered = render(text, firm="Beispiel", open=True, days=["Mo", "Di"])
    assert rendered == "Beispiel\nopen\n- Mo\n- Di\nKind to {{name}}.\nEnd {{ system__time }}\n"


# Text that a template must leave alone: anything but our own three openings.
foreign = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=60).filter(
    lambda text: not any(mark in f"{{{{{text}}}}}" for mark in ("[[", "[%", "[#"))
)


@settings(max_examples=300, deadline=None)
@given(inside=foreign, before=foreign)
def test_dynamic_variables_pass_through_untouched(renderer: Prompts, inside: str, before: str) -> None:
    text = f"{before} {{{{{inside}}}}}"
    assert renderer.render(text, WHERE, {}) == text
    # And also where the template does have something to do.
    assert renderer.render(f"{text} [[ x ]]{{{{{inside}}}}}", WHERE, {"x": 1}) == f"{text} 1{{{{{inside}}}}}"


@pytest.fixture(scope="module")
def renderer() -> object:
    with Prompts({}) as prompts:
        yield prompts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n[[ compny ]]", "line 2: [[compny]] is not defined, did you mean 'company'?"),
        ("[[ assistant.nmae ]]", "line 1: there is no 'nmae' in that table"),
        ("[% include 'shared/tnoe.md' %]", "line 1: cannot include 'shared/tnoe.md', did you mean 'shared/tone.md'?"),
        ("[% include '../../.env' %]", "line 1: cannot include '../../.env', "
         "only the .md and .txt files in shared/ can be included"),
        ("\n[% foo %]", "line 2: Encountered unknown tag 'foo'"),
        ("[% if x", "line 1: unexpected end of template, expected 'end of statement block'"),
        ("see [#1]", "line 1: Missing end of comment tag; "
         "to have [[, [% or [# as text, put it between [% raw %] and [% endraw %]"),
        ("[[ company.__class__.__mro__ ]]", "line 1: access to attribute '__class__' of 'str' object is unsafe"),
        ("[[ company | random ]]", "line 1: No filter named 'random'"),
        ("[[ 1 / 0 ]]", "line 1: division by zero"),
        ("[% for i in range(1000000) %][% endfor %]",
         "line 1: Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000)"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_line(text: str, message: str) -> None:
    assert failure(text, company="x", assistant={"name": "y"}) == f"{WHERE}: {message}"


def test_a_mistake_in_a_part_names_the_part() -> None:
    assert failure("[% include 'shared/loop.md' %]") == "shared/loop.md: line 1: includes or calls itself without end"


BOMBS = {
    "endless loops": "[% for i in range(100000) %][% for j in range(100000) %][% endfor %][% endfor %]",
    "calls that double": "[% macro f(n) %][% if n %][[ f(n - 1) ]][[ f(n - 1) ]][% endif %][% endmacro %][[ f(60) ]]",
    "one long operation": "[[ '%1000000000d' % 1 ]]",
    "text that doubles": "[% set n = namespace(x='aaaaaaaaaa') %]"
    "[% for i in range(60) %][% set n.x = n.x ~ n.x %][% endfor %]",
    "a huge text": "[[ 'a' * 10000000000 ]]",
    "a huge filter": "[[ 'a' | center(1000000000000) ]]",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_ends_and_the_next_prompt_is_fine(bomb: str) -> None:
    _ends(Prompts({}, cpu_seconds=0.2), bomb)


def test_it_ends_where_nobody_says_when() -> None:
    _ends(Prompts({}), BOMBS["endless loops"])


def _ends(rendering: Prompts, bomb: str) -> None:
    with rendering as prompts:
        with pytest.raises(Unreadable) as caught:
            prompts.render(bomb, WHERE, {})
        assert str(caught.value.problem) in (
            f"{WHERE}: takes too long or too much memory to render; is a loop endless?",
            f"{WHERE}: needs too much memory",
        )
        assert prompts.render("[[ x ]]", WHERE, {"x": "fine"}) == "fine"


def test_what_grows_too_long_is_refused() -> None:
    text = "[% for i in range(100000) %]abc[% endfor %]"
    assert failure(text) == f"{WHERE}: becomes longer than {MAX_CHARACTERS:,} characters"


def test_plain_text_needs_no_process() -> None:
    with Prompts({}) as prompts:
        assert prompts.render("Hello {{name}} [x](y)", WHERE, {}) == "Hello {{name}} [x](y)"
        assert prompts._process is None


def test_what_was_rendered_before_needs_no_process_and_any_difference_does() -> None:
    text = "[[ x ]] [% include 'shared/tone.md' %]"
    assert render(text, x=1) == "1 Kind to {{name}}.\n"
    with Prompts(PARTS) as prompts:
        assert prompts.render(text, WHERE, {"x": 1}) == "1 Kind to {{name}}.\n"
        assert prompts._process is None
        assert prompts.render(text, WHERE, {"x": 2}) == "2 Kind to {{name}}.\n"
        assert prompts._process is not None
    with Prompts({"shared/tone.md": "Stern."}) as prompts:
        assert prompts.render(text, WHERE, {"x": 1}) == "1 Stern."


def test_what_is_kept_has_an_end() -> None:
    kept = Kept(limit=10)
    for name in (b"a", b"b", b"c"):
        kept.put(name, "12345")
    assert [kept.get(name) for name in (b"a", b"b", b"c")] == [None, None, "12345"]


def test_the_process_ends_with_its_owner() -> None:
    with Prompts({}) as prompts:
        prompts.render("[[ 1 ]]", WHERE, {})
        process = prompts._process
    assert process is not None
    assert process.returncode is not None


def test_half_a_character_does_not_leave_the_renderer() -> None:
    assert failure("[[ '\\ud800' ]]") == f"{WHERE}: renders to text that is not Unicode"
