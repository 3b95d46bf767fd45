"""Files on disk: whatever the node keeps, under the hash of its content; the only writer under data_dir/objects."""
