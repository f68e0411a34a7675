"""Intake: durable ``POST /tickets`` per second, beside the same FastAPI doing nothing."""
