"""Every figure that a process of ours counts or times; `agentctl.metrics` tells them, and what the store knows beside.

Names by https://prometheus.io/docs/practices/naming/. A new one belongs here, and into README and dashboard.
"""

from __future__ import annotations

from itertools import product

from agentctl.telemetry.instruments import LONG, Counter, Histogram

DELIVERIES = Counter(
    "deliveries_total",
    "Answers to POSTs at the door, by HTTP status.",
    ("status",),
    [(status,) for status in ("200", "400", "401", "403", "408", "413", "415", "503")],
)
DELIVERY_SECONDS = Histogram("delivery_duration_seconds", "From a delivery's head to its answer.")
ACCEPTED = Counter(
    "events_accepted_total",
    "Events that were taken, by source (webhook, backfill) and outcome (new, again, forgotten).",
    ("source", "outcome"),
    list(product(("webhook", "backfill"), ("new", "again", "forgotten"))),
)
WORK = Counter(
    "work_total",
    "Pieces of work that ended, by job (events, recordings, mails, duties, syncs, sink), and how (done, failed, lost, "
    "released).",
    ("job", "outcome"),
    list(product(("events", "recordings", "mails", "duties", "syncs", "sink"), ("done", "failed", "lost", "released"))),
)
WORK_SECONDS = Histogram("work_duration_seconds", "How long a piece of work took, however it ended.", ("job",), LONG)
PROCESSED = Counter(
    "events_processed_total",
    "What became of events (stored, superseded, recorded, kept, refused, lost).",
    ("outcome",),
    [(outcome,) for outcome in ("stored", "superseded", "recorded", "kept", "refused", "lost")],
)
MAILS = Counter(
    "mails_sent_total",
    "Attempts to send a mail, by route (smtp, resend) and outcome (sent, refused for good, deferred).",
    ("route", "outcome"),
    list(product(("smtp", "resend"), ("sent", "refused", "deferred"))),
)
DIGESTS = Counter(
    "digests_total",
    "Digests that were made, by engine (llm, elevenlabs, extract).",
    ("engine",),
    [("llm",), ("elevenlabs",), ("extract",)],
)
FALLBACKS = Counter(
    "digest_fallbacks_total",
    "Digests that the language model should have made (failed, late, over_budget, too_long).",
    ("reason",),
    [(reason,) for reason in ("failed", "late", "over_budget", "too_long")],
)
LLM = Counter(
    "llm_requests_total",
    "Requests to the language model, by outcome (answered, failed).",
    ("outcome",),
    [("answered",), ("failed",)],
)
LLM_SECONDS = Histogram("llm_request_duration_seconds", "How long the language model took.", (), LONG)
LLM_TOKENS = Counter(
    "llm_tokens_total",
    "Tokens as its server counted them, by direction (in, out).",
    ("direction",),
    [("in",), ("out",)],
)
LLM_COST = Counter("llm_cost_total", "What it cost by LLM_PRICE_IN and LLM_PRICE_OUT, in their money.")
API = Counter(
    "elevenlabs_requests_total",
    "Requests to ElevenLabs, repetitions included, by method and HTTP status (none: no answer).",
    ("method", "status"),
)
API_SECONDS = Histogram("elevenlabs_request_duration_seconds", "How long ElevenLabs took to answer.", ("method",))
CHANGES = Counter(
    "sync_changes_total",
    "Changes of syncs, by kind, action (create, update, delete) and outcome (done, failed, held).",
    ("kind", "action", "outcome"),
)
PLANS = Counter("sync_plans_total", "Plans that were made.")
DRIFT = Counter(
    "sync_drift_found_total",
    "Objects that somebody changed at ElevenLabs since they were applied; each plan that finds one counts it.",
    ("kind",),
)

ALL: tuple[Counter | Histogram, ...] = (
    *(DELIVERIES, DELIVERY_SECONDS, ACCEPTED, WORK, WORK_SECONDS, PROCESSED, MAILS),
    *(DIGESTS, FALLBACKS, LLM, LLM_SECONDS, LLM_TOKENS, LLM_COST, API, API_SECONDS, CHANGES, PLANS, DRIFT),
)
