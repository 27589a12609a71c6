"""The image, made and run without an engine: the Dockerfile's own steps, taken in a scratch directory.

What a step names below /opt, /src and /project lies below that directory instead; files come only by COPY, and only
those that .dockerignore lets through. `whole` takes every step. Otherwise what would be downloaded is left out: the
packages are those of the environment that runs the tests, and what the pages load is this checkout's.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from scripts import vendor

ROOT = Path(__file__).parents[2]
PLACES = re.compile(r"(?<![\w/])/(opt|src|project)(?=[/\s:]|$)")
_DOWNLOADS = re.compile(r"--require-hashes")
_ARGUMENT = re.compile(r"\$\{(\w+)\}")


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Keyword and the rest, of each, with continued lines joined and comments left out."""
    lines = [line for line in dockerfile.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in re.sub(r"\s*\\\n\s*", " ", "\n".join(lines)).splitlines():
        keyword, _, rest = line.strip().partition(" ")
        yield keyword, rest.strip()


def let_through(path: str) -> bool:
    """Whether .dockerignore has a file in the build's context; the last line that fits decides."""
    found = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        parts = PurePosixPath(path).parts
        above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        anywhere = pattern.removeprefix("**/") if pattern.startswith("**/") else None
        fits = (
            any(name == anywhere for name in parts) if anywhere else any(fnmatch.fnmatch(one, pattern) for one in above)
        )
        if fits:
            found = line.startswith("!")
    return found


def context() -> list[str]:
    """What a build may take of this checkout."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    return [path for path in listed.stdout.split("\n") if path and let_through(path)]


def fetched() -> list[str]:
    """What an engine finds in a checkout that was set up, and fetches where it does not."""
    vendor.place()
    return [str(path.relative_to(ROOT)) for path in vendor.FOLDER.rglob("*") if path.is_file()]


@dataclass
class Stage:
    """What the instructions of one stage have set."""

    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: str = "0"
    entry: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)
    stop: str = ""


class Image:
    """The last stage of the Dockerfile, in `scratch`."""

    def __init__(self, scratch: Path, *, whole: bool = False) -> None:
        self.scratch = scratch
        self._whole = whole
        self._taken = context() if whole else [*context(), *fetched()]
        self.stage = Stage()
        for keyword, rest in instructions((ROOT / "Dockerfile").read_text()):
            getattr(self, f"_{keyword.lower()}")(rest)

    def at(self, path: str) -> str:
        """Where something of the image lies here; several places in a text, each."""
        return PLACES.sub(lambda found: f"{self.scratch}{found[0]}", path)

    def words(self, *arguments: str) -> list[str]:
        """What the engine would start for these arguments."""
        program, *rest = [*self.stage.entry, *arguments]
        found = shutil.which(program, path=self.at(self.stage.environment["PATH"]))
        assert found, f"{program} is not in the image"
        assert found.startswith(str(self.scratch)), f"{found} is this machine's"
        return [found, *rest]

    def environment(self, **settings: str) -> dict[str, str]:
        """Of a container: the image's own and what it is started with."""
        temporary = {"TMPDIR": str(self.scratch / "tmp"), "HOME": "/nonexistent"}
        return {**{name: self.at(value) for name, value in self.stage.environment.items()}, **temporary, **settings}

    def _arg(self, rest: str) -> None:
        name, _, value = rest.partition("=")
        self.stage.arguments[name] = value

    def _from(self, rest: str) -> None:
        # The base has a Python, and nothing of ours.
        self.stage = Stage()

    def _env(self, rest: str) -> None:
        self.stage.environment |= dict(word.partition("=")[::2] for word in shlex.split(rest))

    def _label(self, rest: str) -> None:
        told = _ARGUMENT.sub(lambda found: self.stage.arguments[found[1]], rest)
        self.stage.labels |= dict(word.partition("=")[::2] for word in shlex.split(told))

    def _workdir(self, rest: str) -> None:
        self.stage.directory = rest
        Path(self.at(rest)).mkdir(parents=True, exist_ok=True)

    def _copy(self, rest: str) -> None:
        options = [word for word in rest.split() if word.startswith("--")]
        *sources, target = [word for word in rest.split() if not word.startswith("--")]
        if any(option.startswith("--from=") for option in options):
            # The stages share a directory here; what the last one does not copy is taken away in the end.
            self._kept = [*getattr(self, "_kept", []), target]
            self._move(sources[0], target, options)
            return
        for source in sources:
            self._copy_of_context(source, target, into=target.endswith("/"))

    def _copy_of_context(self, source: str, target: str, *, into: bool) -> None:
        base = Path(self.at(f"{self.stage.directory}/{target}".replace("/./", "/")))
        inside = [path for path in self._taken if path == source or path.startswith(f"{source}/")]
        assert inside, f"{source} is not in the context"
        for path in inside:
            rest = Path(path).relative_to(source) if path != source else Path()
            place = (base / Path(source).name if into else base) / rest
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, place)

    def _move(self, source: str, target: str, options: Sequence[str]) -> None:
        if self.at(source) != self.at(target):
            shutil.move(self.at(source), self.at(target))
        owner = next((option.partition("=")[2] for option in options if option.startswith("--chown=")), None)
        if owner and os.geteuid() == 0:
            uid, _, gid = owner.partition(":")
            for path in (Path(self.at(target)), *Path(self.at(target)).rglob("*")):
                os.chown(path, int(uid), int(gid))

    def _run(self, rest: str) -> None:
        if not self._whole:
            steps = [step.strip() for step in rest.split("&&") if not _DOWNLOADS.search(step)]
            rest = " && ".join(step for step in steps if not step.endswith(" /opt/build"))
            self._lend("/opt/build", f"{sys.prefix}/bin")
        outcome = subprocess.run(
            ["/bin/sh", "-euc", self.at(rest)],
            cwd=self.at(self.stage.directory),
            env={
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                **self._npm(),
                "HOME": "/nonexistent",
                **self.stage.environment,
            },
            capture_output=True,
            text=True,
        )
        assert outcome.returncode == 0, f"RUN {rest}\n{outcome.stdout}{outcome.stderr}"
        if not self._whole:
            self._lend_packages()

    def _npm(self) -> dict[str, str]:
        """What root has of npm in the image: a cache, and whatever leads this machine to a registry."""
        own = {"npm_config_cache": self.at("/opt/npm"), "npm_config_userconfig": str(Path.home() / ".npmrc")}
        return own if self._whole else {}

    def _lend(self, place: str, programs: str) -> None:
        folder = Path(self.at(place))
        if not folder.exists():
            folder.mkdir(parents=True)
            for name in ("python", "pip"):
                program = folder / "bin" / name
                program.parent.mkdir(exist_ok=True)
                module = "-m pip" if name == "pip" else ""
                program.write_text(f'#!/bin/sh\nexec "{programs}/python" {module} "$@"\n')
                program.chmod(0o755)

    def _lend_packages(self) -> None:
        # Only a path: what is installed there to be edited, such as our own, does not come with it.
        for folder in Path(self.at("/opt/agentctl/lib")).glob("python*/site-packages"):
            (folder / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n")

    def _user(self, rest: str) -> None:
        self.stage.user = rest

    def _expose(self, rest: str) -> None:
        assert rest == "8080"

    def _stopsignal(self, rest: str) -> None:
        self.stage.stop = rest

    def _healthcheck(self, rest: str) -> None:
        self.stage.check = json.loads(rest.partition(" CMD ")[2])

    def _entrypoint(self, rest: str) -> None:
        self.stage.entry = json.loads(rest)

    def _cmd(self, rest: str) -> None:
        self.stage.command = json.loads(rest)
        for left in ("/opt/build", "/opt/npm", "/opt/wheel", "/src"):
            shutil.rmtree(self.at(left), ignore_errors=True)


@cache
def can_be_another() -> bool:
    """Whether what runs the tests runs as somebody else, too: root is asked, in a directory that others may enter."""
    if os.geteuid() != 0:
        return False
    tried = ["setpriv", "--reuid=10001", "--regid=0", "--clear-groups", "--bounding-set=-all", sys.executable]
    return subprocess.run([*tried, "-c", "import pydantic"], capture_output=True).returncode == 0


def as_user(user: str, *, alone: bool = False) -> list[str]:
    """What starts a program as `uid:gid` with no right of root's; `alone`: as process 1 of a namespace of its own."""
    uid, _, gid = user.partition(":")
    space = ["unshare", "--pid", "--fork", "--kill-child"] if alone and os.geteuid() == 0 else []
    ids = [f"--reuid={uid}", f"--regid={gid or 0}", "--clear-groups"] if can_be_another() else []
    rights = ["setpriv", *ids, "--no-new-privs", "--bounding-set=-all"] if os.geteuid() == 0 else []
    return [*space, *rights]
