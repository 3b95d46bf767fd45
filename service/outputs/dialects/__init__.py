"""The dialects of the report: one finding, a translator each, all of the same shape ``content(task, finding)``."""
