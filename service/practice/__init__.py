"""Practice without a hospital: an archive beside the node and synthetic head CTs sent through its own door."""
