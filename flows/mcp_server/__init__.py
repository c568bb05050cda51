"""`research mcp`: the engine offered to agents, as a server of the Model Context Protocol."""
