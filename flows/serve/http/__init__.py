"""The service over HTTP: keys, rates, routes, streams, and the application that mounts the dialects."""
