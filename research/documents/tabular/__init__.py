"""Rows of cells as files hold them: separated text, and where in its rows a table stands. Used for input tables and for pages."""
