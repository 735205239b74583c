// The page for people: an item, their answer, the next item. Data from the service is put in as text.

const at = (id) => document.getElementById(id);
const views = ["start", "item", "end"];
const kept = {
  get: (name) => sessionStorage.getItem(name) ?? "",
  set: (name, value) => sessionStorage.setItem(name, value),
};
let turn = null;
let waiting = false;
let listening = null;

const key = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function headers(more) {
  return kept.get("token") ? { ...more, Authorization: `Bearer ${kept.get("token")}` } : more;
}

async function ask(method, path, body, once) {
  const given = body === undefined ? {} : { "Content-Type": "application/json" };
  const sent = { method, headers: headers(once ? { ...given, "Idempotency-Key": once } : given) };
  const answer = await fetch(path, body === undefined ? sent : { ...sent, body: JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.detail), { status: answer.status });
  return told;
}

// Does something that may fail; a retry uses the same key, so that it counts once.
async function attempt(words, work) {
  if (waiting) return;
  waiting = true;
  at("problem").hidden = true;
  at("busy").textContent = words;
  for (const button of document.querySelectorAll("main button")) button.disabled = true;
  try {
    await work();
  } catch (error) {
    const asks = error.status === 401;
    if (asks) at("with-token").open = true;
    const told = asks ? "This service asks for a token. Type yours in above; the people who run the service give it to you."
      : error.status ? error.message : "The service cannot be reached; try again in a moment.";
    at("problem").querySelector("p").textContent = told;
    at("problem").querySelector("button").onclick = () => attempt(words, work);
    at("problem").hidden = false;
    at("problem").scrollIntoView({ block: "nearest" });
  } finally {
    waiting = false;
    at("busy").textContent = "";
    for (const button of document.querySelectorAll("main button")) button.disabled = false;
  }
}

function show(view) {
  for (const each of views) at(each).hidden = each !== view;
  at(view).querySelector("h1").focus();
}

function put(id, words) {
  at(id).textContent = words;
  at(id).hidden = !words;
}

async function present(next) {
  turn = next;
  kept.set("session", turn.session);
  for (const form of [at("wishing"), at("leaving")]) form.reset();
  if (turn.ended) {
    await conclude();
    return;
  }
  at("title").textContent = turn.title;
  const year = turn.year && !turn.title.includes(`(${turn.year})`) ? [turn.year] : [];
  put("facts", [...year, ...turn.categories].join(", "));
  put("why", turn.why);
  put("stand-in", turn.stand_in);
  put("notice", turn.notice);
  at("progress").textContent = `Step ${turn.step} of at most ${turn.horizon}`;
  document.title = `${turn.title} - billp`;
  show("item");
  listen(turn.session);
}

async function conclude() {
  listening?.abort();
  const { length, reward_each: each } = turn.totals;
  at("ended").textContent = turn.ended === "left" ? "You left" : "That was all";
  at("totals").textContent = `${length} ${length === 1 ? "item" : "items"}, ${each.toFixed(1)} stars on average.`;
  at("progress").textContent = "";
  document.title = "billp";
  kept.set("ended", "yes");
  const whole = await ask("GET", `sessions/${turn.session}`);
  at("seen").replaceChildren(
    ...whole.answered.map(({ title, rating }) => {
      const line = document.createElement("li");
      line.textContent = `${title}: ${rating} ${rating === 1 ? "star" : "stars"}`;
      return line;
    }),
  );
  show("end");
}

function answer(said) {
  const once = key();
  const { session, step } = turn;
  attempt("Choosing…", async () => present(await ask("POST", `sessions/${session}/answer`, { ...said, step }, once)));
}

// Shows the Planner's words as they arrive. If this fails, the answer still arrives.
async function listen(session) {
  if (listening?.session === session && !listening.signal.aborted) return;
  listening?.abort();
  listening = Object.assign(new AbortController(), { session });
  try {
    const heard = await fetch(`sessions/${session}/events`, { headers: headers({}), signal: listening.signal });
    if (!heard.ok) return;
    let text = "";
    let words = "";
    const reader = heard.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const events = (text + part.value).split(/\r?\n\r?\n/);
      text = events.pop();
      for (const event of events) {
        const name = /^event: (.*)$/m.exec(event)?.[1];
        if (name === "words") {
          words += JSON.parse(/^data: (.*)$/m.exec(event)[1]).text;
          if (waiting) at("busy").textContent = turn?.stand_in ? `${words} (${turn.stand_in})` : words;
        } else if (name === "item") {
          words = "";
        }
      }
    }
  } catch {
    // A broken stream is opened again with the next item.
  }
  if (listening?.session === session) listening = null;
}

at("start").addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = new FormData(at("start"));
  kept.set("token", fields.get("token").trim());
  const likes = fields.get("likes").split("\n").map((line) => line.trim()).filter(Boolean);
  const asked = { likes, wish: fields.get("wish").trim() };
  if (fields.get("user").trim()) asked.user = fields.get("user").trim();
  const once = key();
  kept.set("ended", "");
  attempt("Choosing…", async () => {
    const first = await ask("POST", "sessions", asked, once);
    kept.set("user", first.user);
    await present(first);
  });
});

at("stars").addEventListener("click", (event) => {
  if (event.target.value) answer({ rating: Number(event.target.value) });
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=checkbox]), textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (!at("item").hidden && at("keys").checked && /^[1-5]$/.test(event.key)) answer({ rating: Number(event.key) });
});

at("wishing").addEventListener("submit", (event) => {
  event.preventDefault();
  const wish = at("wish").value.trim();
  if (wish) answer({ wish });
  else at("wish").focus();
});

at("leaving").addEventListener("submit", (event) => {
  event.preventDefault();
  const why = at("reason").value.trim();
  answer(why ? { leave: true, why } : { leave: true });
});

function begin() {
  kept.set("session", "");
  at("user").value = kept.get("user");
  show("start");
  if (!at("user").value) at("user").focus();
}

at("again").addEventListener("click", begin);

at("forget").addEventListener("click", () => {
  if (!confirm("Delete all your sessions and what was learned from them?")) return;
  attempt("Forgetting…", async () => {
    await ask("DELETE", `users/${encodeURIComponent(kept.get("user"))}`);
    sessionStorage.clear();
    begin();
  });
});

if (kept.get("session")) {
  const session = kept.get("session");
  attempt("Looking where you were…", async () => {
    try {
      await present(await ask("GET", `sessions/${session}`));
    } catch (error) {
      if (error.status !== 404) throw error;
      begin();
    }
  });
} else {
  begin();
}
