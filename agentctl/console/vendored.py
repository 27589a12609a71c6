"""What the pages load that others wrote: in a wheel, but not in Git, from which ./scripts/vendor has to fetch it."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from agentctl.errors import UsageError

PLACE = files("agentctl.console")


def complete() -> None:
    """Raises UsageError where a file is missing that vendor.toml names."""
    packages = tomllib.loads(PLACE.joinpath("vendor.toml").read_text(encoding="utf-8"))["package"]
    named = [f"static/vendor/{name}" for package in packages for name in package["files"]]
    missing = [name for name in named if not PLACE.joinpath(*name.split("/")).is_file()]
    if missing:
        hint = "Run ./scripts/vendor, which fetches it from npm; a wheel of agentctl has it in it."
        raise UsageError(f"the console's pages load what is not there, such as agentctl/console/{missing[0]}", hint)
