"""Translation between the standard's bytes and the house's nouns; only this room knows tags, UIDs and codes."""

from pydicom import config

# Real devices break value rules daily; a value that cannot be used becomes None in headers.py, and pydicom's own
# complaints would quote it (possibly a name) in the log.
config.settings.reading_validation_mode = config.IGNORE
