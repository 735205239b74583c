// What a running run is doing: each open episode with the node at work.
import { make } from "./elements.js";

export class Work {
  constructor() {
    this.element = make("ul", { class: "work", "aria-label": "Episodes under way" });
    this.element.hidden = true;
  }

  show(working) {
    this.element.hidden = !working.length;
    this.element.replaceChildren(...working.map((each) => make("li", {},
      make("span", { class: "quiet" }, `user ${each.user} · step ${each.step} `), make("strong", {}, each.node.replace("act:", "")))));
  }
}
