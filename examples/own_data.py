"""Logs of your own: from two CSV files to a comparison. Invented purchases stand in for yours.

python examples/own_data.py FOLDER
"""

from __future__ import annotations

import csv
import random
import subprocess
import sys
from pathlib import Path

import billp

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "shop")
folder.mkdir(parents=True, exist_ok=True)
draw = random.Random(0)

with (folder / "items.csv").open("w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["item", "title", "categories"])
    categories = ["tea", "coffee", "cake", "bread"]
    table.writerows([f"i{n}", f"Item {n}", draw.choice(categories)] for n in range(40))
with (folder / "ratings.csv").open("w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["user", "item", "rating", "time"])
    for user in range(60):
        for item in draw.sample(range(40), 15):
            liked = 3 + (item % 4 == user % 4) + draw.choice([-1, 0, 0, 1])
            table.writerow([f"u{user}", f"i{item}", min(max(liked, 1), 5), 1_700_000_000 + draw.randrange(10**6)])

billp_command = [sys.executable, "-m", "billp"]
add = ["data", "add", str(folder / "ratings.csv"), "--items", str(folder / "items.csv"), "--name", "shop"]
subprocess.run([*billp_command, *add], check=True)

simulator = billp.Simulator("shop", settings={"simulator.model": "factorisation"})
print(f"The rating model is off by {simulator.worlds.test.accuracy.rmse.model:.2f} stars on rows it has not seen.")
found = billp.compare(["random", "mmr-untuned", "oracle"], dataset="shop", users=10, settings={"run.horizon": 10})
print(found.to_pandas()[["len", "r_traj"]].rename(columns={"len": "Len", "r_traj": "R_traj"}).round(1))
