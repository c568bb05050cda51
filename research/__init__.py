"""research: one research task, from question to answer with evidence."""
