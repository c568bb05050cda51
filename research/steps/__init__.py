"""The steps of one task: plan, investigate, grade, synthesize. One async function each; their order is the pipeline's."""
