"""Alembic's entry: runs on the connection that service.ledger.migrate opened."""

from alembic import context

from service.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
