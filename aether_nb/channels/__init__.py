"""Where prompts go and replies come from. Each knows its own toolkit and nothing of graphs or of the others."""
