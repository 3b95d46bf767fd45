"""Slices become readings: decode, HU, model; the one door into ``models``."""
