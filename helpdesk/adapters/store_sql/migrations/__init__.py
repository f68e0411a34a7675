"""The history of the schema, for Alembic; ``SqlStore.migrate`` runs it."""
