"""Finding: from an objective to conditions, candidates, and those candidates that evidence admits."""
