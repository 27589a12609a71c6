"""`agentctl` and `python -m agentctl`: run the command line; turn every failure into a message and an exit code."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from agentctl.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
