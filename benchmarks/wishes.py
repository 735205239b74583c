"""How well wishes are read: thirty of them, by plain names alone, by the language model alone, and by both.

    BILLP_LLM_GGUF=MODEL.gguf python -m benchmarks.wishes [--tried first|rest|all] [--prompts DIR]

Prints as JSON how many moved the categories as asked, of the wishes that prompts were tried on (`first`) and of the
others (`rest`), and every wish with what was made of it. The catalogue has MovieLens' categories.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from billp.agents.prompt_pack import load_pack
from billp.agents.roles.wishes import WishReader
from billp.catalogue import Catalogue, Item
from billp.graphs.resources import Resources
from billp.settings import load_settings
from tests.agents.thirty_wishes import CATEGORIES, THIRTY

FILMS = Catalogue("films", tuple(Item(n, str(n), f"Film {n}", (kind,)) for n, kind in enumerate(CATEGORIES)))
TRIED = 15  # the wishes that prompts were tried on


async def measured(prompts: Path | None, which: str) -> dict[str, Any]:
    """What was made of each wish, and how many were read as meant."""
    settings = load_settings({"run.side_by_side": 1, "llm.timeout_s": 300})
    rows: list[dict[str, Any]] = []
    async with Resources(settings) as resources:
        pack = load_pack(prompts)
        by_model = WishReader(resources.model, pack["wish"], settings.planner)
        by_names = WishReader(None, pack["wish"], settings.planner)
        for number, asked in enumerate(THIRTY):
            part = "first" if number < TRIED else "rest"
            if which not in (part, "all"):
                continue
            started = time.perf_counter()
            read = await by_model.read(asked.words, FILMS, None, 0, 0)
            seconds = time.perf_counter() - started
            plain = (await by_names.read(asked.words, FILMS, None, 0, 0)).wish
            wish = read.wish
            refused = [*wish.refused, *wish.unwanted]
            rows.append(
                {
                    "part": part,
                    "words": asked.words,
                    "moved": asked.moved(wish.wanted, refused),
                    "plainly": asked.moved(plain.wanted, plain.refused),
                    "asked_the_model": read.usage.calls > 0,
                    "wanted": wish.wanted,
                    "refused": refused,
                    "seconds": round(seconds, 2),
                }
            )
            sys.stderr.write(json.dumps(rows[-1]) + "\n")  # so that something is seen of a slow model
    counts = {
        part: {
            "wishes": len(those := [row for row in rows if part in (row["part"], "all")]),
            "moved": sum(row["moved"] for row in those),
            "plainly": sum(row["plainly"] for row in those),
        }
        for part in ("first", "rest", "all")
    }
    return {"model": resources.model_name, "counts": counts, "wishes": rows}


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=Path)
    parser.add_argument("--tried", choices=("first", "rest", "all"), default="all")
    asked = parser.parse_args()
    sys.stdout.write(json.dumps(asyncio.run(measured(asked.prompts, asked.tried)), indent=1) + "\n")


if __name__ == "__main__":
    main()
