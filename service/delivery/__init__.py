"""Outbox to destinations: one thread per destination sends, tries again, and asks for proof of storage."""
