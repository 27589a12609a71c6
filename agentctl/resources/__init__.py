"""The kinds an assistant is made of, in dependency order: each may refer to those before it.

A number comes last: it rings nowhere before the store knows whose the agent is that answers.
"""

from __future__ import annotations

from agentctl.resources.agent import Agent
from agentctl.resources.agent_test import AgentTest
from agentctl.resources.assistant import Assistant
from agentctl.resources.knowledge import KnowledgeDocument
from agentctl.resources.knowledge_folder import KnowledgeFolder
from agentctl.resources.phone_number import PhoneNumber
from agentctl.resources.place import Place
from agentctl.resources.post_call import PostCallSettings
from agentctl.resources.rag_index import RagIndex
from agentctl.sync.kind import Kind

KINDS = (KnowledgeFolder, KnowledgeDocument, RagIndex, AgentTest, Agent, PostCallSettings, PhoneNumber)
# By the name of a kind: the fields that tell at the platform whose one is.
MARKS = {kind.name: kind.traits.marks for kind in KINDS}


def kinds(place: Place) -> tuple[Kind[Assistant], ...]:
    """One of each of KINDS, for one workspace and project."""
    return tuple(kind.at(place) for kind in KINDS)
