// ---- Space-time diagram: a lane a node, time downwards ----------------------------------------

const MARGIN = 12; // px above the first moment of the drawing and below its last
const BEFORE = 0.4; // of the view's time: drawn above what is seen …
const BEYOND = 1.6; // … and below it, so that the drawing can move for a while

/**
 * The diagram is drawn once for a stretch of time longer than what is seen. While the run plays,
 * the drawing moves up behind its frame, and a veil with the cursor as its upper edge moves over
 * it: what is under the veil has not happened yet.
 */
class SpaceTime {
  constructor(player, parent) {
    this.player = player;
    this.box = h("div", { class: "ds-time", role: "group", "aria-label": "Space-time diagram" });
    this.frame = h("div", { class: "ds-frame" });
    this.surface = new Surface(this.frame, "Space-time diagram: a lane for each node, time downwards; click to go to a moment");
    this.cursorText = h("span", {});
    this.veil = h("div", { class: "ds-veil" });
    this.cursor = h("div", { class: "ds-cursor" }, this.cursorText);
    this.frame.append(this.veil, this.cursor);
    this.box.append(this.frame);
    this.heads = new Surface(this.box, "Names of the lanes");
    this.heads.canvas.setAttribute("class", "ds-heads");
    this.heads.canvas.setAttribute("aria-hidden", "true");
    parent.append(this.box);
    this.top = 0;
    this.version = 0;
    this.listen();
  }

  setRuns(runs) {
    const run = runs[0];
    const column = new Map();
    run.nodes.forEach((node) => column.set(node.role, Math.min(column.get(node.role) ?? 9, node.x)));
    this.lanes = run.nodes.map((_, i) => i).sort((a, b) => column.get(run.nodes[a].role) - column.get(run.nodes[b].role) || a - b);
    this.lane = [];
    this.lanes.forEach((node, lane) => { this.lane[node] = lane; });
    this.box.style.minHeight = `${this.player.stageHeight}px`;
    const density = run.flights.sent.length / (run.busyUntil || 1);
    if (this.pace !== run.pace) this.span = undefined; // another scenario
    this.pace = run.pace;
    this.span ??= Math.min(run.duration, clamp(400 / density, run.pace * 2.5, run.pace * 9)); // readable
    this.version += 1;
    this.size = null;
  }

  zoom(factor) {
    const { run } = this.player;
    const middle = this.player.t - this.top < this.span && this.player.t >= this.top ? this.player.t : this.top + this.span / 2;
    const share = (middle - this.top) / this.span;
    this.span = clamp(this.span * factor, run.pace, run.duration);
    this.top = middle - share * this.span;
    this.player.invalidate();
  }

  /** Move the window only when the moment leaves its middle part, so that it can be read. */
  follow(t) {
    const { duration } = this.player.run;
    if (t > this.top + 0.72 * this.span) this.top = t - 0.72 * this.span;
    if (t < this.top + 0.12 * this.span) this.top = t - 0.12 * this.span;
    this.top = clamp(this.top, 0, Math.max(0, duration - this.span));
  }

  x(node) {
    return this.left + (this.lane[node] + 0.5) * this.step;
  }

  /** Where a moment stands in the drawing. */
  y(t) {
    return MARGIN + (t - this.from) * this.scale;
  }

  /** The moment at a height of the frame. */
  timeAt(y) {
    return clamp(this.top + y / this.scale, 0, this.player.run.duration);
  }

  draw(t) {
    if (!this.size || this.measured !== this.player.measured) this.measure();
    this.follow(t);
    this.scale = (this.room - 10) / this.span;
    const { hidden, marked, ghosts, look, colours, view } = this.player;
    this.c = colours;
    const key = [
      look, this.version, this.size, this.span, [...hidden], marked.flights.size, marked.ops.size, marked.verdict,
      ghosts, view.parting?.t,
    ].join("|");
    const { duration } = this.player.run;
    if (key !== this.key || this.top < this.from || Math.min(this.top + this.span, duration) > this.to + 1e-9) {
      this.key = key;
      this.from = Math.max(0, this.top - BEFORE * this.span);
      this.to = Math.min(duration, this.top + (1 + BEYOND) * this.span);
      this.paint();
    }
    moveTo(this.surface.canvas, "Y", (this.from - this.top) * this.scale - MARGIN);
    this.show(t);
  }

  /** Read the size of the box, and how the names of the lanes fit into it. */
  measure() {
    this.measured = this.player.measured;
    const width = this.box.clientWidth || 400;
    const height = this.box.clientHeight || this.player.stageHeight;
    const { ctx } = this.heads;
    Object.assign(this, { width, left: this.player.run.duration >= 1000 ? 58 : 48, size: `${width} ${height}` });
    this.step = (width - this.left - 14) / this.lanes.length;
    this.names = this.fitNames(ctx);
    if (this.names.slanted) this.step = (width - this.left - 50) / this.lanes.length; // the last one leans out
    this.head = this.names.head;
    this.room = height - this.head;
    this.frame.style.top = `${this.head - 4}px`;
    this.surface.canvas.style.marginTop = "4px";
    this.veil.style.left = `${this.left - 5}px`;
    this.namesKey = null;
  }

  /** What moves: the drawing behind its frame, the veil, the cursor and its time. */
  show(t) {
    this.drawNames(t);
    const y = 4 + (t - this.top) * this.scale;
    moveTo(this.veil, "Y", y);
    moveTo(this.cursor, "Y", y);
    if (!this.player.hurried) this.cursorText.textContent = ms(t).slice(0, -3);
  }

  paint() {
    this.height = Math.ceil((this.to - this.from) * this.scale) + 2 * MARGIN;
    this.ctx = this.surface.begin(this.width, this.height, this.c.background);
    this.drawSpans();
    this.drawGrid();
    this.drawWalls();
    this.drawGhosts();
    this.drawArrows();
    this.drawOperations();
    this.drawFaults();
    this.drawParting();
    this.player.showSpan(this.span);
  }

  band(node, from, to, colour, alpha = 1) {
    const { ctx } = this;
    const half = Math.min(this.step * 0.34, 17);
    ctx.globalAlpha = alpha;
    ctx.fillStyle = colour;
    const [top, bottom] = this.yRange(from, to);
    ctx.fillRect(this.x(node) - half, top, 2 * half, bottom - top);
    ctx.globalAlpha = 1;
  }

  /** The part of a span of time that can be seen, in px. */
  yRange(from, to) {
    const limit = (t) => clamp(this.y(t), 0, this.height);
    return [limit(from), Number.isFinite(to) ? limit(to) : this.height];
  }

  drawSpans() {
    const { c } = this;
    this.player.run.spansBy.forEach((spans, node) => {
      for (const span of spans) {
        if (span.from > this.to || span.to < this.from) continue;
        if (span.what === "down") this.band(node, span.from, span.to, c.fill_alarm);
        else if (span.what === "syncing") this.band(node, span.from, span.to, c.amber, 0.28);
        else this.hatch(node, span);
      }
    });
  }

  hatch(node, span) {
    const { ctx, c } = this;
    const half = Math.min(this.step * 0.34, 17);
    const [top, bottom] = this.yRange(span.from, span.to);
    ctx.save();
    ctx.beginPath();
    ctx.rect(this.x(node) - half, top, 2 * half, bottom - top);
    ctx.clip();
    ctx.strokeStyle = c.amber;
    ctx.globalAlpha = 0.55;
    ctx.lineWidth = 1;
    ctx.beginPath();
    for (let y = top - 2 * half; y < bottom; y += 6) {
      ctx.moveTo(this.x(node) - half, y + 2 * half);
      ctx.lineTo(this.x(node) + half, y);
    }
    ctx.stroke();
    ctx.restore();
  }

  drawGrid() {
    const { ctx, c, lanes } = this;
    ctx.lineWidth = 1;
    ctx.strokeStyle = c.edge;
    ctx.globalAlpha = 0.65;
    ctx.beginPath();
    for (const node of lanes) {
      ctx.moveTo(Math.round(this.x(node)) + 0.5, 0);
      ctx.lineTo(Math.round(this.x(node)) + 0.5, this.height);
    }
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.font = `400 10px ${FONT}`;
    ctx.fillStyle = c.soft;
    ctx.textAlign = "right";
    const step = roundStep(this.span / 7);
    for (let t = Math.ceil(this.from / step) * step; t <= this.to; t += step) {
      ctx.fillText(FINE.format(t), this.left - 12, this.y(t) + 3.5);
      ctx.fillRect(this.left - 9, this.y(t), 4, 1);
    }
  }

  /** A partition stands between neighbouring lanes of different sides. */
  drawWalls() {
    for (const wall of this.player.run.walls) {
      const to = wall.to ?? Infinity;
      if (wall.from > this.to || to < this.from) continue;
      const [top, bottom] = this.yRange(wall.from, to);
      const inside = (node) => wall.a.includes(node);
      this.lanes.slice(1).forEach((node, i) => {
        if (inside(node) !== inside(this.lanes[i])) this.brick(this.x(node) - this.step / 2, top, bottom);
      });
    }
  }

  brick(x, top, bottom) {
    const { ctx, c } = this;
    ctx.fillStyle = c.vermilion;
    ctx.fillRect(x - 2, top, 4, bottom - top);
    ctx.fillStyle = c.background;
    for (let y = top + 5; y < bottom; y += 7) ctx.fillRect(x - 2, y, 4, 1.5);
  }

  /** What the other future has instead: thin and grey. */
  drawGhosts() {
    const { other, differing } = this.player;
    if (!other || !this.player.ghosts) return;
    const layers = { lines: new Strokes(), heads: [], ends: [] };
    for (const row of other.flightsBetween(this.from, this.to)) {
      if (differing.other.has(row)) this.arrow(layers, other, row, { ghost: true });
    }
    this.drawLayers(layers);
  }

  drawArrows() {
    const { run, hidden, marked, differing } = this.player;
    const rows = run.flightsBetween(this.from, this.to);
    this.thin = (rows.size * this.span) / (this.to - this.from || 1) > 300;
    const layers = { lines: new Strokes(), heads: [], ends: [] };
    for (const row of rows) {
      if (hidden.has(run.kinds[run.flights.kind[row]].name)) continue;
      this.arrow(layers, run, row, { strong: marked.flights.has(row), differs: differing.own.has(row) });
    }
    this.drawLayers(layers);
  }

  /** Note what an arrow is made of; `drawLayers` draws all arrows at once. */
  arrow({ lines, heads, ends }, run, row, { strong = false, ghost = false, differs = false }) {
    const { c } = this;
    const f = run.flights;
    if (f.src[row] === f.dst[row]) return;
    const kind = run.kinds[f.kind[row]];
    const fate = f.fate[row];
    const reach = fate === LOST ? 0.6 : fate === CUT ? 0.45 : 1;
    const [x1, y1] = [this.x(f.src[row]), this.y(f.sent[row])];
    const [x2, y2] = [x1 + (this.x(f.dst[row]) - x1) * reach, y1 + (this.y(f.ended[row]) - y1) * reach];
    const colour = ghost ? c.down : c[kind.colour];
    const alpha = ghost ? 0.55 : 1;
    if (strong) this.underline(x1, y1, x2, y2, c.fill_changed, 9);
    const width = strong ? 3 : ghost ? 1 : this.thin ? 0.7 : 1.6;
    lines.line(x1, y1, x2, y2, { colour, width, alpha, dash: ghost ? [1, 3] : kind.dash });
    if (fate === DELIVERED || fate === UNDER_WAY) {
      heads.push([x1, y1, x2, y2, ghost || this.thin ? 4 : 7, colour, alpha]);
    } else ends.push(() => drawIcon(this.ctx, "cross", x2, y2, 11, colour, 4.5));
    if (differs) ends.push(() => this.dot(x1, y1, c.teal));
  }

  drawLayers({ lines, heads, ends }) {
    const { ctx } = this;
    lines.draw(ctx);
    for (const [x1, y1, x2, y2, size, colour, alpha] of heads) {
      ctx.globalAlpha = alpha;
      ctx.fillStyle = colour;
      arrowHead(ctx, x1, y1, x2, y2, size);
    }
    ctx.globalAlpha = 1;
    for (const end of ends) end();
  }

  underline(x1, y1, x2, y2, colour, width) {
    const { ctx } = this;
    ctx.beginPath();
    ctx.moveTo(x1, y1);
    ctx.lineTo(x2, y2);
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.lineCap = "round";
    ctx.stroke();
    ctx.lineCap = "butt";
  }

  dot(x, y, colour) {
    const { ctx } = this;
    ctx.beginPath();
    ctx.arc(x, y, 3, 0, 7);
    ctx.fillStyle = colour;
    ctx.fill();
  }

  drawOperations() {
    const { run, marked } = this.player;
    const { ctx, c } = this;
    const { client, call, end, status } = run.ops;
    client.forEach((node, row) => {
      const until = end[row] ?? run.duration;
      if (call[row] > this.to || until < this.from) return;
      const colour = operationColour(c, status[row]);
      ctx.fillStyle = colour;
      ctx.globalAlpha = 0.75;
      ctx.fillRect(this.x(node) - 2.5, this.y(call[row]), 5, this.y(until) - this.y(call[row]));
      ctx.globalAlpha = 1;
      if (end[row] !== null) this.resultTag(run, row, this.x(node), this.y(end[row]), colour, marked.ops.has(row));
    });
  }

  resultTag(run, row, x, y, colour, strong) {
    const { ctx, c } = this;
    const status = run.ops.status[row];
    const result = run.ops.result[row] >= 0 ? run.text(run.ops.result[row]) : "ok";
    const text = { ok: result, fail: "failed", info: "unknown" }[status];
    ctx.font = `700 11px ${FONT}`;
    const words = fitted(ctx, text, Math.max(this.step - 14, 30));
    const width = textWidth(ctx, words) + 12;
    const left = clamp(x - width / 2, 2, this.width - width - 2);
    ctx.beginPath();
    ctx.roundRect(left, y - 9, width, 18, 4);
    ctx.fillStyle = strong ? c.fill_alarm : c.background;
    ctx.fill();
    ctx.lineWidth = strong ? 2.6 : 1.3;
    ctx.strokeStyle = ctx.fillStyle = strong ? c.vermilion : colour;
    ctx.stroke();
    ctx.textAlign = "center";
    ctx.fillText(words, left + width / 2, y + 4);
  }

  drawFaults() {
    const { run } = this.player;
    const { ctx, c } = this;
    for (const fault of run.faults) {
      if (fault.at > this.to || fault.at < this.from) continue;
      const name = this.player.view.icons[fault.what] ?? "error";
      const mild = fault.what === "Pause" || fault.what === "Restart";
      const colour = mild ? c.amber : c.vermilion;
      for (const node of fault.what === "Partition" ? [] : fault.nodes) {
        drawBadge(ctx, name, this.x(this.player.run.names.indexOf(node)), this.y(fault.at), colour, c.background, 8);
      }
    }
    for (const error of run.errors) {
      if (error.t <= this.to && error.t >= this.from) drawBadge(ctx, "error", this.x(error.node), this.y(error.t), c.vermilion, c.background, 9);
    }
  }

  drawParting() {
    const { parting } = this.player.view;
    if (!parting || parting.t < this.from || parting.t > this.to) return;
    const { ctx, c } = this;
    const y = this.y(parting.t);
    ctx.strokeStyle = c.teal;
    ctx.lineWidth = 1.4;
    ctx.setLineDash([7, 3, 2, 3]);
    ctx.beginPath();
    ctx.moveTo(this.left - 6, y);
    ctx.lineTo(this.width - 6, y);
    ctx.stroke();
    ctx.setLineDash([]);
    drawBadge(ctx, "fork", this.left - 3, y, c.background, c.teal, 8);
  }

  /** Names above the lanes: in one row, in two when crowded, else slanted. */
  drawNames(t) {
    const { lanes, c } = this;
    const { run, look } = this.player;
    const down = lanes.map((node) => (run.node(node, t).down ? 1 : 0)).join("");
    const key = `${look} ${this.version} ${this.size} ${down}`;
    if (key === this.namesKey) return;
    this.namesKey = key;
    const ctx = this.heads.begin(this.width, this.head - 4, c.background);
    lanes.forEach((node, lane) => {
      ctx.font = `700 ${this.names.size}px ${FONT}`;
      ctx.fillStyle = down[lane] === "1" ? c.down : c.ink;
      const text = run.names[node];
      if (this.names.slanted) this.slanted(ctx, fitted(ctx, text, 62), this.x(node));
      else this.level(ctx, text, this.x(node), this.names.rows > 1 && lane % 2 === 0 ? 10 : this.head - 9);
    });
  }

  level(ctx, text, x, y) {
    const half = textWidth(ctx, text) / 2;
    ctx.textAlign = "center";
    ctx.fillText(text, clamp(x, half + 2, this.width - half - 2), y);
  }

  slanted(ctx, text, x) {
    ctx.save();
    ctx.translate(x + 4, this.head - 6);
    ctx.rotate(-0.95);
    ctx.textAlign = "left";
    ctx.fillText(text, 0, 0);
    ctx.restore();
  }

  /** How the names of the lanes fit above them. */
  fitNames(ctx) {
    const widest = (size) => {
      ctx.font = `700 ${size}px ${FONT}`;
      return Math.max(...this.lanes.map((node) => textWidth(ctx, this.player.run.names[node])));
    };
    const level = [12, 11, 10].find((size) => widest(size) < this.step - 5);
    if (level) return { size: level, rows: 1, head: 30 };
    const staggered = [11, 10, 9].find((size) => widest(size) < 2 * this.step - 4);
    if (staggered) return { size: staggered, rows: 2, head: 30 };
    return { size: 10, slanted: true, head: 24 + Math.min(widest(10), 62) * 0.81 };
  }

  listen() {
    const { frame } = this;
    frame.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const box = frame.getBoundingClientRect();
      this.player.pause();
      this.player.seek(this.timeAt(event.clientY - box.top - 4));
    });
    frame.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // a plain wheel scrolls the page
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8);
    }, { passive: false });
  }
}

function arrowHead(ctx, x1, y1, x2, y2, size) {
  const turn = Math.atan2(y2 - y1, x2 - x1);
  ctx.beginPath();
  ctx.moveTo(x2, y2);
  ctx.lineTo(x2 - size * Math.cos(turn - 0.38), y2 - size * Math.sin(turn - 0.38));
  ctx.lineTo(x2 - size * Math.cos(turn + 0.38), y2 - size * Math.sin(turn + 0.38));
  ctx.closePath();
  ctx.fill();
}

function operationColour(c, status) {
  return { ok: c.green, fail: c.vermilion, info: c.amber, open: c.amber }[status];
}
