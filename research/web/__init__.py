"""The web: from the bytes of a page to its text, and where pages are kept."""
