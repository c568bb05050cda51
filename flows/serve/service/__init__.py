"""What all dialects share: tasks and monitors of an owner, and what is told of them. It knows nothing of HTTP."""
