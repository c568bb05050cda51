"""A run as one file for people and programs: a workbook, CSV, JSON lines or Parquet."""
