"""Alembic's entry: runs on the connection that storage/migrate.py hands in."""

from alembic import context

from mailwright.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
