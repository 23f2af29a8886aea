// ---- Space-time diagram: a lane a node, time downwards ----------------------------------------

class SpaceTime {
  constructor(player, parent) {
    this.player = player;
    this.box = h("div", { class: "ds-time", role: "group", "aria-label": "Space-time diagram" });
    this.surface = new Surface(this.box, "Space-time diagram: a lane for each node, time downwards; click to go to a moment");
    parent.append(this.box);
    this.top = 0;
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

  y(t) {
    return this.head + ((t - this.top) / this.span) * (this.height - this.head - 10);
  }

  timeAt(y) {
    return clamp(this.top + ((y - this.head) / (this.height - this.head - 10)) * this.span, 0, this.player.run.duration);
  }

  draw(t) {
    const width = this.box.clientWidth || 400;
    const height = this.box.clientHeight || this.player.stageHeight;
    const ctx = this.surface.begin(width, height, this.player.colours.background);
    Object.assign(this, { ctx, c: this.player.colours, width, height, left: this.player.run.duration >= 1000 ? 58 : 48 });
    this.step = (width - this.left - 14) / this.lanes.length;
    this.names = this.fitNames(ctx);
    if (this.names.slanted) this.step = (width - this.left - 50) / this.lanes.length; // the last one leans out
    this.head = this.names.head;
    this.follow(t);
    ctx.save();
    ctx.beginPath();
    ctx.rect(0, this.head - 4, width, height - this.head + 4);
    ctx.clip();
    this.drawSpans();
    this.drawGrid();
    this.drawWalls();
    this.drawGhosts();
    this.drawArrows(t);
    this.drawOperations();
    this.drawFaults();
    ctx.restore();
    this.drawNames();
    this.drawParting();
    this.drawCursor(t);
    const words = `${ms(Math.round(this.span * 10) / 10)} in view`;
    if (this.player.spanText.textContent !== words) this.player.spanText.textContent = words;
  }

  get bottom() {
    return this.top + this.span;
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
        if (span.from > this.bottom || span.to < this.top) continue;
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
      ctx.moveTo(Math.round(this.x(node)) + 0.5, this.head);
      ctx.lineTo(Math.round(this.x(node)) + 0.5, this.height);
    }
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.font = `400 10px ${FONT}`;
    ctx.fillStyle = c.soft;
    ctx.textAlign = "right";
    const step = roundStep(this.span / 7);
    for (let t = Math.ceil(this.top / step) * step; t <= this.bottom; t += step) {
      ctx.fillText(Number(t.toFixed(3)).toLocaleString("en"), this.left - 12, this.y(t) + 3.5);
      ctx.fillRect(this.left - 9, this.y(t), 4, 1);
    }
  }

  /** A partition stands between neighbouring lanes of different sides. */
  drawWalls() {
    for (const wall of this.player.run.walls) {
      const to = wall.to ?? Infinity;
      if (wall.from > this.bottom || to < this.top) continue;
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
    for (const row of other.flightsBetween(this.top, this.bottom)) {
      if (differing.other.has(row)) this.arrow(layers, other, row, { ghost: true });
    }
    this.drawLayers(layers);
  }

  drawArrows(t) {
    const { run, hidden, marked, differing } = this.player;
    const rows = run.flightsBetween(this.top, this.bottom);
    this.thin = rows.size > 300;
    const layers = { lines: new Strokes(), heads: [], ends: [] };
    for (const row of rows) {
      if (hidden.has(run.kinds[run.flights.kind[row]].name)) continue;
      this.arrow(layers, run, row, { t, strong: marked.flights.has(row), differs: differing.own.has(row) });
    }
    this.drawLayers(layers);
  }

  /** Note what an arrow is made of; `drawLayers` draws all arrows at once. */
  arrow({ lines, heads, ends }, run, row, { t = Infinity, strong = false, ghost = false, differs = false }) {
    const { c } = this;
    const f = run.flights;
    if (f.src[row] === f.dst[row]) return;
    const kind = run.kinds[f.kind[row]];
    const fate = f.fate[row];
    const reach = fate === LOST ? 0.6 : fate === CUT ? 0.45 : 1;
    const [x1, y1] = [this.x(f.src[row]), this.y(f.sent[row])];
    const [x2, y2] = [x1 + (this.x(f.dst[row]) - x1) * reach, y1 + (this.y(f.ended[row]) - y1) * reach];
    const colour = ghost ? c.down : c[kind.colour];
    const future = f.sent[row] > t;
    const alpha = ghost ? 0.55 : future ? 0.32 : 1;
    if (strong) this.underline(x1, y1, x2, y2, c.fill_changed, 9);
    const width = strong ? 3 : ghost ? 1 : this.thin ? 0.7 : 1.6;
    lines.line(x1, y1, x2, y2, { colour, width, alpha, dash: ghost ? [1, 3] : kind.dash });
    if (fate === DELIVERED || fate === UNDER_WAY) {
      heads.push([x1, y1, x2, y2, ghost || this.thin ? 4 : 7, colour, alpha]);
    } else ends.push(() => drawIcon(this.ctx, "cross", x2, y2, 11, colour, 4.5));
    if (differs && !future) ends.push(() => this.dot(x1, y1, c.teal));
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
      if (call[row] > this.bottom || until < this.top) return;
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
      if (fault.at > this.bottom || fault.at < this.top) continue;
      const name = this.player.view.icons[fault.what] ?? "error";
      const mild = fault.what === "Pause" || fault.what === "Restart";
      const colour = mild ? c.amber : c.vermilion;
      for (const node of fault.what === "Partition" ? [] : fault.nodes) {
        drawBadge(ctx, name, this.x(this.player.run.names.indexOf(node)), this.y(fault.at), colour, c.background, 8);
      }
    }
    for (const error of run.errors) {
      if (error.t <= this.bottom && error.t >= this.top) drawBadge(ctx, "error", this.x(error.node), this.y(error.t), c.vermilion, c.background, 9);
    }
  }

  drawParting() {
    const { parting } = this.player.view;
    if (!parting || parting.t < this.top || parting.t > this.bottom) return;
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
  drawNames() {
    const { ctx, c, lanes } = this;
    const { run, t } = this.player;
    ctx.fillStyle = c.background;
    ctx.fillRect(0, 0, this.width, this.head - 4);
    lanes.forEach((node, lane) => {
      ctx.font = `700 ${this.names.size}px ${FONT}`;
      ctx.fillStyle = run.node(node, t).down ? c.down : c.ink;
      const text = run.names[node];
      if (this.names.slanted) this.slanted(fitted(ctx, text, 62), this.x(node));
      else this.level(text, this.x(node), this.names.rows > 1 && lane % 2 === 0 ? 10 : this.head - 9);
    });
  }

  level(text, x, y) {
    const half = textWidth(this.ctx, text) / 2;
    this.ctx.textAlign = "center";
    this.ctx.fillText(text, clamp(x, half + 2, this.width - half - 2), y);
  }

  slanted(text, x) {
    const { ctx } = this;
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

  drawCursor(t) {
    const { ctx, c } = this;
    const y = this.y(t);
    ctx.strokeStyle = c.ink;
    ctx.lineWidth = 1.2;
    ctx.setLineDash([5, 4]);
    ctx.beginPath();
    ctx.moveTo(this.left - 6, y);
    ctx.lineTo(this.width - 4, y);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.font = `600 10px ${FONT}`;
    const text = ms(t).slice(0, -3);
    const width = Math.max(textWidth(ctx, text) + 8, 30);
    ctx.beginPath();
    ctx.roundRect(this.left - 8 - width, y - 8, width, 16, 4);
    ctx.fillStyle = c.background;
    ctx.fill();
    ctx.lineWidth = 1.2;
    ctx.stroke();
    ctx.fillStyle = c.ink;
    ctx.textAlign = "center";
    ctx.fillText(text, this.left - 8 - width / 2, y + 3.5);
  }

  listen() {
    const { canvas } = this.surface;
    const scrub = (event) => {
      const box = canvas.getBoundingClientRect();
      this.player.pause();
      this.player.seek(this.timeAt(event.clientY - box.top));
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button === 0) scrub(event);
    });
    canvas.addEventListener("wheel", (event) => {
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
