"""People's decisions about a run's cells: taken in from a file, carried over to another run, used as truth."""
