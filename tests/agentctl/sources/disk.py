"""A small correct project on disk, for tests to spoil."""

from pathlib import Path

from agentctl.sources.files import load
from agentctl.sources.loaded import Loaded

PRIVACY = "[elevenlabs.platform_settings.privacy]\nrecord_voice = false\nretention_days = 30\n"
ASSISTANT = f'name = "Reception"\nfirst_message = "Hello, an AI answers."\n{PRIVACY}'


class DiskProject:
    """A small correct project on disk, to be spoiled by a test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("agentctl.toml", 'project = "demo"\n')
        self.assistant("reception")

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def assistant(self, key: str, toml: str = ASSISTANT, prompt: str = "Be kind.") -> None:
        self.write(f"assistants/{key}/assistant.toml", toml)
        self.write(f"assistants/{key}/prompt.md", prompt)

    def load(self) -> Loaded:
        return load(self.root)

    def problems(self) -> list[str]:
        return [str(problem) for problem in self.load().problems]

    def warnings(self) -> list[str]:
        return [str(problem) for problem in self.load().warnings]
