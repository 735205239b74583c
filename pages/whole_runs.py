"""The runs as a person keeps them: each folder of the runs folder is one, whatever is in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from billp.errors import ArtifactError
from billp.experiments.runs.listing import ListedRun, list_runs, remove_run, rename_run
from billp.experiments.runs.watching import working_in
from billp.pages.answers import Done, Launch, RunList, RunParts, RunQuestion, RunRow, WholeRun
from billp.pages.runs import Runs

_KINDS = ("result", "probe", "training")


@dataclass(frozen=True)
class WholeRuns:
    """The runs in the folder `root`, whose parts `runs` reads."""

    root: Path
    runs: Runs

    def asked(self, question: RunQuestion) -> RunList:
        """Returns the part of the runs that `question` asks for; reads of the others only what the order needs."""
        found = self._listed()
        told: dict[str, WholeRun] = {}

        def tell(run: ListedRun) -> WholeRun:
            if run.name not in told:
                told[run.name] = self._told(run)
            return told[run.name]

        words = question.text.casefold().split()
        chosen = [run for run in found if not words or all(word in _row_words(run) for word in words)]
        if question.sort in ("episodes", "length", "r_traj"):
            keyed = [(getattr(tell(run), question.sort), run) for run in chosen]
        else:
            keyed = [(getattr(run, question.sort), run) for run in chosen]
        known = sorted((pair for pair in keyed if pair[0] is not None), key=lambda pair: (pair[0], pair[1].name))
        ordered = [run for _, run in (reversed(known) if question.down else known)]
        ordered += [run for value, run in keyed if value is None]  # at the end in either order
        some = ordered[question.offset : question.offset + question.limit]
        return RunList(total=len(found), of=len(ordered), offset=question.offset, runs=[tell(run) for run in some])

    def one(self, name: str, launch: Launch | None = None) -> RunParts:
        """Returns the run `name` and its parts; raises ArtifactError if there is none.

        `launch` is how this page started it. Before it has a folder, it is told by that alone.
        """
        run = next((run for run in self._listed() if run.name == name), None)
        if run is None and launch is not None:
            return RunParts(run=_begun(launch), parts=[], launch=launch)
        run = run or self._named(name)
        parts = self.runs.rows(_parts(run))
        ordered = sorted(parts, key=lambda part: (_KINDS.index(part.kind), part.name))
        whole = self._told(run)
        running = _parts(run) if whole.state == "running" else []
        return RunParts(
            run=whole,
            parts=ordered,
            begun=self.runs.begun(_parts(run)),
            launch=launch,
            working=[each for part in running for each in working_in(self.root / part)],
        )

    def folder(self, name: str) -> Path:
        """Returns the folder of the run `name`; raises ArtifactError if there is none."""
        return self.root / self._named(name).name

    def rename(self, name: str, new: str) -> Done:
        """Renames a run; raises as `rename_run` does, and ArtifactError if there is no such run."""
        folder = rename_run(self.folder(name), new)
        return Done(said=f"Run {name} is called {folder.name} now.", run=folder.name)

    def remove(self, name: str) -> Done:
        """Removes the run `name`; raises ArtifactError if there is none, or if it is running."""
        remove_run(self.folder(name))
        return Done(said=f"Run {name} is removed.")

    def _listed(self) -> list[ListedRun]:
        return [run for run in list_runs(self.root) if not (self.root / run.name).is_symlink()]

    def _named(self, name: str) -> ListedRun:
        # Looked up among those there are, so that no path is ever made of what a request says.
        found = next((run for run in self._listed() if run.name == name), None)
        if found is None:
            raise ArtifactError(f"There is no run {name!r}; go back to the list of runs.")
        return found

    def _told(self, run: ListedRun) -> WholeRun:
        parts = _parts(run)
        rows: list[RunRow] = self.runs.rows(parts) if len(parts) == 1 else []
        row = rows[0] if rows else None
        damaged = row is not None and bool(row.problem)
        return WholeRun(
            name=run.name,
            command=run.command,
            method=(row.method if row is not None else "") or run.method,
            dataset=run.dataset,
            parts=len(parts),
            episodes=(run.episodes or 0) if row is None or damaged else row.episodes,
            failed=0 if row is None else row.failed,
            planned=run.planned,
            length=None if row is None else row.length,
            r_traj=None if row is None else row.r_traj,
            len_interval="-" if row is None else row.len_interval,
            r_traj_interval="-" if row is None else row.r_traj_interval,
            changed=run.changed,
            state="damaged" if damaged else run.state,
            problem="" if row is None else row.problem,
        )


def _begun(launch: Launch) -> WholeRun:
    return WholeRun(
        name=launch.run,
        command=launch.command.split(" ")[1],
        method="",
        dataset="",
        parts=0,
        episodes=0,
        state="interrupted" if launch.state == "ended" else "running",
    )


def _parts(run: ListedRun) -> list[str]:
    """Returns the names of the runs in it, as `Runs` has them."""
    own = [run.name] if len(run.files) > len(run.parts) else []
    return own + [f"{run.name}/{part}" for part in run.parts]


def _row_words(run: ListedRun) -> str:
    return " ".join((run.name, run.command, run.method, run.dataset, run.state)).casefold()
