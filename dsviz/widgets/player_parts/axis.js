// ---- Time axis: faults as chips, ticks, what clients saw, verdict lamps -------------------------

const CLIENT_ROW = 15;
const TOLD_MS = 1000; // how long a moment stands for screen readers while a run plays

class Axis {
  constructor(player, parent) {
    this.player = player;
    this.box = h("div", { class: "ds-axis", role: "group", "aria-label": "Time axis" });
    this.surface = new Surface(this.box, "Events, operations and verdicts over time");
    this.range = h("input", {
      type: "range", class: "ds-scrub", min: "0", step: "any", "aria-label": "Time",
    });
    this.lamps = h("div");
    this.moment = h("div", { class: "ds-moment" });
    this.box.append(this.moment, this.range);
    this.chips = new Chips(this);
    this.box.append(this.lamps);
    parent.append(this.box);
    this.lanes = new Lanes(this);
    this.range.addEventListener("input", () => {
      player.pause();
      player.seek(Number(this.range.value));
    });
    this.range.addEventListener("keydown", (event) => this.rangeKey(event));
    this.surface.canvas.addEventListener("pointerdown", (event) => this.press(event));
  }

  setRuns() {
    const { run } = this.player;
    this.version = (this.version ?? 0) + 1;
    this.range.max = run.duration;
    this.clients = [...new Set(run.ops.client)].sort((a, b) => a - b);
    this.lanes.setRun(run);
    this.gutter = this.gutterFor(run);
    this.chips.build();
    this.buildLamps();
    this.arrange();
  }

  /** Room left of the axis for the names of its rows. */
  gutterFor(run) {
    ruler.font = `400 12px ${FONT}`;
    const rows = [...this.clients, ...this.lanes.rows.map((row) => row.node)];
    const names = [...run.verdicts.map((v) => `${v.check}______`), ...rows.map((i) => run.names[i]), "time, ms"];
    return clamp(Math.max(...names.map((name) => textWidth(ruler, name))) + 26, 90, 190);
  }

  x(t) {
    return this.gutter + (t / this.player.run.duration) * (this.width - this.gutter - 22);
  }

  timeAt(x) {
    return clamp(((x - this.gutter) / (this.width - this.gutter - 22)) * this.player.run.duration, 0, this.player.run.duration);
  }

  /** Stack the chips and set the rows' places; done when the runs or the width change. */
  arrange() {
    this.width = this.player.sizes.width;
    if (!this.chips.arrange(false)) this.chips.arrange(true);
    this.line = 6 + this.chips.rows * CHIP_ROW + 12;
    this.opsTop = this.line + 24;
    this.lanesTop = this.opsTop + this.clients.length * CLIENT_ROW;
    this.lampTop = this.lanesTop + this.lanes.height + 6;
    const { verdicts } = this.player.run;
    this.lampTops = [];
    let y = this.lampTop;
    for (const verdict of verdicts) {
      this.lampTops.push(y);
      y += verdict.tall ?? verdict.status !== "ok" ? 32 : 18;
    }
    this.height = y + 6;
    Object.assign(this.range.style, {
      left: `${this.gutter - 7}px`, width: `${this.width - this.gutter - 22 + 14}px`, top: `${this.line - 10}px`,
    });
    [...this.lamps.children].forEach((lamp, i) => {
      lamp.style.top = `${this.lampTops[i]}px`;
      lamp.style.width = `${this.gutter - 14}px`;
    });
  }

  /** Draw what does not change with time, then the moment. */
  draw(t) {
    const { player } = this;
    this.c = player.colours;
    const { marked } = player;
    const key = `${player.look} ${this.version} ${this.width} ${marked.verdict} ${[...marked.ops]} ${player.view.parting?.t}`;
    if (key !== this.key) this.paint(key);
    this.show(t);
  }

  paint(key) {
    this.key = key;
    this.ctx = this.surface.begin(this.width, this.height, this.c.background);
    this.drawSpans();
    this.drawTicks();
    this.drawLine();
    this.drawStems();
    this.drawOperations();
    this.lanes.draw(this.lanesTop);
    this.drawVerdicts();
    this.drawParting();
    this.moment.style.height = `${this.height - this.line + 10}px`;
    this.moment.style.top = `${this.line - 14}px`;
  }

  /** The moment is an element of its own: while playing, only it moves, and at times the rest. */
  show(t) {
    moveTo(this.moment, "X", this.x(t));
    if (this.player.hurried) return;
    this.range.value = t;
    this.tell(t);
    this.updateLamps(t);
  }

  /** What a screen reader says of the moment: not more often than it can be heard. */
  tell(t) {
    const now = performance.now();
    if (this.player.playing && now - (this.told ?? 0) < TOLD_MS) return;
    this.told = now;
    this.range.setAttribute("aria-valuetext", [ms(t), this.lanes.words(t)].filter(Boolean).join("; "));
  }

  rowName(text, y) {
    const { ctx, c } = this;
    ctx.font = `400 12px ${FONT}`;
    ctx.fillStyle = c.soft;
    ctx.textAlign = "left";
    ctx.fillText(fitted(ctx, text, this.gutter - 24), 14, y);
  }

  drawTicks() {
    const { ctx, c } = this;
    const { stepTimes } = this.player.run;
    const counts = new Uint32Array(Math.ceil(this.width) + 1);
    for (const t of stepTimes) counts[Math.min(Math.round(this.x(t)), counts.length - 1)] += 1;
    ctx.fillStyle = c.soft;
    ctx.globalAlpha = 0.6;
    counts.forEach((count, x) => {
      if (!count) return;
      const height = 3 + Math.min(count * 2, 8);
      ctx.fillRect(x, this.line - 2 - height, 1, height);
    });
    ctx.globalAlpha = 1;
  }

  drawLine() {
    const { ctx, c } = this;
    const { duration } = this.player.run;
    const { parting } = this.player.view;
    this.rowName("faults", 21);
    if (!this.player.run.faults.length) this.writeHint();
    this.rowName("time, ms", this.line + 16);
    ctx.fillStyle = c.edge;
    ctx.fillRect(this.x(0), this.line, this.x(duration) - this.x(0), 2);
    ctx.font = `400 11px ${FONT}`;
    ctx.textAlign = "center";
    const step = roundStep((duration * 70) / (this.width - this.gutter));
    for (let t = 0; t <= duration + 1e-9; t += step) {
      ctx.fillStyle = c.edge;
      ctx.fillRect(Math.round(this.x(t)), this.line - 3, 1, 8);
      ctx.fillStyle = c.soft;
      if (parting && Math.abs(this.x(t) - this.x(parting.t)) < 20) continue; // its glyph stands there
      ctx.fillText(FINE.format(t), this.x(t), this.line + 18);
    }
  }

  writeHint() {
    const text = this.player.live
      ? "none yet: click a node or a link to break it, or draw a line round nodes to cut them off"
      : "none";
    this.ctx.fillText(fitted(this.ctx, text, this.width - this.gutter - 20), this.gutter, 21);
  }

  drawSpans() {
    const { ctx, c } = this;
    for (const fault of this.player.run.faults) {
      if (fault.ends === null && !["Partition", "Cut", "Loss", "Duplicate", "Delay"].includes(fault.what)) continue;
      const to = Math.min(fault.ends ?? Infinity, this.player.run.duration);
      ctx.fillStyle = c.vermilion;
      ctx.globalAlpha = 0.5;
      ctx.fillRect(this.x(fault.at), this.line - 3, Math.max(this.x(to) - this.x(fault.at), 2), 3);
      ctx.globalAlpha = 1;
    }
  }

  drawStems() {
    const { ctx, c } = this;
    for (const chip of this.chips.box.children) {
      if (chip.classList.contains("ds-leaving")) continue;
      const x = Math.round(this.x(Number(chip.dataset.at)));
      const top = 6 + Number(chip.dataset.row) * CHIP_ROW + 20;
      const left = Number(chip.dataset.left);
      const from = Math.max(x, left + 8);
      ctx.beginPath();
      ctx.moveTo(Math.min(from, left + Number(chip.dataset.width) - 8), top);
      ctx.lineTo(x, this.line);
      ctx.strokeStyle = c[chip.dataset.colour];
      ctx.lineWidth = 2;
      ctx.stroke();
    }
  }

  drawOperations() {
    const { ctx, c } = this;
    const { ops, names } = this.player.run;
    this.clients.forEach((client, i) => {
      this.rowName(names[client], this.opsTop + i * CLIENT_ROW + 12);
    });
    const place = new Map(this.clients.map((client, i) => [client, i]));
    ops.client.forEach((client, row) => {
      const y = this.opsTop + place.get(client) * CLIENT_ROW + 4;
      const from = this.x(ops.call[row]);
      const to = this.x(ops.end[row] ?? this.player.run.duration);
      const colour = operationColour(c, ops.status[row]);
      const strong = this.player.marked.ops.has(row);
      ctx.beginPath();
      ctx.roundRect(from, y, Math.max(to - from, 3), 8, 2);
      ctx.fillStyle = ctx.strokeStyle = strong ? c.vermilion : colour;
      ctx.lineWidth = 1.3;
      if (ops.status[row] === "ok" || strong) ctx.fill();
      else {
        ctx.globalAlpha = 0.25;
        ctx.fill();
        ctx.globalAlpha = 1;
        ctx.setLineDash(ops.status[row] === "fail" ? [] : [3, 2]);
        ctx.stroke();
        ctx.setLineDash([]);
      }
      if (ops.status[row] === "fail") drawIcon(ctx, "cross", to, y + 4, 9, c.vermilion, 4);
    });
  }

  drawVerdicts() {
    const { ctx, c } = this;
    const { verdicts, duration } = this.player.run;
    verdicts.forEach((verdict, i) => {
      const y = this.lampTops[i] + 8;
      const bar = (from, to, colour) => {
        ctx.fillStyle = colour;
        ctx.fillRect(this.x(from), y, this.x(to) - this.x(from), 4);
      };
      if (verdict.status === "ok") bar(0, duration, c.green);
      if (verdict.status === "undecided") bar(0, duration, c.amber);
      if (verdict.status === "pending") bar(0, duration, c.line);
      if (verdict.status === "violated") {
        bar(0, verdict.at, c.green);
        bar(verdict.at, duration, c.vermilion);
        shapePath(ctx, "triangle", this.x(verdict.at), y + 2, 7);
        ctx.fillStyle = c.vermilion;
        ctx.fill();
        ctx.lineWidth = 1.5;
        ctx.strokeStyle = c.background;
        ctx.stroke();
      }
      if (["violated", "undecided"].includes(verdict.status)) this.writeVerdict(verdict, y + 20);
    });
  }

  writeVerdict(verdict, y) {
    const { ctx, c } = this;
    ctx.font = `600 12px ${FONT}`;
    ctx.fillStyle = verdict.status === "violated" ? c.vermilion : c.amber;
    ctx.textAlign = "left";
    const text = (verdict.at === null ? "" : `${ms(verdict.at)}: `) + verdict.sentence;
    const words = fitted(ctx, text, this.width - this.gutter - 22);
    const left = clamp(this.x(verdict.at ?? 0) - 6, this.gutter, this.width - 22 - textWidth(ctx, words));
    ctx.fillText(words, left, y);
  }

  drawParting() {
    const { parting } = this.player.view;
    if (!parting) return;
    const { ctx, c } = this;
    const x = Math.round(this.x(parting.t));
    ctx.strokeStyle = c.teal;
    ctx.lineWidth = 1.5;
    ctx.setLineDash([4, 3]);
    ctx.beginPath();
    ctx.moveTo(x + 0.5, this.line + 6);
    ctx.lineTo(x + 0.5, this.height);
    ctx.stroke();
    ctx.setLineDash([]);
    drawBadge(ctx, "fork", x, this.line + 12, c.background, c.teal, 8);
  }

  press(event) {
    const box = this.surface.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    if (x < this.gutter - 8) return;
    const lamp = this.lampTops.findLastIndex((top) => y >= top);
    const operation = this.operationAt(x, y);
    if (operation >= 0 && this.player.live) this.player.askWhy(operation);
    else if (lamp >= 0) this.player.jumpToVerdict(lamp);
    else {
      this.player.pause();
      this.player.seek(this.timeAt(x));
    }
  }

  /** The row of the operation under a point, or -1. */
  operationAt(x, y) {
    const { ops, duration } = this.player.run;
    const client = this.clients[Math.floor((y - this.opsTop) / CLIENT_ROW)];
    if (client === undefined || y < this.opsTop) return -1;
    return ops.client.findIndex((each, row) => each === client && x >= this.x(ops.call[row]) - 3 && x <= Math.max(this.x(ops.end[row] ?? duration), this.x(ops.call[row]) + 3) + 3);
  }

  rangeKey(event) {
    const { player } = this;
    const page = player.run.duration / 20;
    const act = {
      ArrowLeft: () => player.stepTo(-1), ArrowDown: () => player.stepTo(-1),
      ArrowRight: () => player.stepTo(1), ArrowUp: () => player.stepTo(1),
      PageDown: () => player.seek(player.t - page), PageUp: () => player.seek(player.t + page),
      Home: () => player.seek(0), End: () => player.seek(player.run.duration),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    player.pause();
    act();
  }

  // Lamps

  /** The verdicts have come: nothing else has changed. */
  setVerdicts() {
    this.version += 1;
    this.buildLamps();
    this.arrange();
  }

  buildLamps() {
    const lamps = this.player.run.verdicts.map((verdict, i) =>
      h("button", {
        type: "button", class: "ds-lamp", title: `${verdict.check}: ${verdict.sentence}`,
        "aria-label": `${verdict.check}: ${verdict.status}. ${verdict.sentence}`,
        "aria-pressed": "false", onclick: () => this.player.jumpToVerdict(i),
      }, h("i"), h("span", {}, verdict.check)),
    );
    this.lamps.replaceChildren(...lamps);
  }

  /** A lamp shows what is known at this moment: green until the violation, then not. */
  updateLamps(t) {
    this.player.run.verdicts.forEach((verdict, i) => {
      const lamp = this.lamps.children[i];
      const state = verdict.status === "violated" && t < verdict.at ? "ok" : verdict.status;
      const light = lamp.firstChild;
      if (light.dataset.state !== state) {
        light.dataset.state = state;
        light.className = `ds-${state}`;
        light.style.color = `var(--ds-${{ ok: "green", violated: "vermilion", undecided: "amber", pending: "edge" }[state]})`;
      }
      const pressed = String(this.player.marked.verdict === i);
      if (lamp.getAttribute("aria-pressed") !== pressed) lamp.setAttribute("aria-pressed", pressed);
    });
  }
}
