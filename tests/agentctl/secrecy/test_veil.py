"""A secret is found in whatever form others repeat it, and nothing else is taken out."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from pydantic import SecretStr

from agentctl.secrecy.secret import masked, secrets
from agentctl.secrecy.veil import NEARBY, Veil

SECRET = 'Bearer s3cret/ca+n=ary~"quoted"\'ü\\n\n&<tail>'
CORE = "s3cret"
FORMS = {
    "as it is": SECRET,
    "another case": SECRET.upper(),
    "in an address": quote(SECRET, safe=""),
    "in a path": quote(SECRET),
    "in a form": quote_plus(SECRET),
    "quoted twice": quote(quote(SECRET)),
    "lower digits": quote(SECRET, safe="").lower(),
    "JSON": json.dumps(SECRET),
    "JSON with letters": json.dumps(SECRET, ensure_ascii=False),
    "JSON within JSON": json.dumps(json.dumps(SECRET)),
    "repr": repr(SECRET),
    "repr within JSON": json.dumps(repr(SECRET)),
    "ascii": ascii(SECRET),
    "octets": repr(SECRET.encode()),
    "HTML": html.escape(SECRET),
    "HTML twice": html.escape(html.escape(SECRET)),
    "references": SECRET.encode("ascii", "xmlcharrefreplace").decode(),
    "hexadecimal": SECRET.encode().hex(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_secret_is_taken_out_in_every_form(form: str) -> None:
    shown = Veil(SecretStr(SECRET))(f"the stored header {form} cannot be used")
    assert CORE not in shown.lower()
    assert "ary" not in shown.lower()
    assert "tail" not in shown.lower()
    assert shown.startswith("the stored header ")
    assert shown.endswith(" cannot be used")


@pytest.mark.parametrize("before", ["", "a", "ab", "AC0123456789:"])
@pytest.mark.parametrize(
    "encode", [base64.b64encode, base64.urlsafe_b64encode, lambda one: quote(base64.b64encode(one))]
)
def test_base64_hides_nothing_wherever_a_secret_stands_in_it(before: str, encode: object) -> None:
    token = "tök??>>~~en0123456789"
    assert callable(encode)
    made = encode(f"{before}{token}:after".encode())
    text = made.decode() if isinstance(made, bytes) else made
    assert Veil(token)(f"refused: Basic {text} (x)") == "refused: Basic *** (x)"


def test_what_is_no_secret_stays() -> None:
    said = "GET /v1/agents: 404 [request req_1], text/html, 12 tokens, a test of 1234 things"
    assert Veil("k", "1", "", "   ", "test0", "234")(said) == said
    assert Veil("agents")("xagents, v1/agents") == "xagents, v1/***"


def test_a_short_one_is_hidden_where_it_stands_and_no_word_beside_it() -> None:
    said = "abc.md of 1234: https://x.org/abc?key=%s, https://me:%s@x.org"
    shown = said % ("***", "***")
    assert Veil("abc", "1234", *secrets(said % ("abc", "1234")))(said % ("abc", "1234")) == shown
    assert masked({"prompt": said % ("a", "b"), "headers": {"X": "abc"}}) == {"prompt": shown, "headers": {"X": "***"}}


def test_a_text_that_is_about_it_hides_it_however_short() -> None:
    assert Veil("abc", shortest=NEARBY)('cannot be used: "abc", abcd') == 'cannot be used: "***", abcd'


def test_what_follows_the_scheme_of_a_header_is_known_by_itself() -> None:
    assert Veil("Bearer canary-0123")("token canary-0123 refused") == "token *** refused"


def test_secrets_that_overlap_and_one_within_another_leave_nothing() -> None:
    assert Veil("aaaabbbb", "bbbbcccc", "aabbbb")("x aaaabbbbcccc y aabbbb") == "x *** y ***"


def test_a_letter_that_grows_in_lower_case_moves_nothing() -> None:
    assert Veil("canary-0123")("İİİ CANARY-0123 İ") == "İİİ *** İ"


@pytest.mark.parametrize(
    "setting",
    [
        "postgresql://me:pass%2Fword1@db.example.org/x",
        "host=db user=me password=pass/word1 port=1",
        "smtp://me:pass%2Fword1@x",
    ],
)
def test_a_password_is_known_apart_from_its_address(setting: str) -> None:
    assert Veil(SecretStr(setting))("login of me with pass/word1 at db.example.org refused") == (
        "login of me with *** at db.example.org refused"
    )


def test_what_is_known_later_is_asked_for_once_and_only_when_there_is_a_text() -> None:
    asked = []

    def source() -> list[object]:
        asked.append(1)
        return ["canary-0123", 987654]

    veil = Veil()
    veil.later(source)
    assert asked == []
    assert [veil("a canary-0123 of 987654"), veil("canary-0123")] == ["a *** of ***", "***"]
    assert asked == [1]
    assert "canary" not in repr(veil) + repr(vars(veil)["_known"].values())


def test_which_of_them_stand_in_a_text_is_told_however_they_are_written_there() -> None:
    veil = Veil("canary-0123/x", "siskin-4567")
    assert veil.found("no bird") == frozenset()
    assert veil.found("canary-0123%2Fx, c2lza2luLTQ1Njc=") == {"canary-0123/x", "siskin-4567"}
    assert veil.found("only siskin-4567") == {"siskin-4567"}
