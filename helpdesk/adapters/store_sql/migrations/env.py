"""What Alembic runs for every migration: on the connection, and in the transaction, of whoever migrates."""

from alembic import context

from helpdesk.adapters.store_sql.schema import metadata

# Both databases undo schema changes with the transaction, so that a migration is there entirely or not at all.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
