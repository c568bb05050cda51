"""The data of the service: tasks, what happens to them, and monitors."""
