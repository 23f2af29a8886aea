// ---- The player -------------------------------------------------------------------------------

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8, 16];
const WORDS_MS = 100; // how long words stand while a run plays
const QUIET_FACTOR = 8; // stretches in which nothing happens are shown this much faster

class PlayerView {
  constructor(el, hooks) {
    this.hooks = hooks ?? {};
    this.t = 0;
    this.speed = 1;
    this.playing = false;
    this.active = 0;
    this.hidden = new Set();
    this.ghosts = true;
    this.marked = noMarks();
    this.visible = true;
    this.look = 0; // grows when colours or runs change, so that what is kept is painted anew
    this.measured = 0; // grows when the page gives the player another size
    this.hurried = false; // in most frames of a playing run words and fields are left as they are
    this.reduced = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.root = h("div", { class: "ds-player", role: "region" });
    this.build();
    this.menu = new Menu(this);
    this.root.player = this; // for the benchmark
    el.append(this.root);
    this.watch();
  }

  get live() {
    return Boolean(this.hooks.send) && this.view.live;
  }

  /** Whether the run on show is the one whose faults a click changes. */
  get showsOwn() {
    return this.active === this.runs.length - 1;
  }

  // Building

  build() {
    this.buildHead();
    const body = h("div", { class: "ds-body" });
    this.legend = h("div", { class: "ds-legend" });
    this.root.append(this.head, body);
    this.stage = new Stage(this, body);
    const side = h("div", { class: "ds-side" });
    this.spacetime = new SpaceTime(this, side);
    side.append(this.buildTools());
    body.append(side, this.legend);
    this.buildCaption();
    this.axis = new Axis(this, this.root);
    this.buildControls();
    this.problem = h("div", { class: "ds-problem", role: "alert", hidden: true });
    this.foot = h("div", { class: "ds-foot" });
    this.table = h("div");
    this.say = h("div", { class: "ds-say" });
    this.errorBox = h("div", { class: "ds-error", hidden: true });
    this.said = h("div", { class: "ds-say" });
    this.say.append(this.errorBox, this.said);
    this.foot.append(this.table, this.say);
    this.root.append(this.problem, this.foot);
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  buildHead() {
    this.title = h("span", { class: "ds-title" });
    this.about = h("span", { class: "ds-soft" });
    this.seedBox = h("input", { type: "number", step: "1", "aria-label": "Seed" });
    const reseed = () => {
      const n = Math.trunc(Number(this.seedBox.value));
      if (n !== this.run.seed) this.send({ do: "seed", n });
    };
    this.seedBox.addEventListener("change", reseed);
    this.seedBox.addEventListener("keydown", (event) => {
      if (event.key === "Enter") reseed();
    });
    this.seedLabel = h("label", {}, "seed", this.seedBox);
    this.tabs = h("div", { class: "ds-tabs", role: "tablist", "aria-label": "Futures" });
    this.undoButton = this.iconButton("undo", "Undo the last change", () => this.send({ do: "undo" }));
    this.redoButton = this.iconButton("redo", "Redo", () => this.send({ do: "redo" }));
    this.resetButton = this.iconButton("reset", "Back to the run as scripted", () => this.send({ do: "reset" }));
    this.whatIfButton = h("button", {
      type: "button", class: "ds-tab ds-plus", title: "Open one more future, the same as the one on show, to change it",
      onclick: () => this.send({ do: "what if" }),
    }, "+ what if");
    this.closeButton = this.iconButton("cross", "Close the future on show", () => this.send({ do: "close", future: this.view.tabs.find((tab) => tab.shown).number }));
    this.edits = h("span", { class: "ds-tabs", style: "gap:4px" }, this.closeButton, this.undoButton, this.redoButton, this.resetButton);
    this.head = h("div", { class: "ds-head" }, this.title, this.seedLabel, this.about, h("span", { class: "ds-space" }),
      h("div", { class: "ds-futures" }, this.tabs, this.whatIfButton, this.edits),
    );
  }

  buildTools() {
    this.spanText = h("span", {});
    this.ghostButton = h("button", {
      type: "button", class: "ds-btn", "aria-pressed": "true",
      title: "Show in the diagram what the other future has instead", onclick: () => this.toggleGhosts(),
    }, icon("fork"), "other future");
    return h("div", { class: "ds-tools", role: "group", "aria-label": "Diagram" },
      this.ghostButton, this.spanText,
      this.iconButton("minus", "Show more time in the diagram", () => this.spacetime.zoom(2)),
      this.iconButton("plus", "Show less time in the diagram", () => this.spacetime.zoom(0.5)),
    );
  }

  buildCaption() {
    this.nowText = h("span", { class: "ds-now" });
    this.words = h("span", { class: "ds-words", role: "status", "aria-live": "polite" });
    this.weather = h("span", { class: "ds-weather" });
    this.caption = h("div", { class: "ds-caption" }, this.nowText, this.words, this.weather);
    this.root.append(this.caption);
  }

  buildControls() {
    this.playButton = h("button", { type: "button", class: "ds-btn ds-primary", onclick: () => this.toggle() });
    this.speedBox = h("select", { "aria-label": "Speed" });
    this.speedBox.append(...SPEEDS.map((speed) => h("option", { value: speed }, `${speed}×`)));
    this.speedBox.addEventListener("change", () => this.setSpeed(Number(this.speedBox.value)));
    this.paceText = h("span", { class: "ds-soft ds-wide" });
    this.partitionButton = h("button", { type: "button", class: "ds-btn", onclick: () => this.openGroupMenu([], { x: 40, y: 40 }, this.partitionButton) }, icon("wall"), "partition …");
    this.whyButton = h("button", {
      type: "button", class: "ds-btn", title: "Why did an operation end as it did?", onclick: () => this.openWhyMenu(this.whyButton),
    }, icon("question"), "why …");
    this.lanesButton = h("button", {
      type: "button", class: "ds-btn", title: "Show what nodes hold and log, over time", onclick: () => this.openLanesMenu(this.lanesButton),
    }, icon("lanes"), "values …");
    this.linkButton = h("button", { type: "button", class: "ds-btn", title: "Copy a link to this moment of these futures", onclick: () => this.copyLink() }, icon("chain"), "copy link");
    const button = (name, text, label, act) =>
      h("button", { type: "button", class: "ds-btn", "aria-label": label, onclick: act }, icon(name), h("span", { class: "ds-wide" }, text));
    this.controls = h("div", { class: "ds-controls", role: "group", "aria-label": "Controls" },
      button("start", "start", "Go to the start", () => this.goTo(0)),
      button("previous", "event", "Previous event", () => this.stepTo(-1, true)),
      this.playButton,
      button("next", "event", "Next event", () => this.stepTo(1, true)),
      this.speedBox, this.paceText, h("span", { class: "ds-space" }), this.lanesButton, this.whyButton, this.linkButton, this.partitionButton,
    );
    this.root.append(this.controls);
  }

  iconButton(name, label, act) {
    return h("button", { type: "button", class: "ds-btn ds-iconic", "aria-label": label, title: label, onclick: act }, icon(name));
  }

  // Data

  /** Take new runs and state; everything that depends on them is built anew. */
  update({ runs, view }) {
    const first = this.view === undefined;
    const changed = first || view.revision !== this.view.revision;
    this.view = view;
    this.showProblem();
    const known = this.runs ?? [];
    const same = runs.length === known.length && runs.every((run, i) => run === known[i]);
    if (same && view.problem) return;
    this.runs = runs.map((columns) => (columns instanceof Run ? columns : new Run(columns)));
    (view.lamps ?? []).forEach((lamps, i) => { this.runs[i].verdicts = lamps; });
    if (same && !changed) {
      this.judged();
      return;
    }
    this.trim();
    if (changed) this.active = this.runs.length - 1;
    this.active = Math.min(this.active, this.runs.length - 1);
    if (first) {
      this.t = view.at ?? 0;
      this.setSpeed(view.speed ?? 1);
      for (const name of view.lanes ?? []) this.axis.lanes.chosen.add(name);
    }
    this.setTheme();
    this.select();
    const steps = changed && !first ? view.why?.steps ?? [] : [];
    if (steps.length) this.goMarked(steps.at(-1).t);
  }

  /** The picture stands already; now the checks have spoken, and it is known what differs. */
  judged() {
    this.fillTable();
    this.fillSay();
    this.axis.setVerdicts();
    this.drawNow();
  }

  /** Leave out a long rest in which nothing happens any more; the same for all runs. */
  trim() {
    const busy = Math.max(...this.runs.map((run) => run.busyUntil));
    for (const run of this.runs) {
      run.whole ??= run.duration;
      const step = roundStep(busy / 20 || 1);
      run.duration = busy > 0 && busy < run.whole / 2 ? Math.ceil((busy * 1.05) / step) * step : run.whole;
    }
  }

  /** Show the run of the active tab. */
  select() {
    this.run = this.runs[this.active];
    this.other = this.runs.length > 1 ? this.runs[1 - this.active] : null;
    this.differing = { own: new Difference(this.run, this.other), other: this.other && new Difference(this.other, this.run) };
    this.look += 1;
    this.marked = noMarks();
    this.t = clamp(this.t, 0, this.run.duration);
    this.stageHeight = this.view.height ?? this.defaultHeight();
    // What changes the page comes before what reads sizes from it, so that it is laid out once.
    this.fillHead();
    this.fillLegend();
    this.fillControls();
    this.fillTable();
    this.fillSay();
    this.spacetime.setRuns(this.runs);
    this.axis.setRuns();
    this.stage.setRuns(this.runs);
    this.markWhy();
    this.drawNow();
  }

  /** Enough for the longest column: at most five nodes of a role stand in one. */
  defaultHeight() {
    const counts = new Map();
    for (const node of this.run.nodes) counts.set(node.role, (counts.get(node.role) ?? 0) + 1);
    const most = counts.size > 1 ? Math.max(...counts.values()) : this.run.nodes.length > 8 ? 5 : 0;
    return most > 4 ? 380 : most > 3 ? 330 : 280;
  }

  fillHead() {
    const { view, run } = this;
    this.title.textContent = view.title;
    this.root.setAttribute("aria-label", `Player: ${view.title}`);
    this.seedBox.value = run.seed;
    this.seedBox.disabled = !this.live;
    this.about.textContent = `${ms(run.duration)} · ${run.events.toLocaleString("en")} events`;
    const had = document.activeElement?.closest?.(".ds-tabs") === this.tabs ? document.activeElement.dataset.number : null;
    this.tabs.replaceChildren(...this.tabsFor(view.tabs ?? []));
    if (had !== null) (this.tabs.querySelector(`[data-number="${had}"]`) ?? this.tabs.firstChild)?.focus({ preventScroll: true });
    this.whatIfButton.hidden = !this.live;
    this.edits.hidden = !this.live;
    this.undoButton.disabled = !view.undo;
    this.redoButton.disabled = !view.redo;
    this.resetButton.disabled = !(view.tabs ?? []).length;
    this.closeButton.disabled = !(view.tabs ?? []).some((tab) => tab.shown && tab.number);
  }

  /** A tab for each future; the one on show may be closed, the others may stand beside it. */
  tabsFor(tabs) {
    return tabs.map((tab) => {
      const selected = tab.shown ? this.showsOwn : tab.beside && !this.showsOwn;
      const button = h("button", {
        type: "button", role: "tab", class: "ds-tab", "aria-selected": String(selected), "data-number": tab.number,
        tabindex: selected ? "0" : "-1",
        title: tab.shown ? `${tab.name}: on show` : tab.beside ? `${tab.name}: compared with what is on show` : `${tab.name}: show it`,
        onclick: () => this.chooseTab(tab),
      }, tab.name);
      button.addEventListener("keydown", (event) => this.tabKey(event, tab));
      return button;
    });
  }

  chooseTab(tab) {
    if (tab.shown) this.choose(this.runs.length - 1);
    else if (tab.beside && this.runs.length > 1) this.choose(0);
    else this.send({ do: "show", future: tab.number });
  }

  /** Arrow keys go from tab to tab, Delete closes a future. */
  tabKey(event, tab) {
    const all = [...this.tabs.children];
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (way) all[(all.indexOf(event.currentTarget) + way + all.length) % all.length].focus();
    else if (event.key === "Delete" && tab.number && this.live) this.send({ do: "close", future: tab.number });
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  choose(index) {
    this.active = index;
    this.select();
  }

  fillControls() {
    this.ghostButton.hidden = !this.other;
    this.partitionButton.hidden = !this.live;
    this.whyButton.hidden = !this.live || !this.run.ops.id.length;
    this.linkButton.hidden = !this.view.link;
    this.paceText.textContent = `1× = ${ms(this.run.pace)} a second`;
    this.axis.range.max = this.run.duration;
    this.showPlay();
  }

  /** The legend names only what occurs; message kinds are also the filter. */
  fillLegend() {
    const { run } = this;
    const items = [];
    const roles = new Map(run.nodes.map((node) => [node.role, node.shape]));
    for (const [role, shape] of roles) items.push(h("span", {}, shapeSample(shape), role));
    const has = (what) => run.spans.what.includes(what);
    const sample = (name, colour, text) => items.push(h("span", { style: "" }, tinted(icon(name), colour), text));
    if (has("down")) sample("cross", "vermilion", "down");
    if (run.errors.length) sample("error", "vermilion", "its code raised an error");
    if (has("paused")) sample("pause", "amber", "paused");
    const affected = new Set(run.spansBy.flat().filter((s) => s.what === "affected").map((s) => s.text));
    for (const text of affected) sample(AFFECTED[text] ?? "snail", "amber", text === "slow node" ? "slowed" : text);
    if (run.waiting?.n.some((n) => n > 0)) sample("queue", "amber", "messages waiting");
    if (run.unsynced.n.some((n) => n > 0)) sample("disk", "amber", "un-synced writes");
    if (run.skew.ms.some((offset) => offset)) sample("clock", "purple", "clock off");
    if (run.walls.length) sample("wall", "vermilion", "partition");
    if (run.links.what.includes("cut")) sample("cut", "vermilion", "one-way cut");
    if (run.shown.t.some((t) => t > 0)) items.push(h("span", {}, shapeSample("circle", true), "just changed"));
    if (this.other) items.push(
      h("span", {}, dotSample("teal"), "only in this future"),
      h("span", {}, tinted(lineSample([1.5, 3]), "down"), "only in the other"),
    );
    const kinds = h("span", { class: "ds-kinds", role: "group", "aria-label": "Messages to show" });
    kinds.append(...run.kinds.map((kind) => this.kindButton(kind)));
    this.legend.replaceChildren(...items, kinds);
  }

  kindButton(kind) {
    const button = h("button", {
      type: "button", class: "ds-kind", "aria-pressed": String(!this.hidden.has(kind.name)),
      style: `color: var(--ds-${kind.colour})`, title: `Show or hide ${kind.name} messages`,
    }, lineSample(kind.dash), kind.name);
    button.addEventListener("click", () => {
      const hide = !this.hidden.has(kind.name);
      if (hide) this.hidden.add(kind.name);
      else this.hidden.delete(kind.name);
      button.setAttribute("aria-pressed", String(!hide));
      this.invalidate();
    });
    return button;
  }

  /** One run: its figures in a line. Two: a table with the difference. */
  fillTable() {
    this.foot.setAttribute("aria-busy", String(Boolean(this.view.pending)));
    if (this.view.pending && this.table.firstChild) return; // it stands until the other one comes
    const both = this.runs.length > 1;
    this.foot.classList.toggle("ds-single", !both);
    this.table.replaceChildren(both ? this.outcomeTable() : this.outcomeLine());
  }

  outcomeLine() {
    const checks = new Set(this.run.verdicts.map((verdict) => verdict.check));
    const figures = this.view.outcome.filter((row) => !checks.has(row.label));
    return h("p", { class: "ds-summary" }, ...figures.map((row) => h("span", {}, `${row.label} `, h("b", {}, row.a))));
  }

  /** What differs, as a table; what does not, in a line. */
  outcomeTable() {
    const row = (r) => h("tr", {},
      h("th", { scope: "row" }, r.label), h("td", {}, r.a),
      h("td", { class: r.worse ? "ds-worse" : null }, r.b),
      h("td", { class: r.worse ? "ds-worse" : "ds-soft" }, r.difference),
    );
    const differing = this.view.outcome.filter((r) => r.difference !== "same");
    const same = this.view.outcome.filter((r) => r.difference === "same").map((r) => `${r.label} (${r.a})`);
    const heads = ["what clients saw", ...(this.view.letters ?? ["A", "B"]), "difference"];
    if (!differing.length) {
      return h("p", { class: "ds-same" }, `Nothing that clients saw differs: ${same.join(", ")}.`);
    }
    return h("div", {},
      h("table", { class: "ds-outcome" },
        h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)))),
        h("tbody", {}, ...differing.map(row)),
      ),
      same.length ? h("p", { class: "ds-same" }, `The same in both: ${same.join(", ")}.`) : null,
    );
  }

  fillSay() {
    const { view } = this;
    if (view.pending && this.said.firstChild) return;
    const lines = [];
    if (view.parting) lines.push(h("p", {}, h("b", {}, `The futures part at ${ms(view.parting.t)}. `), partingWords(view.parting, view.letters ?? ["A", "B"])));
    for (const text of view.differences ?? []) lines.push(h("p", {}, text));
    if (view.why && this.showsOwn) lines.unshift(this.whySaid(view.why));
    if (view.live && view.line) lines.push(h("p", { class: "ds-soft" }, "What you just did, in Python:"), this.codeLine(view.line));
    if (view.live && this.other) lines.push(h("p", { class: "ds-soft" }, "All of it:"), this.codeLine(view.script));
    if (!view.live) lines.push(h("p", { class: "ds-soft" }, "A recorded run. To break it, open the notebook with a kernel."));
    this.said.replaceChildren(...lines);
    this.showSay();
  }

  /** An explanation: a sentence, the chain of events as steps to go to, what did not arrive. */
  whySaid(why) {
    const steps = why.steps.map((step) =>
      h("li", {}, h("button", { type: "button", class: "ds-step", onclick: () => this.goMarked(step.t) }, h("b", {}, ms(step.t)), ` ${step.text}`)),
    );
    const missing = why.missing.map((text) => h("li", {}, text));
    return h("section", { class: "ds-why", "aria-label": "Why" },
      h("p", {}, h("b", {}, "Why? "), why.summary),
      h("ol", {}, ...steps),
      missing.length ? h("p", { class: "ds-soft" }, "Had one of these arrived in time, it might have ended otherwise:") : null,
      missing.length ? h("ul", {}, ...missing) : null,
    );
  }

  /** Mark what an explanation is about, in both views. */
  markWhy() {
    const { why } = this.view;
    if (!why || !this.showsOwn) return;
    for (const part of [why.rows, why.missing_rows]) {
      for (const row of part.flights) this.marked.flights.add(row);
      for (const node of part.nodes) this.marked.nodes.add(node);
    }
    const op = this.run.ops.id.indexOf(why.operation);
    if (op >= 0) this.marked.ops.add(op);
  }

  goMarked(t) {
    const kept = this.marked;
    this.goTo(t);
    this.marked = kept;
    this.invalidate();
  }

  openWhyMenu(opener) {
    this.pause();
    this.menu.forWhy(opener);
  }

  openLanesMenu(opener) {
    this.pause();
    this.menu.forLanes(opener);
  }

  /** What is copied opens the same futures at the same moment, in a notebook or in a saved page. */
  copyLink() {
    const link = `${this.view.link}@${this.now()}`;
    const page = this.hooks.send ? "" : window.location.href.split("#")[0];
    copyText(page ? `${page}#${link}` : link, this.root);
    this.root.dataset.link = link;
    this.linkButton.replaceChildren(h("span", {}, "✓"), "copied");
    setTimeout(() => this.linkButton.replaceChildren(icon("chain"), "copy link"), 1400);
  }

  /** In a saved page: go where the address says. */
  followAddress() {
    const code = decodeURIComponent(window.location.hash.slice(1));
    if (!code.startsWith("dsviz1.")) return;
    const [link, at] = code.split("@");
    if (link !== this.view.link) {
      this.view.problem = "This address belongs to another run than the one that this page holds; open it in a notebook with Player(scenario, link=…).";
      this.showProblem();
    }
    if (at !== undefined && Number.isFinite(Number(at))) this.goTo(Number(at));
  }

  showSay() {
    this.say.hidden = !this.said.children.length && this.errorBox.hidden;
  }

  codeLine(text) {
    const button = this.iconButton("copy", "Copy this line", () => {
      copyText(text, this.root);
      button.replaceChildren(h("span", {}, "✓"));
      setTimeout(() => button.replaceChildren(icon("copy")), 1200);
    });
    return h("div", { class: "ds-line" }, h("code", { tabindex: "0" }, text), button);
  }

  showProblem() {
    const { problem } = this.view;
    this.problem.hidden = !problem;
    if (!problem) return;
    const close = this.iconButton("cross", "Close this message", () => { this.problem.hidden = true; });
    this.problem.replaceChildren(h("span", {}, h("b", {}, "Not done. "), problem), h("span", { class: "ds-space" }), close);
  }

  // Time

  seek(t) {
    if (this.marked.verdict !== null && t !== this.run.verdicts[this.marked.verdict].at) this.marked.verdict = null;
    this.t = clamp(t, 0, this.run.duration);
    this.axis.range.value = this.t;
    this.invalidate();
  }

  goTo(t) {
    this.pause();
    this.seek(t);
  }

  /** Go to the next (+1) or previous (-1) moment at which something happens. */
  stepTo(direction, stop = false) {
    if (stop) this.pause();
    const times = this.run.stepTimes;
    const next = direction > 0 ? times[after(times, this.t)] : times[after(times, this.t - 1e-9) - 1];
    const beyond = direction > 0 ? this.run.duration : 0;
    const before = direction < 0 && next === this.t ? times[after(times, this.t) - 2] : next;
    this.seek((direction < 0 ? before : next) ?? beyond);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (this.t >= this.run.duration) this.t = 0;
    this.playing = true;
    this.last = null;
    this.showPlay();
    this.invalidate();
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.showPlay();
    this.invalidate();
  }

  showPlay() {
    this.root.classList.toggle("ds-playing", this.playing);
    this.playButton.replaceChildren(icon(this.playing ? "pause" : "play"), this.playing ? "pause" : "play");
    this.words.setAttribute("aria-live", this.playing ? "off" : "polite");
  }

  setSpeed(speed) {
    const nearest = SPEEDS.reduce((best, s) => (Math.abs(s - speed) < Math.abs(best - speed) ? s : best));
    this.speed = SPEEDS.includes(speed) ? speed : nearest;
    this.speedBox.value = String(this.speed);
  }

  /** Advance by one screen frame. Where motion is unwelcome, play goes from event to event. */
  advance(now) {
    const passed = this.last === null ? 0 : Math.min(now - this.last, 100);
    if (this.reduced.matches) {
      if (this.last !== null && now - this.last < 900 / this.speed) return;
      this.last = now;
      this.stepTo(1);
    } else {
      this.last = now;
      const factor = this.isQuiet() ? QUIET_FACTOR : 1;
      this.t += (passed / 1000) * this.run.pace * this.speed * factor;
    }
    if (this.t >= this.run.duration) {
      this.t = this.run.duration;
      this.pause();
    }
  }

  /** Whether nothing is under way and nothing happens soon. */
  isQuiet() {
    const { run, t } = this;
    const next = run.stepTimes[after(run.stepTimes, t)] ?? run.duration;
    const previous = run.stepTimes[after(run.stepTimes, t) - 1] ?? 0;
    if (next - t < run.pace * 0.6 || t - previous < run.pace * 0.6) return false;
    return run.inFlight(t).length === 0;
  }

  /** A fault's time: the moment on show, without needless digits. */
  now() {
    return this.tidy(this.t);
  }

  tidy(t) {
    const digits = this.run.pace >= 0.5 ? 1 : 3;
    return clamp(Number(t.toFixed(digits)), 0, this.run.duration);
  }

  // Drawing

  invalidate() {
    if (this.frame || !this.visible || !this.run) return;
    this.frame = requestAnimationFrame((now) => {
      this.frame = 0;
      if (!this.playing) {
        this.drawNow();
        return;
      }
      this.advance(now);
      this.drawMoving(now);
      this.invalidate();
    });
  }

  drawNow() {
    this.hurried = false;
    this.stage.draw(this.t);
    this.spacetime.draw(this.t);
    this.axis.draw(this.t);
    this.showCaption();
    if (!this.playing) this.stage.describe(this.t);
  }

  /** One frame of a playing run: what moves. Words and fields change a few times a second. */
  drawMoving(now) {
    this.hurried = this.playing && now - (this.told ?? 0) < WORDS_MS;
    if (!this.hurried) this.told = now;
    this.stage.draw(this.t);
    this.spacetime.draw(this.t);
    this.axis.show(this.t);
    if (!this.hurried) this.showCaption();
    this.hurried = false;
  }

  /** Faults of all links at once have no place in the picture: they stand beside the caption. */
  showWeather() {
    const faults = this.run.linkFaults(this.t).filter((f) => f.src < 0 && f.dst < 0);
    const text = faults.length ? `every link: ${faults.map(linkWords).join(", ")}` : "";
    if (this.weather.textContent !== text) this.weather.textContent = text;
  }

  showCaption() {
    this.showWeather();
    const quiet = this.playing && !this.reduced.matches && this.isQuiet();
    const now = ms(this.t);
    if (this.nowText.textContent !== now) this.nowText.textContent = now;
    const said = this.playing ? this.sayings() : this.run.sentencesAt(this.t);
    const verdict = this.run.verdicts[this.marked.verdict];
    const text = verdict && !this.playing ? verdict.sentence : quiet ? `nothing happens: shown ${QUIET_FACTOR} times faster` : said.length ? sentenceCase(said) : this.meanwhile();
    this.caption.classList.toggle("ds-long", Boolean(verdict));
    if (this.words.textContent !== text) this.words.textContent = text;
    const errors = this.run.errors.filter((e) => e.t <= this.t && this.run.node(e.node, this.t).down);
    const error = errors.at(-1);
    this.caption.classList.toggle("ds-bad", Boolean(error) && error.t === this.t);
    this.showError(errors.filter((e) => e.t === error.t && e.error === error.error));
  }

  /** While playing: what happened last, long enough to be read. */
  sayings() {
    const times = this.run.stepTimes;
    const last = times[after(times, this.t) - 1];
    return last === undefined || this.t - last > this.run.pace * 1.5 ? [] : this.run.sentencesAt(last);
  }

  /** The moment in words when nothing happens exactly now. */
  meanwhile() {
    const { run, t } = this;
    const rows = run.inFlight(t);
    const parts = rows.slice(0, 4).map((row) => {
      const f = run.flights;
      return `${run.text(f.label[row])} (${run.names[f.src[row]]} → ${run.names[f.dst[row]]})`;
    });
    if (rows.length > 4) parts.push(`${rows.length - 4} more`);
    if (parts.length) return `Under way: ${listed(parts)}.`;
    if (t === 0) return this.live ? "The start. Press play, or go to a moment and break something." : "The start.";
    return t >= run.duration ? "The end of the run." : "All is quiet.";
  }

  /** The learner's own lines, where nodes are down because their code raised this error. */
  showError(errors) {
    const key = errors.map((error) => `${error.node} ${error.t}`).join();
    if (this.errorKey === key) return;
    this.errorKey = key;
    this.errorBox.hidden = !errors.length;
    this.showSay();
    if (!errors.length) return;
    const names = errors.map((error) => this.run.names[error.node]).sort();
    const [{ t, lines, error }] = errors;
    this.errorBox.replaceChildren(
      h("b", {}, `${listed(names)} stopped at ${ms(t)}: ${names.length > 1 ? "their" : "its"} own code raised an error`),
      h("pre", {}, [...lines, error].join("\n")),
    );
  }

  // What the viewer does

  operationWords(row) {
    const { ops, names } = this.run;
    const result = { ok: ops.result[row] >= 0 ? `returns ${this.run.text(ops.result[row])}` : "done", fail: "failed", info: "unknown", open: "no answer" }[ops.status[row]];
    return `${names[ops.client[row]]}: ${this.run.text(ops.text[row])} · ${result}`;
  }

  askWhy(row) {
    this.menu.close();
    if (!this.showsOwn) this.choose(this.runs.length - 1);
    this.send({ do: "why", operation: this.run.ops.id[row] });
  }

  openNodeMenu(index, opener) {
    this.pause();
    if (this.live) this.menu.forNode(index, opener);
  }

  openLinkMenu(a, b, at) {
    this.pause();
    this.menu.forLink(a, b, at, this.stage.nodeButtons[a]);
  }

  openGroupMenu(chosen, at, opener) {
    this.pause();
    this.menu.forGroup(chosen, at, opener ?? this.partitionButton);
  }

  inject(fault) {
    this.menu.close();
    this.send({ do: "inject", fault });
  }

  send(message) {
    if (!this.live) return;
    this.pause();
    this.sentAt = performance.now();
    this.hooks.send(message);
  }

  /** Note how long it took from the click to the new picture and to the verdicts (for the benchmark). */
  noteLatency() {
    this.root.dataset.pending = String(Boolean(this.view.pending));
    if (this.judgedSince !== undefined && !this.view.pending) {
      this.root.dataset.judged = (performance.now() - this.judgedSince).toFixed(1);
      this.judgedSince = undefined;
    }
    if (this.sentAt === undefined) return;
    const { sentAt } = this;
    this.sentAt = undefined;
    requestAnimationFrame(() => {
      this.root.dataset.latency = (performance.now() - sentAt).toFixed(1);
      this.root.dataset.revision = this.view.revision;
    });
    this.judgedSince = sentAt;
  }

  /** Go to the moment of a verdict and mark the events that show it; again: unmark. */
  jumpToVerdict(index) {
    const verdict = this.run.verdicts[index];
    if (this.marked.verdict === index) {
      this.marked = noMarks();
      this.invalidate();
      return;
    }
    this.marked = noMarks(index);
    for (const step of verdict.steps) this.mark(step);
    for (const op of verdict.ops) {
      this.marked.ops.add(op);
      this.marked.nodes.add(this.run.ops.client[op]);
    }
    this.goTo(verdict.at ?? this.t);
  }

  mark(step) {
    const { steps } = this.run;
    const what = STEP_WHAT[steps.what[step]];
    if (what === "deliver" || what === "drop") this.marked.flights.add(steps.ref[step]);
    if (["invoke", "ok", "fail", "info"].includes(what)) this.marked.ops.add(steps.ref[step]);
    if (steps.node[step] >= 0) this.marked.nodes.add(steps.node[step]);
  }

  toggleGhosts() {
    this.ghosts = !this.ghosts;
    this.ghostButton.setAttribute("aria-pressed", String(this.ghosts));
    this.invalidate();
  }

  key(event) {
    const tag = event.target.tagName;
    if (event.defaultPrevented || tag === "INPUT" || tag === "SELECT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      " ": tag === "BUTTON" ? null : () => this.toggle(),
      k: () => this.toggle(),
      ArrowLeft: () => this.stepTo(-1, true),
      ArrowRight: () => this.stepTo(1, true),
      Home: () => this.goTo(0),
      End: () => this.goTo(this.run.duration),
      Escape: () => { this.marked = noMarks(); this.invalidate(); },
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  // The world around

  watch() {
    this.sized = new ResizeObserver(() => this.resized());
    this.sized.observe(this.root);
    this.seen = new IntersectionObserver(([entry]) => {
      this.visible = entry.isIntersecting;
      this.last = null;
      this.invalidate();
    });
    this.seen.observe(this.root);
    this.themed = new MutationObserver(() => this.setTheme());
    this.themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"] });
    this.dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.onDark = () => this.setTheme();
    this.dark.addEventListener("change", this.onDark);
  }

  /** Only another width, or another height of the diagram, moves anything. */
  resized() {
    if (!this.run || !this.root.clientWidth) return;
    const size = [this.root.clientWidth, this.spacetime.box.clientHeight, window.devicePixelRatio].join();
    if (size === this.sizes) return;
    this.sizes = size;
    this.measured += 1;
    this.look += 1;
    this.stage.place();
    this.axis.arrange();
    this.invalidate();
  }

  /** How much time the diagram shows. */
  showSpan(span) {
    const words = `${ms(Math.round(span * 10) / 10)} in view`;
    if (this.spanText.textContent !== words) this.spanText.textContent = words;
  }

  setTheme() {
    if (!this.view) return;
    const mode = themeMode(this.view.theme, this.dark);
    if (this.root.dataset.theme === mode && this.colours) return; // the same colours as before
    this.look += 1;
    this.root.dataset.theme = mode;
    this.colours = this.view.tokens[mode];
    this.root.style.colorScheme = mode;
    for (const [name, colour] of Object.entries(this.colours)) {
      this.root.style.setProperty(`--ds-${name.replaceAll("_", "-")}`, colour);
    }
    this.invalidate();
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.playing = false;
    this.sized.disconnect();
    this.seen.disconnect();
    this.themed.disconnect();
    this.dark.removeEventListener("change", this.onDark);
    this.menu.destroy();
    this.root.remove();
  }
}

function noMarks(verdict = null) {
  return { flights: new Set(), ops: new Set(), nodes: new Set(), verdict };
}

function themeMode(wanted, dark) {
  if (wanted === "light" || wanted === "dark") return wanted;
  const { jpThemeLight } = document.body.dataset;
  if (jpThemeLight) return jpThemeLight === "false" ? "dark" : "light";
  if (document.body.classList.contains("vscode-dark")) return "dark";
  return dark.matches && !document.body.classList.contains("vscode-light") ? "dark" : "light";
}

function sentenceCase(sentences) {
  const joined = sentences.slice(0, 3).join("; ");
  const shown = joined[0].toUpperCase() === joined[0] || /^\w+\d/.test(joined) ? joined : joined[0].toUpperCase() + joined.slice(1);
  return shown + (sentences.length > 3 ? `; and ${sentences.length - 3} more.` : ".");
}

function partingWords({ a, b }, [one, other]) {
  return `${one}: ${a ?? "nothing happens then"}. ${other}: ${b ?? "nothing happens then"}.`;
}

function tinted(element, colour) {
  element.style.color = `var(--ds-${colour})`;
  return element;
}

/** A node's shape for the legend. */
function shapeSample(shape, changed = false) {
  const svg = icon("plus");
  const outline = {
    diamond: "M12 2 22 12 12 22 2 12z", square: "M4 4h16v16H4z", circle: "M12 3a9 9 0 1 0 .01 0z",
    hexagon: "M12 2 20.7 7v10L12 22 3.3 17V7z", octagon: "M8 2h8l6 6v8l-6 6H8l-6-6V8z",
    triangle: "M12 2 22 20H2z", pentagon: "M12 2 22 9.5 18 21H6L2 9.500z",
  }[shape];
  svg.firstChild.setAttribute("d", outline);
  svg.style.color = changed ? "var(--ds-vermilion)" : "var(--ds-ink)";
  if (changed) svg.style.strokeWidth = "4";
  return svg;
}

function dotSample(colour) {
  const svg = tinted(icon("plus"), colour);
  svg.firstChild.setAttribute("d", "M12 7a5 5 0 1 0 .01 0z");
  svg.style.fill = "currentColor";
  return svg;
}

/** A piece of line in a message kind's dash. */
function lineSample(dash) {
  const svg = icon("minus");
  svg.setAttribute("viewBox", "0 0 30 24");
  svg.style.width = "22px";
  svg.firstChild.setAttribute("d", "M2 12h26");
  if (dash.length) svg.firstChild.setAttribute("stroke-dasharray", dash[0] < 3 ? "2 4" : "7 4");
  svg.firstChild.setAttribute("stroke-linecap", "butt");
  return svg;
}

/** Copy to the clipboard, also where the page may not use the clipboard interface. */
function copyText(text, root) {
  const fallback = () => {
    const area = h("textarea", { style: "position:absolute;opacity:0" });
    area.value = text;
    root.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  if (navigator.clipboard?.writeText) navigator.clipboard.writeText(text).catch(fallback);
  else fallback();
}
