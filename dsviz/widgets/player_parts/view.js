// ---- The player -------------------------------------------------------------------------------

const WORDS_MS = 100; // how long words stand while a run plays

class PlayerView extends Surroundings {
  constructor(el, hooks) {
    super();
    this.hooks = hooks ?? {};
    this.active = 0;
    this.hidden = new Set();
    this.ghosts = true;
    this.marked = noMarks();
    this.look = 0; // grows when colours or runs change, so that what is kept is painted anew
    this.hurried = false; // in most frames of a playing run words and fields are left as they are
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
    this.head = new Head(this, this.root);
    const body = h("div", { class: "ds-body" });
    this.root.append(body);
    this.stage = new Stage(this, body);
    const side = h("div", { class: "ds-side" });
    this.spacetime = new SpaceTime(this, side);
    side.append(this.buildTools());
    body.append(side);
    this.legend = new Legend(this, body);
    this.caption = new Caption(this, this.root);
    this.axis = new Axis(this, this.root);
    this.controls = new Controls(this, this.root);
    this.problem = h("div", { class: "ds-problem", role: "alert", hidden: true });
    this.root.append(this.problem);
    this.foot = new Foot(this, this.root);
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  buildTools() {
    this.spanText = h("span", {});
    this.ghostButton = h("button", {
      type: "button", class: "ds-btn", "aria-pressed": "true",
      title: "Show in the diagram what the other future has instead", onclick: () => this.toggleGhosts(),
    }, icon("fork"), "other future");
    return h("div", { class: "ds-tools", role: "group", "aria-label": "Diagram" },
      this.ghostButton, this.spanText,
      iconButton("minus", "Show more time in the diagram", () => this.spacetime.zoom(2)),
      iconButton("plus", "Show less time in the diagram", () => this.spacetime.zoom(0.5)),
    );
  }

  // Data

  /** Take new runs and state with the next frame. Picture and verdicts come as two messages, often
      within one frame: then they are shown together, and drawn once. */
  update(payload) {
    if (this.view === undefined) {
      this.take(payload);
      this.drawNow();
    } else {
      this.next = payload;
      this.requestFrame();
    }
  }

  /** Take over runs and state; everything that depends on them is built anew. */
  take({ runs, view }) {
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
    this.foot.fill();
    this.axis.setVerdicts();
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
    this.head.fill();
    this.legend.fill();
    this.controls.fill();
    this.foot.fill();
    this.spacetime.setRuns(this.runs);
    this.axis.setRuns();
    this.stage.setRuns(this.runs);
    this.markWhy();
  }

  /** Enough for the longest column: at most five nodes of a role stand in one. */
  defaultHeight() {
    const counts = new Map();
    for (const node of this.run.nodes) counts.set(node.role, (counts.get(node.role) ?? 0) + 1);
    const most = counts.size > 1 ? Math.max(...counts.values()) : this.run.nodes.length > 8 ? 5 : 0;
    return most > 4 ? 380 : most > 3 ? 330 : 280;
  }

  choose(index) {
    this.active = index;
    this.select();
    this.drawNow();
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

  showProblem() {
    const { problem } = this.view;
    this.problem.hidden = !problem;
    if (!problem) return;
    const close = iconButton("cross", "Close this message", () => { this.problem.hidden = true; });
    this.problem.replaceChildren(h("span", {}, h("b", {}, "Not done. "), problem), h("span", { class: "ds-space" }), close);
  }

  // Drawing

  invalidate() {
    if (this.visible && this.run) this.requestFrame();
  }

  requestFrame() {
    this.frame ||= requestAnimationFrame((now) => {
      this.frame = 0;
      const { next } = this;
      this.next = null;
      if (next) this.take(next);
      if (next || !this.playing) this.drawNow();
      if (next) this.noteLatency();
      if (!this.playing) return;
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
    this.caption.show();
    if (!this.playing) this.stage.describe();
  }

  /** One frame of a playing run: what moves. Words and fields change a few times a second. The
      diagram scrolls slowly, and a browser takes long to move it: every second frame does, and on
      a machine that cannot keep up every fourth. */
  drawMoving(now) {
    const passed = clamp(now - (this.drawnAt ?? now), 0, 100);
    this.drawnAt = now;
    this.lag = 0.9 * (this.lag ?? 16) + 0.1 * passed;
    this.frames = ((this.frames ?? 0) + 1) % (this.lag > 20 ? 4 : 2);
    this.hurried = this.playing && now - (this.told ?? 0) < WORDS_MS;
    if (!this.hurried) this.told = now;
    this.stage.draw(this.t);
    if (this.frames === 0 || !this.playing) this.spacetime.draw(this.t);
    this.axis.show(this.t);
    if (!this.hurried) this.caption.show();
    this.hurried = false;
  }

  // What the viewer does

  operationWords(row) {
    const { ops, names } = this.run;
    const done = this.run.text(ops.text[row]).startsWith("read") ? "returns nothing" : "done";
    const result = { ok: ops.result[row] >= 0 ? `returns ${this.run.text(ops.result[row])}` : done, fail: "failed", info: "unknown", open: "no answer" }[ops.status[row]];
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
    this.menu.forGroup(chosen, at, opener ?? this.controls.partitionButton);
  }

  inject(fault) {
    this.menu.close();
    this.send({ do: "inject", fault });
  }

  send(message) {
    if (!this.live) return;
    this.pause();
    this.sentAt = this.judgedSince = performance.now();
    this.hooks.send(message);
  }

  /** Note how long it took from the click until the new picture and the verdicts were painted (for
      the benchmark): a message comes after the frame in whose beginning it was sent. */
  noteLatency() {
    this.root.dataset.pending = String(Boolean(this.view.pending));
    const { sentAt, judgedSince } = this;
    this.sentAt = undefined;
    if (!this.view.pending) this.judgedSince = undefined;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      const since = (begin) => (performance.now() - begin).toFixed(1);
      if (judgedSince !== undefined && this.judgedSince === undefined) this.root.dataset.judged = since(judgedSince);
      if (sentAt === undefined) return;
      this.root.dataset.latency = since(sentAt);
      this.root.dataset.revision = this.view.revision;
    };
    port2.postMessage(null);
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

  /** How much time the diagram shows. */
  showSpan(span) {
    const words = `${ms(Math.round(span * 10) / 10)} in view`;
    if (this.spanText.textContent !== words) this.spanText.textContent = words;
  }
}

function noMarks(verdict = null) {
  return { flights: new Set(), ops: new Set(), nodes: new Set(), verdict };
}
