"""Every page of the console, in the order of its menu."""

from agentctl.console.page import Page
from agentctl.console.pages import assistants, call, calls, items, liking, live, sound, talk

_MODULES = (assistants, calls, call, sound, items, talk, live, liking)
PAGES: tuple[Page, ...] = tuple(page for module in _MODULES for page in module.PAGES)
