"""`agentctl` and `python -m agentctl`: run the command line; turn every failure into a message and an exit code."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    # httpx brings a command line of its own, and with it rich, click and pygments: 40 ms for nothing. It copes without.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
    from agentctl.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
