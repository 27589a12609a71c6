"""Every page of the console, and its menu, in whose order they are."""

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
from agentctl.console.person import Role

_ASSISTANTS = (assistants, assistant, editing, taking, going_back, talk)
_MODULES = (*_ASSISTANTS, calls, call, sound, items, numbers, glance, health, live, liking)
PAGES: tuple[Page, ...] = tuple(page for module in _MODULES for page in module.PAGES)
# Of those that the menu leads to: path, name, and who sees it.
NAV: tuple[tuple[str, str, Role], ...] = tuple((page.path, page.menu, page.role) for page in PAGES if page.menu)
