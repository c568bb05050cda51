"""Retrieval: pages for an objective, or pages by their addresses, each with the excerpts that matter. No model is asked."""
