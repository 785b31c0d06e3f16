"""One stage over the shards of a large corpus: on this machine's cores or a cluster."""
