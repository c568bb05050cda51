"""HTML to blocks: how a page is laid out, which of it is content, and the data that it holds for machines."""
