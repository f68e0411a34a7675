"""The relay service: outbox to broker, and the watchdog that lets no ticket go silent."""
