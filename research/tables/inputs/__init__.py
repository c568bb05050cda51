"""Tables that are read: CSV, workbooks, Parquet, JSON, DuckDB, and templates over their columns."""
