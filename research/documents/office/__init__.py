"""Office documents to blocks: Word, PowerPoint, Excel, OpenDocument."""
