import hashlib

import pytest
from pydantic import ValidationError

from agentctl.resources.assistant import Assistant, Document, Phone, PostCall, Voice


def assistant(**fields: object) -> Assistant:
    return Assistant.model_validate({"key": "a", "where": "a.toml", "name": "A", "prompt": "P", **fields})


def test_only_what_is_declared_is_there() -> None:
    plain = assistant()
    assert plain.voice.model_dump(exclude_none=True) == plain.llm.model_dump(exclude_none=True) == {}
    assert (plain.language, plain.first_message, plain.knowledge) == ("en", None, ())


@pytest.mark.parametrize("model", ["eleven_flash_v2", "eleven_turbo_v2"])
def test_an_english_only_voice_model_with_another_language_is_refused(model: str) -> None:
    assert assistant(voice=Voice(model=model)).voice.model == model
    with pytest.raises(ValidationError, match="speaks English only"):
        assistant(language="de", voice=Voice(model=model))


def test_raw_settings_decide_since_they_are_merged_last() -> None:
    raw = {"conversation_config": {"tts": {"model_id": "eleven_flash_v2"}}}
    with pytest.raises(ValidationError, match="eleven_flash_v2 speaks English only"):
        assistant(language="de", voice=Voice(model="eleven_flash_v2_5"), elevenlabs=raw)
    with pytest.raises(ValidationError, match="language 'de'"):
        assistant(
            voice=Voice(model="eleven_flash_v2"), elevenlabs={"conversation_config": {"agent": {"language": "de"}}}
        )
    assert assistant(elevenlabs={"conversation_config": "nonsense"}).language == "en"


@pytest.mark.parametrize("number", ["089 99998100", "+49 89 99998100", "+0123456789", "+498999998100\n", "+49", ""])
def test_numbers_are_e164(number: str) -> None:
    with pytest.raises(ValidationError, match=r"E\.164"):
        Phone(numbers=(number,))


@pytest.mark.parametrize("address", ["a", "a@b", "a@b.c\n", "a@b.c, d@e.f", "A <a@b.c>", "a@b.c\r\nBcc: x@y.z"])
def test_an_address_is_one_mailbox_that_cannot_break_a_header(address: str) -> None:
    with pytest.raises(ValidationError, match="one mail address"):
        PostCall(mail_to=(address,))


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00b"])
def test_a_name_is_one_line(name: str) -> None:
    with pytest.raises(ValidationError, match="one line"):
        assistant(name=name)


@pytest.mark.parametrize("key", ["", "A", "a b", "-a", "a/b", "a" * 64, "a\n"])
def test_a_key_is_safe_in_paths_and_tags(key: str) -> None:
    with pytest.raises(ValidationError):
        assistant(key=key)


def test_a_documents_digest_follows_what_is_uploaded() -> None:
    text = Document(key="a/b", name="b", text="ä")
    assert text.digest == hashlib.sha256("ä".encode()).hexdigest()
    assert Document(key="a/b", name="c", content="ä".encode(), filename="x.pdf").digest == text.digest
    assert Document(key="a/b", name="b", url="https://example.org").digest != text.digest


def test_contents_stay_out_of_repr() -> None:
    shown = repr(assistant(prompt="PRIVATE", knowledge=(Document(key="a/b", name="b", text="PRIVATE"),)))
    assert "PRIVATE" not in shown
