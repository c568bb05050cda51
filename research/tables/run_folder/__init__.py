"""The run folder: what an enrichment writes, and how to read it."""
