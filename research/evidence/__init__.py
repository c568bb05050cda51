"""From a page to its evidence: passages, ranking, excerpts, support and confidence."""
