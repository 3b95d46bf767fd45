"""Instances become complete series: a pure judge of evidence, and a peer to ask."""
