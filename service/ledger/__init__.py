"""The ledger: every fact the node has acknowledged, in SQL; SQLAlchemy's only home. One module per aggregate."""
