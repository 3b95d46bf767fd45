"""The janitors, one per file, and their schedule; apscheduler's only home."""
