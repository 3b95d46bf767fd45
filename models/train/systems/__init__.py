"""Training of the four published systems: slice network first, then what reads along the scan."""
