"""Engines: what runs the orders of a run's coordinator: processes of this machine, Dask workers, or a Prefect work pool."""
