"""What the service keeps: its tables, and one store for each kind of record."""
