"""The formats that pages come in, a file or a few for each: from bytes to the blocks of a page's text. The door is
`research.web.content`."""
