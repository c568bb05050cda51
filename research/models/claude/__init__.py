"""Claude as a `Model`: the Messages API, or any server that speaks it, does the research."""

from research.models.claude.model import ClaudeModel

__all__ = ["ClaudeModel"]
