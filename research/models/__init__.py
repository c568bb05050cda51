"""Models: implementations of the `Model` port. One file a model."""
