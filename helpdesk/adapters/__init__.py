"""Adapters: one file or package per port and technology."""
