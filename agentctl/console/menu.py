"""Every page of the console, in the order of its menu."""

from agentctl.console.page import Page
from agentctl.console.pages import assistants, call, calls, glance, health, items, liking, live, numbers, sound, talk

_MODULES = (assistants, calls, call, sound, items, talk, numbers, glance, health, live, liking)
PAGES: tuple[Page, ...] = tuple(page for module in _MODULES for page in module.PAGES)
