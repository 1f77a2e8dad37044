"""`python -m aether_nb`."""

from aether_nb.cli import main

main()
