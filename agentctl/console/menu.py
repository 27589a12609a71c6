"""Every page of the console, in the order of its menu."""

from agentctl.console.page import Page
from agentctl.console.pages import (
    assistant,
    assistants,
    call,
    calls,
    editing,
    glance,
    going_back,
    health,
    items,
    liking,
    live,
    numbers,
    sound,
    taking,
    talk,
)

_ASSISTANTS = (assistants, assistant, editing, taking, going_back, talk)
_MODULES = (*_ASSISTANTS, calls, call, sound, items, numbers, glance, health, live, liking)
PAGES: tuple[Page, ...] = tuple(page for module in _MODULES for page in module.PAGES)
