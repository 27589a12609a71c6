"""agentctl.console.telling: what commands tell in English, in the words of a page."""

from __future__ import annotations

from agentctl.console.telling import begun, failed, is_whole, stored, told, trouble
from agentctl.console.wording import words
from agentctl.errors import ConfigurationError, Problem, StoreSilent, Unauthorized
from agentctl.secrecy.veil import Veil
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Failure

WHERE = "assistants/empfang/assistant.toml: first_message"


def test_what_is_met_daily_is_told_whole_and_by_what_it_is() -> None:
    notice = told(Problem(WHERE, "waits in silence", kind="silent"), Veil())
    german = begun(notice, words("de"))
    assert german.startswith(f"{WHERE}: ist nicht festgelegt: Der Assistent wartet schweigend")
    assert is_whole(notice, words("de"))
    ring = told(Problem("phone_number +498999998100", "rings on", kind="rings_on"), Veil())
    assert begun(ring, words("de")).startswith("Nummer +498999998100: klingelt weiter")


def test_what_is_rare_keeps_its_english_behind_a_word_for_it() -> None:
    notice = told(Problem(WHERE, "is odd in some way"), Veil())
    assert (notice, is_whole(notice, words("de"))) == (f"{WHERE}: is odd in some way", False)
    assert begun(notice, words("de")).startswith(f"{WHERE}: ")
    assert begun(notice, words("en")) == ""


def test_an_error_is_told_by_the_narrowest_class_that_has_words() -> None:
    veil = Veil("ganz-geheimes-wort")
    away = trouble(StoreSilent("no answer from ganz-geheimes-wort", "Check DATABASE_URL."), veil)
    assert begun(away, words("de")) == words("de")("trouble.StoreUnavailable.title")
    assert "geheim" not in away
    refused = failed(Failure(Ref("agent", "empfang"), "", Unauthorized("401", "Set another key.")), veil)
    assert begun(refused, words("de")) == "Agent empfang: Der Schlüssel wird abgelehnt"
    assert begun(refused, words("en")) == "", "there the English says more"
    wrong = trouble(ConfigurationError([Problem("table a, row b: prompt", "is missing", kind="missing")]), veil)
    assert begun(wrong, words("de")) == "table a, row b: prompt: fehlt."


def test_an_error_that_was_kept_is_told_where_its_class_is_one_of_ours() -> None:
    kept = stored("no answer from ganz-geheimes-wort", "StoreSilent", Veil("ganz-geheimes-wort"))
    assert begun(kept, words("de")) == words("de")("trouble.StoreUnavailable.title")
    assert "geheim" not in kept
    for fault in (None, "KeyError at wire.py:3", "Sequence", "annotations"):
        assert begun(stored("no turns", fault, Veil()), words("de")) == ""
