"""Tables on disk: what is read, what a run leaves behind."""
