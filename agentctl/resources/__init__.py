"""The kinds an assistant is made of, in dependency order: each may refer to those before it."""

from __future__ import annotations

from agentctl.resources.agent import Agent
from agentctl.resources.api import Api
from agentctl.resources.assistant import Assistant
from agentctl.resources.knowledge import KnowledgeDocument
from agentctl.resources.phone_number import PhoneNumber
from agentctl.resources.post_call import PostCallSettings
from agentctl.sync.bindings import Store
from agentctl.sync.kind import Kind, Ref, Scope

KINDS = (KnowledgeDocument, Agent, PhoneNumber, PostCallSettings)


def kinds(api: Api, store: Store, scope: Scope, webhook: Ref | None = None) -> tuple[Kind[Assistant], ...]:
    """One of each of KINDS, for one workspace and project. `webhook`: what agents deliver their calls to."""
    return (
        KnowledgeDocument(api, scope),
        Agent(api, scope, webhook),
        PhoneNumber(api),
        PostCallSettings(store, scope),
    )
