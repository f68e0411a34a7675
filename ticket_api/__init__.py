"""The ticket API: durable intake, status, feedback and the human queues over HTTP."""
