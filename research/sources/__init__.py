"""What kind of source a page is, who publishes it, and whether it tries to instruct a model."""
