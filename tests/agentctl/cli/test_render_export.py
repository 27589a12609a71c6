"""What was said on the phone, in an export to read: shown as it is, by renderers that people use."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agentctl.cli.render_call import line
from agentctl.cli.render_export import FORMS, text

HOSTILE = [
    *(
        "# Titel",
        "###### x",
        "- Punkt",
        "+ Punkt",
        "* Punkt",
        "1. Punkt",
        "12) Punkt",
        "123456789. x",
        "1234567890. x",
        "---",
        "- - -",
    ),
    *(
        "===",
        "***",
        "> Zitat",
        "    Code",
        "```",
        "~~~",
        "`x`",
        "*x*",
        "__x__",
        "~~x~~",
        "| a | b |",
        "[x]: http://e.vil",
    ),
    *(
        "[x](http://evil.example)",
        "![x](http://evil.example)",
        "<http://evil.example>",
        "<b>x</b>",
        "&amp;",
        "a\\",
        "[^1]",
    ),
    *("http://evil.example", "HTTPS://evil.example", "ftp://evil.example", "www.evil.example", "a@evil.example"),
    *("mailto:a@evil.example", "xmpp:a@evil.example/x", "$x$", "@somebody"),
]
# GFM's extended autolinks, which it looks for in the text as it is shown.
GFM_MAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
GFM_NAME = re.compile(r"@\w")


def rendered(markdown: str) -> str:
    return str(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown)).strip()


def shown(html: str) -> str:
    return unescape(html).replace("\u2060", "")


@pytest.mark.parametrize("said", HOSTILE)
@pytest.mark.parametrize(("before", "after"), [("", ""), ("> ", ""), ("- [ ] ", ""), ("## ", ""), ("**1 user:** ", "")])
def test_what_was_said_is_no_markup_and_no_link_wherever_it_stands(said: str, before: str, after: str) -> None:
    plain, hostile = rendered(f"{before}words{after}"), rendered(f"{before}{text(said)}{after}")
    assert re.findall(r"<[^>]*>", hostile) == re.findall(r"<[^>]*>", plain)
    assert shown(hostile) == plain.replace("words", line(said))
    assert not GFM_MAIL.search(unescape(hostile))
    assert not GFM_NAME.search(unescape(hostile))


@pytest.mark.parametrize("said", ["http://evil.example", "https://evil.example", "www.evil.example"])
def test_an_address_is_parted_in_the_source_where_links_are_looked_for_there(said: str) -> None:
    assert re.search(r"\\[:.]", text(said))


@given(st.text(alphabet=st.sampled_from("#+-=*_`~>|[]()<>!\\&.: 019ax@\n"), max_size=30))
def test_any_words_come_out_as_they_went_in(said: str) -> None:
    if line(said):
        assert shown(rendered(text(said))) == f"<p>{line(said)}</p>"


def test_a_call_is_one_heading_and_its_turns_whatever_it_holds() -> None:
    said = "# x\n\n- a@evil.example"
    call = {
        **dict.fromkeys(
            ("assistant_name", "assistant", "agent_id", "title", "status", "external_number", "channel"), said
        ),
        **dict.fromkeys(("conversation_id", "successful", "outcome", "summary"), said),
        "started_at": None,
        "duration_secs": 1,
        "action_items": [{"what": said, "who": said, "due": said, "done": False}],
        "turns": [{"position": 0, "at_secs": 0, "role": said, "message": said}],
    }
    html = rendered(FORMS["md"].body(call))
    assert re.findall(r"<(h\d|li|a|hr)\b", html) == ["h2", "li"]
