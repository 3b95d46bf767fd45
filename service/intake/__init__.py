"""From association to acknowledged instance: what may come in, and 0x0000 only after file and row are safe."""
