"""An output schema: any accepted spelling becomes JSON Schema with named fields, and answers are checked against it."""
