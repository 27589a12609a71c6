"""Every page of the console, in the order of its menu."""

from agentctl.console.page import Page
from agentctl.console.pages import (
    assistant,
    assistants,
    call,
    calls,
    editing,
    going_back,
    items,
    liking,
    live,
    sound,
    taking,
)

_MODULES = (assistants, assistant, editing, taking, going_back, calls, call, sound, items, live, liking)
PAGES: tuple[Page, ...] = tuple(page for module in _MODULES for page in module.PAGES)
