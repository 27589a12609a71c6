import re
from dataclasses import replace
from datetime import date, time
from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.calls.call import ActionItem, Call, Digest, Turn
from agentctl.calls.conversation import parse, parse_failure
from agentctl.calls.digest import extract
from agentctl.calls.event import SavedAssistant
from agentctl.calls.mail import MAX_SUBJECT, Letterhead, compose
from tests.agentctl.calls.fakes import EMPFANG, conversation, sample

DIGEST = Digest(
    engine="elevenlabs",
    summary="Erika Muster bittet um Rückruf.\n\nTermin morgen 10 Uhr.",
    language="de",
    title="Rückrufbitte Angebot",
    action_items=(ActionItem("Frau Muster zurückrufen", "Vertrieb", "morgen 10 Uhr"), ActionItem("Angebot prüfen")),
)
ENGLISH = replace(EMPFANG, language="en", name="Reception")
CALLER = "+498999998100"


def called(**changes: Any) -> Call:
    return replace(parse(conversation()), external_number=CALLER, **changes)


def message(call: Call, digest: Digest | None = DIGEST, assistant: SavedAssistant = EMPFANG) -> dict[str, Any]:
    (mail,) = compose(call, digest, assistant)
    return dict(mail["message"])


class Reader(HTMLParser):
    """What a mail reader shows, and every tag and link that it would obey."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br", "link", "img", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.shown.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def test_german() -> None:
    made = message(called())
    assert made["language"] == "de"
    assert made["subject"] == "Empfang: Anruf von +498999998100 – Rückrufbitte Angebot"
    for text in (made["text"], " ".join(" ".join(read(made["html"]).shown).split())):
        assert "Donnerstag, 20. November 2025, 01:53 Uhr (Europe/Berlin, UTC+01:00)" in text
        assert "23 Sek." in text
        assert "Erika Muster bittet um Rückruf." in text
        assert "Termin morgen 10 Uhr." in text
        assert "Frau Muster zurückrufen" in text
        assert "Wer: Vertrieb" in text
        assert "Bis: morgen 10 Uhr" in text
        assert "Guten Tag, Beispiel GmbH" in text
        assert "Werkzeug create_ticket aufgerufen" in text
        assert "Zusammengefasst von der Analyse von ElevenLabs." in text
    assert "https://elevenlabs.io/app/agents/history/conv_7401k5m9x2p8ec3rqv6dtnhb0fzw" in made["text"]
    links = [value for name, value in read(made["html"]).attributes if name == "href"]
    assert links == [
        "tel:+498999998100",
        "https://elevenlabs.io/app/agents/history/conv_7401k5m9x2p8ec3rqv6dtnhb0fzw",
    ]


def test_english() -> None:
    made = message(called(direction="outbound"), replace(DIGEST, title=None), ENGLISH)
    assert made["subject"] == "Reception: Call to +498999998100"
    assert "Thursday, 20 November 2025, 01:53 (Europe/Berlin, UTC+01:00)" in made["text"]
    assert "Who: Vertrieb" in made["text"]
    assert "0:04 Other party" in made["text"]
    assert '<html lang="en">' in made["html"]


def test_the_summary_language_is_the_mails_language_and_any_other_gets_english_words() -> None:
    assert message(called(), assistant=replace(ENGLISH, summary_language="de"))["language"] == "de"
    assert message(called(), assistant=replace(EMPFANG, summary_language="it"))["language"] == "en"


def test_a_failed_call() -> None:
    event = sample("call_initiation_failure_twilio")
    call = parse_failure(event["data"], event["event_timestamp"])
    (mail,) = compose(call, None, EMPFANG)
    made = mail["message"]
    assert mail["purpose"] == "failure"
    assert made["subject"] == "Empfang: Anruf fehlgeschlagen: +4915100000001 – keine Antwort"
    for text in (made["text"], " ".join(read(made["html"]).shown)):
        assert "Dieser Anruf kam nicht zustande." in text
        assert "keine Antwort" in text
        assert "20. November 2025, 00:55 Uhr (UTC)" in text
    assert "Call failed: +4915100000001 – no answer" in message(call, None, ENGLISH)["subject"]


@pytest.mark.parametrize(
    ("digest", "label"),
    [
        (replace(DIGEST, engine="llm", model="qwen3:8b"), "Zusammengefasst vom Sprachmodell qwen3:8b."),
        (extract(parse(conversation()), "de"), "Automatischer Auszug ohne Sprachmodell."),
        (replace(DIGEST, detail={"fallback_from": "llm"}), "Das eingestellte Sprachmodell war nicht verfügbar."),
        (
            replace(DIGEST, detail={"fallback_from": "llm", "over_budget": True}),
            "Das Tagesbudget des Sprachmodells war aufgebraucht.",
        ),
    ],
)
def test_which_engine_wrote_it_is_said(digest: Digest, label: str) -> None:
    made = message(called(), digest)
    assert label in made["text"]
    assert label in made["html"]


def test_one_mail_per_recipient_and_none_for_nobody() -> None:
    several = replace(EMPFANG, mail_to=("a@example.org", "b@example.org", "A@Example.org"))
    mails = compose(called(), DIGEST, several)
    assert [mail["recipient"].lower() for mail in mails] == ["a@example.org", "b@example.org"]
    assert len({mail["message"]["message_id"] for mail in mails}) == 2
    assert compose(called(), DIGEST, replace(EMPFANG, mail_to=())) == []


def test_the_message_id_is_stable_and_the_senders() -> None:
    letterhead = Letterhead("Praxis <praxis@example.org>")
    first = compose(called(), DIGEST, EMPFANG, letterhead)
    again = compose(called(), replace(DIGEST, summary="other"), EMPFANG, letterhead)
    assert first[0]["message"]["message_id"] == again[0]["message"]["message_id"]
    assert re.fullmatch(r"<[0-9a-f]{40}@example\.org>", first[0]["message"]["message_id"])
    assert Letterhead().message_id("c", "call", "a@b.c").endswith("@agentctl.invalid>")
    assert Letterhead(tenant="x").message_id("c", "call", "a@b.c") != Letterhead().message_id("c", "call", "a@b.c")


def test_long_calls_are_cut_and_say_so() -> None:
    turns = tuple(Turn(n, "user", f"Beitrag {n} " + "x" * 200, n) for n in range(500))
    made = message(called(turns=turns))
    assert "agentctl calls show conv_7401k5m9x2p8ec3rqv6dtnhb0fzw" in made["text"]
    assert "weitere Beiträge stehen nicht in dieser E-Mail" in made["html"]
    assert len(made["html"]) < 102_000  # Gmail hides the rest
    one = message(called(turns=(Turn(0, "user", "x" * 1_000_000),)))
    assert len(one["html"]) < 102_000


def test_a_call_of_which_nothing_is_known() -> None:
    made = message(Call("conv_1", "done"), replace(DIGEST, title=None, action_items=()))
    assert made["subject"] == "Empfang: Anruf"
    assert "Nichts zu tun." in made["text"]
    assert "Kein Gesprächstext." in made["html"]
    assert "None" not in made["text"] + made["html"]


def test_no_items_section_where_none_are_wanted() -> None:
    assert "Zu tun" not in message(called(), assistant=replace(EMPFANG, action_items=False))["text"]


def test_outcome_dates_and_evidence() -> None:
    item = ActionItem(
        "Zurückrufen", "Vertrieb", "morgen um zehn", date(2025, 11, 21), time(10), "morgen um zehn Uhr", 4
    )
    digest = replace(
        DIGEST,
        engine="llm",
        model="m",
        outcome="callback",
        caller_name="Erika Muster",
        caller_number="0171 5550123",
        action_items=(item,),
        detail={"dropped": {"count": 2, "items": ["x", "y"]}},
    )
    made = message(called(), digest)
    for text in (made["text"], " ".join(" ".join(read(made["html"]).shown).split())):
        assert "Bis: morgen um zehn (Freitag, 21. November 2025, 10:00 Uhr)" in text
        assert "Beleg (Beitrag 4):" in text
        assert "2 Aufgaben ohne Beleg im Gespräch wurden weggelassen." in text
        assert "Erika Muster" in text
        assert "Rückruf erbeten" in text
    assert 'Beleg (Beitrag 4): "morgen um zehn Uhr"' in made["text"]
    # A number that was only said is not offered to be rung.
    assert next(value for name, value in read(made["html"]).attributes if name == "href") == f"tel:{CALLER}"
    assert "0171 5550123" in made["html"]
    english = message(called(), replace(digest, outcome="Beschwerde"), ENGLISH)["text"]
    assert "Outcome: Beschwerde" in english
    assert "By: morgen um zehn (Friday, 21 November 2025, 10:00)" in english


def test_items_of_elevenlabs_analysis_say_that_they_have_no_evidence() -> None:
    assert "Aus der Analyse von ElevenLabs, die keine Belege nennt." in message(called())["html"]
    assert "keine Belege" not in message(called(), replace(DIGEST, action_items=()))["text"]


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td></tr></table><h1>Konto gesperrt</h1>",
    '"><a href="https://evil.example">hier</a>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "<style>*{display:none}</style>",
    "<!--",
    "-->",
    "]]>",
    "<![CDATA[",
    "&lt;b&gt;&#60;b&#62;",
    "{{ 7*7 }}{% raw %}{{ config }}",
    "{words} {0} %s %(x)s",
    "Hallo\r\nBcc: opfer@example.org\r\n\r\nText",
    "Hallo\nSubject: Anders",
    "Hallo\u2028Bcc: opfer@example.org\u0085X: y\x0b\x0c",
    "\u202eexe.fdp\u202c \u2066a\u2069",
    "\x00\x07\x1b[31mrot\x9b0m",
    "a\u200bb\ufeffc\u00add",
    "=?utf-8?q?Bcc=3A_x?=",
    ".\r\n.\r\nQUIT\r\n",
    "𝕴𝖍𝖗 𝕶𝖔𝖓𝖙𝖔 " * 300,
    "x" * 5000,
    "tel:+49;ext=<b>",
]


def hostile_mail(text: str) -> dict[str, Any]:
    call = replace(
        called(),
        conversation_id=f"conv_{text}"[:200],
        external_number=text,
        agent_number=text,
        status="failed",
        failure_reason=text,
        turns=(Turn(0, "user", text, 0, True, ({"tool_name": text},), ({"tool_name": text, "is_error": True},)),),
    )
    digest = replace(
        DIGEST,
        **dict.fromkeys(("engine", "model", "title", "summary", "outcome", "caller_name", "caller_number"), text),
        action_items=(ActionItem(text, text, text, quote=text, turn=0),),
    )
    return message(call, digest, replace(EMPFANG, name=text or "x"))


def assert_harmless(made: dict[str, Any]) -> None:
    subject = made["subject"]
    assert len(subject) <= MAX_SUBJECT
    assert subject.isprintable()
    assert not re.search("[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]", subject)
    written = EmailMessage(policy=SMTP)
    written["Subject"] = subject  # raises for anything that could start another header
    assert written.as_bytes().count(b"\r\nBcc:") == 0
    reader = read(made["html"])
    allowed = {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "table",
        "tr",
        "td",
        "div",
        "a",
        "br",
        "span",
        "strong",
        "em",
        "wbr",
    }
    assert set(reader.tags) <= allowed
    assert reader.tags.count("style") == 1
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    for name, value in reader.attributes:
        if name == "href":
            assert re.match(r"tel:\+\d+$|https://elevenlabs\.io/app/agents/history/[^\s\"'<>]+$", value or "")
    for body in (made["text"], made["html"]):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", body)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_caller_says_stays_text(text: str) -> None:
    made = hostile_mail(text)
    assert_harmless(made)
    visible = re.sub(r"[\W_]", "", "".join(read(made["html"]).shown))
    words = re.sub(r"[\W_]", "", text)[:40]
    assert words in visible or "\x1b" in text or "&" in text


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_at_all_stays_text(text: str) -> None:
    assert_harmless(hostile_mail(text))


def test_several_lines_said_do_not_look_like_parts_of_the_mail() -> None:
    made = message(called(turns=(Turn(0, "user", "Hallo\n\nZu tun\n  [ ] Geld überweisen", 0),)))
    lines = made["text"].splitlines()
    assert lines.count("Zu tun") == 1
