"""What has changed between two states of a table, and between two runs of it."""
