"""From Python functions to graphs. Knows nothing of running them."""
