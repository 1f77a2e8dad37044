"""Runs graphs: order, waits, journal, cancellation. Knows no screen, no SQL, no IPython."""
