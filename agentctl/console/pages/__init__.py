"""Every page of the console, in the order of its menu."""

from agentctl.console.page import Page
from agentctl.console.pages import assistants, call, calls, items, liking, live

PAGES: tuple[Page, ...] = (*assistants.PAGES, *calls.PAGES, *call.PAGES, *items.PAGES, *live.PAGES, *liking.PAGES)
