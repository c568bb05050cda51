"""Sessions: what a task goes on from, and what is kept of it for the next one."""
