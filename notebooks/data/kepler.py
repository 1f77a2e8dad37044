"""Kepler's third law, planet by planet: the cube of the distance over the square of the year is always the same.

python kepler.py planets.csv
"""

import csv
import sys
import time

with open(sys.argv[1], newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file):
        time.sleep(0.2)  # it could be a long computation
        year = float(row["year_days"]) / 365.26
        print(f"{row['planet']:8} {float(row['distance_au']) ** 3 / year**2:.3f}", flush=True)
