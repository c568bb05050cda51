"""What is asked: the task, every accepted spelling of it, its source policy and attached files."""
