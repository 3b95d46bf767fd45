"""The walk of a scan: claim, read, conclude, commit."""
