"""The reading list over HTTP: JSON API, pages with live refresh, health and metrics; shows, never decides."""

from service.worklist.app import create_app
from service.worklist.ports import WorklistPorts

__all__ = ["WorklistPorts", "create_app"]
