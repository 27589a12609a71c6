"""Patterns of deadlines, compiled: who is forked from a process that has imported this does not compile them again."""

from datetime import date

from agentctl.calls import due

due.resolve("morgen um zehn", date(2026, 11, 20))
