"""Sections [knowledge_base] and [rag], and their defaults in agentctl.toml."""

from collections.abc import Callable

import pytest

from tests.agentctl.sources.disk import ASSISTANT, DiskProject

TOML = "assistants/reception/assistant.toml"
Wrong = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[rag]\nenabled = 1", "rag.enabled: must be true or false (got a number: 1)"),
        ("[rag]\nembedding_model = 'e5'", "rag.embedding_model: must be one of e5_mistral_7b_instruct or "
         "multilingual_e5_large_instruct (got 'e5')"),
        ("[rag]\nmax_vector_distance = 1", "rag.max_vector_distance: must be < 1 (got 1)"),
        ("[rag]\nmax_vector_distance = 0", "rag.max_vector_distance: must be > 0 (got 0)"),
        ("[rag]\nmax_retrieved_rag_chunks_count = 21", "rag.max_retrieved_rag_chunks_count: must be <= 20 (got 21)"),
        ("[rag]\nenabeld = true", "rag: unknown key 'enabeld', did you mean 'enabled'?"),
        ("[knowledge_base]\nfolder = 'a/b'", "knowledge_base.folder: must be true, false, or a name of at most 60 "
         "characters without / and @ (got 'a/b')"),
        ("[knowledge_base]\nfolder = 3", "knowledge_base.folder: must be true, false, or a name of at most 60 "
         "characters without / and @ (got 3)"),
        ("knowledge_base = 5", "knowledge_base: must be a table, like [section] (got a number: 5)"),
        ("[knowledge_base]\nshared_folder = true", "knowledge_base.shared_folder: holds for all assistants alike: put "
         "it under [defaults.knowledge_base] in agentctl.toml"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(wrong: Wrong, toml: str, message: str) -> None:
    assert wrong(toml) == [f"{TOML}: {message}"]


def test_defaults_lie_under_each_assistant(project: DiskProject) -> None:
    project.write(
        "agentctl.toml",
        "project = 'demo'\n[defaults.knowledge_base]\nfolder = true\nshared_folder = 'All'\n"
        "[defaults.rag]\nenabled = true",
    )
    project.assistant("night", f"{ASSISTANT}\n[rag]\nmax_documents_length = 9\n[knowledge_base]\nfolder = false")
    night, reception = project.load().checked().assistants
    assert (night.knowledge_base.folder, night.knowledge_base.shared_folder) == (False, "All")
    assert reception.knowledge_base.folder is True
    assert night.rag.settings() == {
        "enabled": True,
        "embedding_model": "e5_mistral_7b_instruct",
        "max_documents_length": 9,
    }


def test_what_is_not_declared_is_not_pushed(project: DiskProject) -> None:
    (one,) = project.load().checked().assistants
    assert one.rag.settings() == {}
    project.assistant("reception", f"{ASSISTANT}\n[rag]\nenabled = false")
    assert project.load().checked().assistants[0].rag.settings() == {"enabled": False}
