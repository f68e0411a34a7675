"""The worker: predict, retrieve, decide, write, check, record."""
