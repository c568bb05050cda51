"""What the keyless model is made of: questions, entities, facts, keys, casting, sentences, answers, choosing."""
