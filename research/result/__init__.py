"""What comes back: the result of a task, how two results combine, the numbers of its citations, the published JSON Schemas."""
