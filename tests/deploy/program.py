"""Debian's programs that tests need, as far as this machine has them."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str) -> str:
    """Where it is. On CI a missing one is a failure: .ci/run installs it."""
    found = shutil.which(name)
    if found is None:
        assert not os.environ.get("CI"), f"no {name}"
        pytest.skip(f"no {name} here: .ci/run installs it, as root")
    return found
