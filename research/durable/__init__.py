"""Files that outlive the process that writes them: lines with a digest, and append-only segments of records."""
