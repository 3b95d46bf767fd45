"""Slice readings become a verdict: pure functions of readings, geometry and site policy."""
