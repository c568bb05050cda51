"""Implementations of the Model port: Claude, the keyless model, and a scripted double."""
