// What a file holds: the answers that a server would give, episodes packed as reports/compact_json.py says.
import { unpack } from "./elements.js";

class Held {
  constructor(data) {
    this.data = data;
    this.title = data.title;
    this.parts = new Map(data.comparison.parts.map((part) => [part.name, { ...part, shown: [] }]));
    for (const [run, number, packed] of data.episodes.episodes) {
      this.parts.get(data.episodes.texts[run]).shown.push({ number, packed });
    }
  }

  answer(path, { base }) {
    if (path === "drawing") return this.data.drawing;
    if (path === "comparison") return this.comparison(base);
    const [, name, number] = path.match(/^runs\/(.*)\/episodes(?:\/(\d+))?$/);
    const run = this.parts.get(name.split("/").map(decodeURIComponent).join("/"));
    if (!run) throw new Error("This file does not hold that run.");
    return number ? this.episode(run, Number(number)) : this.list(run);
  }

  comparison(base) {
    const { comparison, differences } = this.data;
    return Object.hasOwn(differences, base ?? "") ? { ...comparison, base, differences: differences[base] } : comparison;
  }

  list(run) {
    const episodes = run.shown.map(({ number, packed }) => ({ number, ...unpack(this.data.episodes, "HeadView", packed[0]) }));
    return { run, of: run.episodes, offset: 0, episodes };
  }

  episode(run, number) {
    const found = run.shown.find((each) => each.number === number);
    if (!found) throw new Error(`This file does not hold episode ${number} of ${run.name}.`);
    return { run: { ...run, method: run.row }, number, of: run.shown.length, told: unpack(this.data.episodes, "EpisodeView", found.packed) };
  }
}

const script = document.getElementById("held");

// Null on a page that a server answers.
export const held = script === null ? null : new Held(JSON.parse(script.textContent));
