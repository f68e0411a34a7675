"""The knowledge port on ChromaDB: a local directory, or a Chroma server that several machines share."""

from helpdesk.adapters.knowledge_chroma.knowledge import ChromaKnowledge

__all__ = ["ChromaKnowledge"]
