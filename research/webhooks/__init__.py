"""Webhooks: an event told to an address, signed by Standard Webhooks, as often as it takes, and noted each time."""
