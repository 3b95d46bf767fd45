"""Which series are read, and in plain words why the others are not."""
