"""Retrieval beside its peers, and the gate that says whether the knowledge base can answer."""
