"""Hybrid retrieval: words and meaning, fused, then compared token by token."""

from helpdesk.adapters.retrieval.hybrid import HybridIndex, Tuning, asked_vectors, joined
from helpdesk.adapters.retrieval.token_store import TokenStore
from helpdesk.adapters.retrieval.wording import Wording, wording_of

__all__ = ["HybridIndex", "TokenStore", "Tuning", "Wording", "asked_vectors", "joined", "wording_of"]
