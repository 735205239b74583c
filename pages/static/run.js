// One run: how far it is while it runs, what it came to, its parts, its episodes; to be renamed, stopped, deleted.
import { ask, button, change, inTerminal, counted, inPath, reportOf, table, to, toEpisode, when } from "./ask.js";
import { sectionsOf } from "./compare.js";
import { confirmed, named } from "./dialog.js";
import { fixed, make } from "./elements.js";
import { EpisodeList } from "./episodes.js";
import { episodesOf, stateOf } from "./runs.js";
import { Work } from "./work.js";

const LATEST = 5;
const LISTED = 100; // parts whose episodes are listed together; those of more, as of a surface, part by part
const AGAIN_MS = 2000;
const CURVES_MS = 4000; // at least, between two drawings of a run that goes on

// The episodes that ended last.
async function latestOf(part, whole) {
  const { episodes } = await ask(`runs/${inPath(part.name)}/episodes`, { offset: Math.max(0, part.episodes - LATEST), limit: LATEST });
  const rows = episodes.reverse().map((episode) => [
    make("a", { href: toEpisode(part.name, episode.number, whole) }, `${episode.number}. ${episode.id}`),
    episode.user, String(episode.seed), episode.length === null ? "-" : String(episode.length),
    fixed(episode.r_traj, 1), episode.outcome,
  ]);
  return make("section", { "aria-label": "Latest episodes" }, make("h3", {}, "Latest episodes"),
    table("Latest episodes", ["episode", "user", "seed", "Len", "R_traj", "outcome"], ["outcome"], rows));
}

// A part of a run: its episodes.
async function partView(name) {
  const { run } = await ask(`runs/${inPath(name)}/episodes`, { limit: 1 });
  const whole = name.split("/")[0];
  const episodes = await new EpisodeList([run]).load();
  return {
    parts: [
      make("p", { class: "trail" }, make("a", { href: to("run", { run: whole }) }, `← ${whole}`)),
      make("h2", {}, name),
      make("p", { class: "quiet" }, `${run.method} on ${run.dataset} · mean Len ${run.len_interval}, R_traj ${run.r_traj_interval}`),
      episodes.element,
    ],
    shown: () => episodes.resume(),
  };
}

const span = (seconds) => (seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : seconds < 5400
  ? `${Math.round(seconds / 60)} min` : `${fixed(seconds / 3600, 1)} h`);

class Run {
  constructor(name) {
    Object.assign(this, { name, timer: 0, drawnAt: 0, drawnOf: -1 });
    this.head = make("div", {});
    this.progress = make("div", { "aria-live": "polite" });
    this.started = make("div", {});
    this.work = new Work();
    this.came = make("div", {});
    this.body = make("div", {});
    this.actions = make("div", { class: "actions" });
  }

  parts() {
    return [
      make("p", { class: "trail" }, make("a", { href: to("runs", {}) }, "← Runs")),
      make("div", { class: "heading" }, make("h2", {}, this.name), this.actions),
      this.head, this.progress, this.started, this.work.element, this.came, this.body,
    ];
  }

  async load() {
    window.clearTimeout(this.timer);
    const found = await ask(`runs/${inPath(this.name)}`);
    const said = JSON.stringify([found.run, found.launch?.state]);
    if (said !== this.said) this.fill(found);
    this.said = said;
    this.tell(found);
    const active = found.run.state === "running";
    const due = Date.now() - this.drawnAt > Math.max(CURVES_MS, 10 * (this.took || 0));
    if (this.drawnOf !== found.run.episodes && (due || !active)) {
      await this.draw(found);
    }
    if (active || found.launch?.state === "running" || found.launch?.state === "stopping") {
      this.timer = window.setTimeout(() => this.load().catch((error) => this.failed(error)), AGAIN_MS);
    }
  }

  failed(error) {
    this.progress.replaceChildren(make("p", { class: "bad" }, `${error.message} It is asked again.`));
    this.timer = window.setTimeout(() => this.load().catch((again) => this.failed(again)), 2 * AGAIN_MS);
  }

  fill({ run, launch, continuation, hindrance }) {
    const facts = [[run.command, run.method && `${run.method}`].filter(Boolean).join(" "), run.dataset && `on ${run.dataset}`,
      run.parts === 1 && run.length !== null && `mean Len ${run.len_interval}, R_traj ${run.r_traj_interval}`,
      run.changed && `last episode ${when(run.changed)}`].filter(Boolean);
    this.head.replaceChildren(make("p", { class: "quiet" }, stateOf(run), " · ", facts.join(" · ")));
    if (run.problem) this.head.append(make("p", { class: "bad" }, run.problem));
    if (continuation) {
      this.head.append(make("p", { class: "quiet" }, "It was interrupted. Go on with it here, or in a terminal:"),
        inTerminal(continuation));
    }
    if (hindrance) this.head.append(make("p", { class: "note" }, hindrance));
    const running = run.state === "running";
    const started = launch && launch.state !== "ended";
    this.actions.replaceChildren(...[
      started && button(launch.state === "stopping" ? "End it now" : "Stop", () => this.stop(launch)),
      !running && (continuation || (launch?.state === "ended" && run.state !== "finished")) && button("Go on", () => this.goOn()),
      run.episodes > 0 && make("a", { class: "button", href: to("compare", { run: this.name }) }, "Compare"),
      run.episodes > 0 && make("a", { class: "button", href: reportOf([this.name]), download: "" }, "Save as a file"),
      !running && !started && run.changed !== null && button("Rename", () => this.rename()),
      !running && !started && run.changed !== null && button("Delete", () => this.delete(run), { class: "danger" }),
    ].filter(Boolean));
  }

  // What changes with every episode.
  tell({ run, begun, launch, working }) {
    this.progress.replaceChildren();
    if (run.state === "running") {
      const share = run.planned ? run.episodes / run.planned : null;
      const gone = begun === null ? 0 : Date.now() / 1000 - begun;
      const left = share && share < 1 ? ` · about ${span((gone / share) * (1 - share))} left` : "";
      const words = `${counted(run.episodes, "episode")}${run.planned ? ` of ${run.planned}` : ""}${begun === null ? "" : ` in ${span(gone)}`}${left}`;
      this.progress.append(make("p", {}, run.episodes ? words : "Loading data and models ..."),
        make("progress", { max: run.planned ?? 1, value: share === null ? null : run.episodes, "aria-label": "Episodes done" }));
    }
    this.work.show(run.state === "running" ? working ?? [] : []);
    const said = launch ? launch.said.join("\n") : "";
    if (launch && this.printed !== `${launch.state} ${said}`) {
      this.printed = `${launch.state} ${said}`;
      const ended = launch.state !== "ended" ? "" : launch.code === 0 ? " It has ended." : ` It ended with status ${launch.code}.`;
      this.started.replaceChildren(
        make("p", { class: "quiet" }, `Started from this page.${ended} The same in a terminal:`),
        inTerminal(launch.command));
      if (said) {
        this.started.append(make("details", launch.code ? { open: "" } : {}, make("summary", {}, "What it printed"),
          make("pre", { class: "printed", tabindex: "0", "aria-label": "What it printed" }, said)));
      }
    }
  }

  async draw({ run, parts }) {
    const began = Date.now();
    this.drawnOf = run.episodes;
    if (parts.some((part) => part.episodes)) {
      const found = await ask("comparison", { run: this.name });
      this.came.replaceChildren(...sectionsOf(found));
    }
    await this.fillBody(run, parts);
    this.drawnAt = Date.now();
    this.took = this.drawnAt - began;
  }

  async fillBody(run, parts) {
    const made = [];
    const latest = [...parts].sort((one, other) => other.changed - one.changed)[0];
    if (run.state === "running" && latest?.episodes) made.push(await latestOf(latest, this.name));
    if (run.state !== "running" && parts.length <= LISTED && parts.some((part) => part.episodes)) {
      this.episodes = await new EpisodeList(parts.filter((part) => !part.problem), this.name).load();
      made.push(this.episodes.element);
      this.actions.querySelector(".jump")?.remove();
      this.actions.prepend(this.episodes.jump());
    }
    if (parts.length > 1) {
      const rows = parts.map((part) => [
        make("a", { href: to("run", { run: part.name }) }, part.name.slice(this.name.length + 1) || part.name),
        part.problem ? make("span", { class: "bad" }, "damaged") : part.method, episodesOf({ ...part, state: "finished" }),
        fixed(part.length, 1), fixed(part.r_traj, 1),
      ]);
      made.push(make("section", { "aria-label": "Parts" }, make("h3", {}, "Its parts"),
        table("Parts", ["part", "method", "episodes", "Len", "R_traj"], ["method"], rows)));
    }
    this.body.replaceChildren(...made);
  }

  async act(path) {
    try {
      await change(`runs/${inPath(this.name)}/${path}`);
    } catch (error) {
      this.head.append(make("p", { class: "bad", role: "alert" }, error.message));
    }
    this.said = "";
    await this.load();
  }

  stop(launch) {
    return launch.state === "stopping" ? this.act("stop")
      : confirmed(`Stop ${this.name}?`, "What is recorded stays, and the run can go on from there.", "Stop", () => this.act("stop"));
  }

  goOn() {
    return this.act("continuation");
  }

  async rename() {
    const done = await named(`Rename ${this.name}`, "New name ", this.name, "Rename",
      (name) => change(`runs/${inPath(this.name)}/name`, { name }));
    if (done) location.hash = to("run", { run: done.run });
  }

  async delete(run) {
    const words = `${counted(run.episodes, "episode")} and the reports in it are gone for good. What was taught to a memory stays there.`;
    const done = await confirmed(`Delete ${this.name}?`, words, "Delete", () => change(`runs/${inPath(this.name)}/removal`));
    if (done) location.hash = to("runs", {});
  }
}

export async function runView(asked) {
  const name = asked.get("run") || "";
  if (name.includes("/")) return partView(name);
  const view = new Run(name);
  await view.load();
  return { parts: view.parts(), shown: () => view.episodes?.resume(), leave: () => window.clearTimeout(view.timer) };
}
