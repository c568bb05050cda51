"""Bytes to the text of a page: HTML, PDF, Office files, CSV, feeds. No network."""
