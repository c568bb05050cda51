"""Engines: what runs the orders of a run's coordinator in other processes, by way of Prefect's task runners and work pools."""
