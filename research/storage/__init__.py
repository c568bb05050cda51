"""Files that lie elsewhere and are named by a URL: read through Arrow's or fsspec's filesystems."""
