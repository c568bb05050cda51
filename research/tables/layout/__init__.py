"""The layout of a run's tables: their columns and types, and files that appear whole or not at all."""
