"""Ways to find pages: one file a provider."""
