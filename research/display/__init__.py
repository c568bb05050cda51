"""Foreign text as it is shown to people."""
