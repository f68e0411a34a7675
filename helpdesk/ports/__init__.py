"""Ports: what the domain needs from the outside, as protocols that name no technology."""
