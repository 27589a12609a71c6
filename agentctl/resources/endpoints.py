"""Paths of ElevenLabs' API that more than one module asks; what a kind alone asks stands with it."""

AGENTS = "/v1/convai/agents"
AGENT = f"{AGENTS}/{{agent_id}}"
KNOWLEDGE = "/v1/convai/knowledge-base"
DOCUMENT = f"{KNOWLEDGE}/{{document_id}}"
VOICES = "/v1/voices"
VOICE = f"{VOICES}/{{voice_id}}"
