from collections.abc import Callable
from pathlib import Path

import pytest

from agentctl.sources import knowledge
from agentctl.sources.knowledge import slug
from tests.agentctl.sources.disk import ASSISTANT, DiskProject

BASE = "assistants/reception"
Wrong = Callable[[str], list[str]]


def test_every_file_in_the_folder_is_a_document(project: DiskProject) -> None:
    project.write(f"{BASE}/knowledge/Öffnungszeiten.md", b"\xef\xbb\xbfMo\r\nDi\r\n")
    project.write(f"{BASE}/knowledge/prices.PDF", b"%PDF-1.7 \xff")
    project.write(f"{BASE}/knowledge/.DS_Store", "x")
    project.write(f"{BASE}/knowledge/~$prices.docx", "x")
    prices, hours = project.load().checked().assistants[0].knowledge
    assert (hours.key, hours.name, hours.text) == ("reception/oeffnungszeiten", "Öffnungszeiten", "Mo\nDi\n")
    assert (hours.content, hours.usage) == (None, "auto")
    assert (prices.key, prices.content, prices.text) == ("reception/prices", b"%PDF-1.7 \xff", None)
    assert (prices.filename, prices.media_type) == ("prices.PDF", "application/pdf")


def test_entries_name_files_and_add_text_and_pages(project: DiskProject) -> None:
    project.write(f"{BASE}/knowledge/a.md", "A")
    project.write(f"{BASE}/other/b.txt", "B")
    project.assistant(
        "reception",
        f"""
        {ASSISTANT}
        [[knowledge]]
        file = "knowledge/a.md"
        name = "First"
        usage = "prompt"
        [[knowledge]]
        file = "other/b.txt"
        [[knowledge]]
        name = "Parking"
        text = "Behind the house."
        [[knowledge]]
        name = "Site"
        url = "https://example.org/faq"
        """,
    )
    documents = project.load().checked().assistants[0].knowledge
    assert [(d.key, d.usage, d.text or d.url) for d in documents] == [
        ("reception/first", "prompt", "A"),
        ("reception/b", "auto", "B"),
        ("reception/parking", "auto", "Behind the house."),
        ("reception/site", "auto", "https://example.org/faq"),
    ]


def test_shared_knowledge_serves_all_and_usage_is_each_ones_own(project: DiskProject) -> None:
    project.write("shared/knowledge/firm.md", "The firm.")
    entry = '[[knowledge]]\nfile = "shared/knowledge/firm.md"\nusage = "prompt"\n'
    project.assistant("night", ASSISTANT + entry)
    night, reception = project.load().checked().assistants
    assert [(d.key, d.usage) for d in night.knowledge] == [("shared/firm", "prompt")]
    assert [(d.key, d.usage) for d in reception.knowledge] == [("shared/firm", "auto")]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("name = 'x'", "knowledge[0]: needs exactly one of text, file and url (got none)"),
        ("name = 'x'\ntext = 'a'\nurl = 'https://b.c'", "knowledge[0]: "
         "needs exactly one of text, file and url (got text and url)"),
        ("text = 'a'", "knowledge[0]: needs a name beside text"),
        ("name = 'x'\ntext = ' '", "knowledge[0].text: must not be empty (got ' ')"),
        ("name = 'x'\nurl = 'ftp://x'", "knowledge[0].url: "
         "must be a web address that begins with https:// or http:// (got 'ftp://x')"),
        ("file = '/etc/passwd'", "knowledge[0].file: must be a path inside the project, like knowledge/prices.pdf, "
         "without .. (got '/etc/passwd')"),
        ("file = '../../agentctl.toml'", "knowledge[0].file: must be a path inside the project, "
         "like knowledge/prices.pdf, without .. (got '../../agentctl.toml')"),
        ("file = 'shared/a.md'", "knowledge[0].file: must be in shared/knowledge to be shared (got 'shared/a.md')"),
        ("file = 'hours.md'", "knowledge[0].file: 'hours.md' does not exist, did you mean 'knowledge/hours.md'?"),
        ("file = 'nothing/like/that.md'", "knowledge[0].file: 'nothing/like/that.md' does not exist"),
        ("file = 'knowledge/hours.md'\n[[knowledge]]\nfile = 'knowledge/hours.md'",
         "knowledge[1].file: names knowledge/hours.md a second time"),
        ("file = 'shared/knowledge/firm.md'\nname = 'Other'",
         "knowledge[0].name: cannot be set: a shared document is named after its file"),
    ],
)  # fmt: skip
def test_a_wrong_entry(project: DiskProject, wrong: Wrong, entry: str, message: str) -> None:
    project.write(f"{BASE}/knowledge/hours.md", "Mo")
    project.write("shared/knowledge/firm.md", "The firm.")
    assert wrong(f"[[knowledge]]\n{entry}") == [f"{BASE}/assistant.toml: {message}"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"x", "cannot be knowledge: its name must end in one of .docx .epub .html .md .pdf .txt"),
        ("a.md", b"", "is empty"),
        ("a.md", b" \n", "is empty"),
        ("a.pdf", b"", "is empty"),
        ("a.txt", b"ok\nGr\xfc\xdfe", "is not UTF-8 text (line 2); save it as UTF-8"),
        ("a.txt", b"x\0y", "is not text: it contains a NUL character"),
    ],
)
def test_a_file_that_cannot_be_knowledge(project: DiskProject, name: str, content: bytes, message: str) -> None:
    for folder in (f"{BASE}/knowledge", "shared/knowledge"):
        path = project.write(f"{folder}/{name}", content)
        assert project.problems() == [f"{folder}/{name}: {message}"]
        path.unlink()


def test_a_file_over_the_platforms_limit(project: DiskProject) -> None:
    path = project.write(f"{BASE}/knowledge/big.pdf", b"")
    with path.open("wb") as stream:
        stream.truncate(knowledge.MAX_DOCUMENT_BYTES + 1)
    assert project.problems() == [f"{BASE}/knowledge/big.pdf: is larger than 21 MB"]


def test_a_directory_among_the_files(project: DiskProject) -> None:
    (project.root / BASE / "knowledge" / "old").mkdir(parents=True)
    assert project.problems() == [f"{BASE}/knowledge/old: is a directory; a file is needed"]


def test_links_may_not_leave_the_project(project: DiskProject, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.md").write_text("secret")
    folder = project.root / BASE / "knowledge"
    folder.mkdir()
    (folder / "a.md").symlink_to(outside / "a.md")
    assert project.problems() == [f"{BASE}/knowledge/a.md: leads outside the project; copy the file into it"]
    (folder / "a.md").unlink()
    folder.rmdir()
    folder.symlink_to(outside)
    assert project.problems() == [f"{BASE}/knowledge: leads outside the project; copy the files into it"]


def test_a_link_inside_the_project_is_a_file(project: DiskProject) -> None:
    project.write("docs/a.md", "A")
    (project.root / BASE / "knowledge").mkdir()
    (project.root / BASE / "knowledge" / "a.md").symlink_to(project.root / "docs" / "a.md")
    assert project.load().checked().assistants[0].knowledge[0].text == "A"


def test_a_dangling_link_and_a_file_in_place_of_the_folder(project: DiskProject) -> None:
    (project.root / "shared").mkdir()
    (project.root / "shared" / "knowledge").write_text("x")
    (project.root / BASE / "knowledge").mkdir()
    (project.root / BASE / "knowledge" / "a.md").symlink_to("nowhere.md")
    assert project.problems() == [
        "shared/knowledge: must be a directory",
        f"{BASE}/knowledge/a.md: is missing",
    ]


def test_two_documents_of_one_name(project: DiskProject) -> None:
    for name in ("prices.md", "Prices.pdf"):
        project.write(f"{BASE}/knowledge/{name}", "x")
        project.write(f"shared/knowledge/{name}", "x")
    assert project.problems() == [
        "shared/knowledge/prices.md: has the same name as shared/knowledge/Prices.pdf ('prices'); rename one of them",
        f"{BASE}/knowledge/prices.md: has the same name as {BASE}/knowledge/Prices.pdf ('prices'); "
        "name one of them otherwise by [[knowledge]] in assistant.toml",
    ]


def test_a_broken_assistant_toml_still_has_its_knowledge_checked(project: DiskProject) -> None:
    project.write(f"{BASE}/knowledge/a.md", "")
    project.write(f"{BASE}/assistant.toml", "name = 5")
    assert project.problems() == [
        f"{BASE}/assistant.toml: name: must be text in quotes (got a number: 5)",
        f"{BASE}/knowledge/a.md: is empty",
    ]


def test_slugs_are_plain_never_empty_and_told_apart() -> None:
    assert slug("Öffnungszeiten & Straße 2026") == "oeffnungszeiten-strasse-2026"
    assert slug("O\u0308ffnung") == slug("Öffnung")
    assert slug("営業時間")
    assert slug("営業時間") != slug("料金")
    assert slug("a" * 100) != slug("a" * 101)
    assert len(slug("a" * 1000)) < 80
