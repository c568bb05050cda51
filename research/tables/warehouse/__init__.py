"""`research.duckdb`: a run's tables and views in one file."""
