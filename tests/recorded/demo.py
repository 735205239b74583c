"""What `billp demo --recorded` shows, and how it is recorded anew.

    BILLP_LLM_GGUF=MODEL.gguf python -m tests.recorded.demo NAME

plays an episode and a small comparison with that model (some hundred calls), whose NAME is shown, and replaces what
lies in `reports/recording/files`: the films of `films.txt` with invented ratings, the simulator fitted to these,
the prompts, the tape, and the runs. To be done, and committed, when the replayed episode does not come out as it was.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from billp.agents.prompt_pack import DEFAULT_PACK, TERSE_PACK
from billp.catalogue import Catalogue, Item
from billp.experiments.demo import run_demo
from billp.experiments.runs.single_episode import run_single
from billp.graphs.resources import Resources
from billp.graphs.state import Trajectory
from billp.reports.recording import DATASET, EPISODE, FILES, METHOD, RUNS, SETTINGS, TAPE, USER
from billp.reports.recording.recording import DATA
from billp.settings import Settings, SimulatorSettings, load_settings
from billp.simulators import ColumnSpec, Dataset, add_folder, build_worlds, save_worlds, simulator_folder
from tests.fakes.worlds import MAPPING, write_atomic

FILMS = Path(__file__).parent / "films.txt"
USERS, RATED = 60, 40
TRAINING, TESTED, HORIZON = 6, 3, 8
SIMULATOR = SimulatorSettings.model_validate({"model": "deepfm", "factors": 8, "epochs": 12, "test_share": 0.3})


def films() -> Dataset:
    """The films, and users with a taste for some genres who rate a third of them: invented, but what is good is."""
    items, worth = [], []
    for index, line in enumerate(FILMS.read_text(encoding="utf-8").splitlines()):
        title, year, genres, acclaim = line.split("|")
        items.append(Item(index, f"f{index}", title, tuple(genres.split(",")), int(year)))
        worth.append(float(acclaim))
    catalogue = Catalogue(DATASET, tuple(items))
    rng = np.random.default_rng(0)
    belongs = np.array([[genre in item.categories for genre in catalogue.categories] for item in items], dtype=float)
    taste = rng.normal(0, 0.6, (USERS, belongs.shape[1]))
    liking = np.array(worth) * 0.8 + 0.8 + taste @ (belongs / belongs.sum(axis=1, keepdims=True)).T
    rated = np.stack([rng.choice(len(items), RATED, replace=False) for _ in range(USERS)])
    stars = np.take_along_axis(liking, rated, axis=1) + rng.normal(0, 0.4, rated.shape)
    return Dataset(
        name=DATASET,
        catalogue=catalogue,
        user_keys=tuple(f"u{user}" for user in range(USERS)),
        users=np.repeat(np.arange(USERS), RATED).astype(np.int32),
        items=rated.reshape(-1).astype(np.int32),
        ratings=np.clip(np.rint(stars), 1, 5).reshape(-1).astype(np.float32),
        timestamps=np.arange(USERS * RATED, dtype=np.int64),
        mapping=MAPPING,
        fingerprint="films",
    )


@contextmanager
def _bar(title: str, _: int) -> Iterator[Callable[[], None]]:
    sys.stderr.write(f"{title}\n")
    yield lambda: None


async def play(settings: Settings, home: Path) -> Trajectory:
    """The episode, with the default prompts, and the comparison into `home`, with the short ones."""
    terse = settings.planner.model_copy(update={"max_tokens": 16})
    async with Resources(settings) as resources:
        done = await run_single(
            resources, dataset=DATASET, method=METHOD, user=USER, seed=0, memory="none", learn=False
        )  # fmt: skip
    async with Resources(settings.model_copy(update={"prompts": TERSE_PACK, "planner": terse})) as resources:
        await run_demo(
            resources, folder=home / RUNS, dataset=DATASET, episodes=TRAINING, users=TESTED, seed=0, bar=_bar
        )  # fmt: skip
    return done


def settings_for(model: str, home: Path) -> Settings:
    """The settings to record with, the data in `home`; few tokens, so that it takes minutes."""
    return load_settings(
        {
            "data_dir": home / DATA, "runs_dir": home, "llm.model": model, "run.horizon": HORIZON, "run.batch": 4,
            "run.side_by_side": 2, "run.tape": "record", "run.tape_file": home / TAPE, "actor.orders": 1,
            "memory.llm_knowledge": False, "simulator": SIMULATOR.model_dump(),
        }
    )  # fmt: skip


def record(model: str) -> None:
    """Records all anew into `FILES`."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = settings_for(model, home)
        write_atomic(home / "source", films())
        dataset = add_folder(
            settings.data, home / "source", DATASET, columns=ColumnSpec(categories="class", title="movie_title")
        )
        save_worlds(simulator_folder(settings.data, DATASET), build_worlds(dataset, SIMULATOR))
        done = asyncio.run(play(settings, home))
        kept = home / "kept"
        shutil.copytree(home / RUNS, kept / RUNS, ignore=shutil.ignore_patterns("*.lock"))
        for name in ("datasets", "simulators", "vectors"):
            shutil.copytree(settings.data / name, kept / DATA / name)
        shutil.copytree(DEFAULT_PACK, kept / "prompts")
        shutil.copy(home / TAPE, kept)
        stored = settings.model_dump(
            mode="json", exclude={"data_dir": True, "runs_dir": True, "prompts": True, "run": {"tape_file"}}
        )
        stored["llm"] |= {"gguf": None, "base_url": None}
        (kept / SETTINGS).write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
        (kept / EPISODE).write_text(json.dumps(done, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        for config in kept.rglob("config.json"):
            _without_paths(config, stored)
        shutil.rmtree(FILES, ignore_errors=True)
        shutil.copytree(kept, FILES)


def _without_paths(config: Path, stored: dict[str, object]) -> None:
    """A run's config without the folders of the machine that it was made on."""
    told = json.loads(config.read_text(encoding="utf-8"))
    told["surroundings"] |= {"data_dir": DATA, "settings": stored}
    config.write_text(json.dumps(told, indent=2), encoding="utf-8")


if __name__ == "__main__":
    record(sys.argv[1])
