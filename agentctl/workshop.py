"""What works on calls, made of settings: each part when it is first needed, and the jobs of a worker made of them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from agentctl.secrecy.veil import Veil
from agentctl.settings import Settings

if TYPE_CHECKING:
    from agentctl.calls.completions import Completions
    from agentctl.calls.digest import Digester
    from agentctl.calls.inbox import Store
    from agentctl.calls.jobs import EventJob, MailJob
    from agentctl.calls.process import Recordings
    from agentctl.calls.sink import SinkJob
    from agentctl.clients.llm import ChatCompletions
    from agentctl.clients.mail import ResendRoute, SmtpRoute


class Workshop:
    """The parts that work on calls. `stack` closes what is opened; `shelf` is the directory of recordings kept here."""

    def __init__(self, settings: Settings, veil: Veil, stack: AsyncExitStack, shelf: Path) -> None:
        self.settings = settings
        self._veil = veil
        self._stack = stack
        self._shelf = shelf

    @cached_property
    def language_model(self) -> ChatCompletions | None:
        """The LLM that makes digests, None where none is configured."""
        from agentctl.clients.llm import ChatCompletions

        settings = self.settings
        if settings.llm_base_url is None or settings.llm_model is None:
            return None
        key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
        model = ChatCompletions(str(settings.llm_base_url), settings.llm_model, key, veil=self._veil)
        self._stack.push_async_callback(model.close)
        return model

    def completions(self, store: Store) -> Completions | None:
        """The LLM with what its answers cost and within its budget, None where none is configured."""
        from agentctl.calls.completions import metered

        model = self.language_model
        return metered(self.settings, model, store) if model else None

    def digester(self, store: Store) -> Digester:
        """What makes digests: the LLM where one is configured, else ElevenLabs' own analysis, else an extract."""
        from agentctl.calls.digest import digester

        return digester(self.completions(store))

    @cached_property
    def mail_route(self) -> SmtpRoute | ResendRoute | None:
        """SMTP, else Resend, else None: mails then wait in the outbox."""
        from agentctl.clients.mail import ResendRoute, SmtpRoute

        settings, sender = self.settings, self.settings.mail_from or ""  # not empty where there is a route
        if settings.smtp_url is not None:
            return SmtpRoute.from_url(settings.smtp_url.get_secret_value(), sender)
        if (key := settings.resend_api_key) is not None:
            route = ResendRoute(key.get_secret_value(), sender, base_url=str(settings.resend_base_url))
            self._stack.push_async_callback(route.close)
            return route
        return None

    @cached_property
    def recordings(self) -> Recordings:
        """Where audio goes: a private Storage bucket on Supabase, a directory elsewhere."""
        from agentctl.clients.bucket import Bucket
        from agentctl.clients.recordings import Directory
        from agentctl.clients.shelves import Shelves
        from agentctl.clients.storage_api import StorageApi

        settings = self.settings
        if settings.supabase_url is not None and settings.supabase_service_role_key is not None:
            key = settings.supabase_service_role_key.get_secret_value()
            bucket = Bucket(StorageApi(str(settings.supabase_url), key), settings.supabase_recordings_bucket)
            return Shelves(bucket, Directory(self._shelf))
        return Directory(self._shelf)

    def jobs(self, store: Store) -> list[EventJob | SinkJob | MailJob]:
        """What a worker does: turn events into calls, write these into a product's own table if one is declared, send
        what waits in the outbox if there is a mail route, and keep recordings.
        """
        from agentctl.calls.jobs import EventJob, MailJob
        from agentctl.calls.mail import Letterhead
        from agentctl.calls.sink import SinkJob

        letterhead = Letterhead(self.settings.mail_from)
        events, sounds = (
            EventJob(store, self.digester(store), self.recordings, letterhead, sound=sound) for sound in (False, True)
        )
        mails = [MailJob(store, self.mail_route)] if self.mail_route is not None else []
        return [events, SinkJob(store), *mails, sounds]  # Storage, which may hang, comes last where each has its turn
