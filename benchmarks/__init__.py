"""What aether_nb costs, measured: one program per row of the table in `rows.py`, and peers doing the same work.

`python -m benchmarks` (or `make bench`) runs them all and writes `RESULTS.md`; a program alone, such as
`python -m benchmarks.nodes chain`, prints its figures as lines of JSON. Read `rows.py`, then any program.
"""
