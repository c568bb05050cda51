"""Where pages are kept, and how an address finds its page: corpus, attached files, web, an earlier run."""
