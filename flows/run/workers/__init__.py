"""Worker processes of a run: each commits the shards that it is handed, with a lease of the budget and a share of the limits."""
