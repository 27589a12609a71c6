"""A webhook's new secret on its way to a person or into .env."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.session import say
from agentctl.cli.veil import shown
from agentctl.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from agentctl.resources.webhook import Webhook
    from agentctl.wiring import Control

WriteEnv = Annotated[
    bool, typer.Option("--write-env", help="Put the secret into .env beside agentctl.toml (mode 0600).")
]


class NewSecret:
    """Shows a new webhook's secret, once: in text the moment it exists, in JSON inside the one document.

    Into .env it goes the moment it exists: whatever ends the run after that must not lose it. Raises UsageError where
    that is not where it is kept.
    """

    def __init__(self, control: Control, *, write_env: bool, json: bool) -> None:
        from agentctl.verbs.post_call.secret import must_be_a_variable, must_have_a_place

        must_have_a_place(control)
        if write_env:
            must_be_a_variable(control)
        self._control = control
        self._write_env = write_env
        self._json = json
        self._unkept: ConfigurationError | None = None
        self.shown: dict[str, Any] = {}
        self.env_file: Path | None = None

    def made(self, webhook: Webhook, secret: SecretStr) -> bool:
        """The webhook exists. Whether a kill could lose its secret no more."""
        self.shown = {"webhook_id": webhook.webhook_id, "url": webhook.url, "secret": secret.get_secret_value()}
        self._keep(secret)
        if self._json:
            return self.env_file is not None
        from agentctl.verbs.post_call.secret import variable

        print(f"webhook {webhook.webhook_id} -> {shown(webhook.url)}\n")
        print(f"    {variable(self._control)}={secret.get_secret_value()}\n")
        print("This secret is shown now and never again.", flush=True)
        if not self._write_env:
            say(
                "Store it where the door runs: as that variable in the environment, or in .env beside agentctl.toml.\n"
                "If the variable holds a secret already, separate them by a comma while deliveries of both may come."
            )
        return True

    async def told(self) -> None:
        """What was made has been printed by now."""
        from agentctl.verbs.post_call import unseen

        if self._json and self.shown:
            sys.stdout.flush()
            await unseen.shown(self._control, self.shown["webhook_id"])

    def end(self) -> None:
        """Say where it is, once the result is printed. Raises ConfigurationError where .env could not be written."""
        if self._unkept is not None:
            raise self._unkept
        if not self._write_env:
            return
        if self.env_file is None:
            say("note: --write-env wrote nothing: there is no new secret.")
        else:
            # Those of tenants are read anew all the time: agentctl/verbs/signatures.py.
            when = "by itself" if self._control.access.workspace else "when it is started again"
            say(f"The secret is in {self.env_file}; a running door reads it {when}.")

    def _keep(self, secret: SecretStr) -> None:
        from agentctl.verbs.post_call import webhook as verbs

        if not self._write_env:
            return
        try:
            self.env_file = verbs.keep_secret(self._control, secret)
        except ConfigurationError as error:
            self._unkept = error
