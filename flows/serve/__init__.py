"""The front door over HTTP: accepts tasks, keeps their records, has them researched, and tells what became of them."""
