"""Work side by side: equal work is done once, requests wait their turn, failures are tried again."""
