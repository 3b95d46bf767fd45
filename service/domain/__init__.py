"""The nouns of the house, frozen and free of any library: what a scan, a job, a reading and a verdict are."""
