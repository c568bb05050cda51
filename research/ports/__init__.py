"""The protocols that a step knows the world by, and the data they exchange."""
