"""agentctl metrics dashboard, rules."""

from __future__ import annotations

from importlib.resources import files

import typer

app = typer.Typer(help="What a monitor needs: a Grafana dashboard, alert rules for Prometheus.", no_args_is_help=True)


@app.command()
def dashboard() -> None:
    """Print the Grafana dashboard, as JSON to import."""
    print(_read("dashboard.json"), end="")


@app.command()
def rules() -> None:
    """Print alert rules for Prometheus, as a file for its `rule_files`."""
    print(_read("alerts.yml"), end="")


def _read(name: str) -> str:
    return files("agentctl").joinpath("templates", "monitoring", name).read_text("utf-8")
