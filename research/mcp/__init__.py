"""Tools of MCP servers that a task names: asked by the official SDK, over connections that the guard has seen."""
