// ---- What the space-time diagram shows, painted for a stretch of time -----------------------------

class DiagramPainter {
  /** `view` knows where nodes and moments stand: x(node), y(t), from, to and the sizes. */
  constructor(view) {
    this.view = view;
  }

  paint(ctx, colours) {
    this.ctx = ctx;
    this.c = colours;
    this.drawSpans();
    this.drawGrid();
    this.drawWalls();
    this.drawGhosts();
    this.drawArrows();
    this.drawOperations();
    this.drawFaults();
    this.drawParting();
  }

  band(node, from, to, colour, alpha = 1) {
    const { ctx } = this;
    const half = Math.min(this.view.step * 0.34, 17);
    ctx.globalAlpha = alpha;
    ctx.fillStyle = colour;
    const [top, bottom] = this.yRange(from, to);
    ctx.fillRect(this.view.x(node) - half, top, 2 * half, bottom - top);
    ctx.globalAlpha = 1;
  }

  /** The part of a span of time that can be seen, in px. */
  yRange(from, to) {
    const limit = (t) => clamp(this.view.y(t), 0, this.view.height);
    return [limit(from), Number.isFinite(to) ? limit(to) : this.view.height];
  }

  drawSpans() {
    const { c } = this;
    this.view.player.run.spansBy.forEach((spans, node) => {
      for (const span of spans) {
        if (span.from > this.view.to || span.to < this.view.from) continue;
        if (span.what === "down") this.band(node, span.from, span.to, c.fill_alarm);
        else if (span.what === "syncing") this.band(node, span.from, span.to, c.amber, 0.28);
        else this.hatch(node, span);
      }
    });
  }

  hatch(node, span) {
    const { ctx, c } = this;
    const half = Math.min(this.view.step * 0.34, 17);
    const [top, bottom] = this.yRange(span.from, span.to);
    ctx.save();
    ctx.beginPath();
    ctx.rect(this.view.x(node) - half, top, 2 * half, bottom - top);
    ctx.clip();
    ctx.strokeStyle = c.amber;
    ctx.globalAlpha = 0.55;
    ctx.lineWidth = 1;
    ctx.beginPath();
    for (let y = top - 2 * half; y < bottom; y += 6) {
      ctx.moveTo(this.view.x(node) - half, y + 2 * half);
      ctx.lineTo(this.view.x(node) + half, y);
    }
    ctx.stroke();
    ctx.restore();
  }

  drawGrid() {
    const { ctx, c } = this;
    const { lanes } = this.view;
    ctx.lineWidth = 1;
    ctx.strokeStyle = c.edge;
    ctx.globalAlpha = 0.65;
    ctx.beginPath();
    for (const node of lanes) {
      ctx.moveTo(Math.round(this.view.x(node)) + 0.5, 0);
      ctx.lineTo(Math.round(this.view.x(node)) + 0.5, this.view.height);
    }
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.font = `400 10px ${FONT}`;
    ctx.fillStyle = c.soft;
    ctx.textAlign = "right";
    const step = roundStep(this.view.span / 7);
    for (let t = Math.ceil(this.view.from / step) * step; t <= this.view.to; t += step) {
      ctx.fillText(FINE.format(t), this.view.left - 12, this.view.y(t) + 3.5);
      ctx.fillRect(this.view.left - 9, this.view.y(t), 4, 1);
    }
  }

  /** A partition stands between neighbouring lanes of different sides. */
  drawWalls() {
    for (const wall of this.view.player.run.walls) {
      const to = wall.to ?? Infinity;
      if (wall.from > this.view.to || to < this.view.from) continue;
      const [top, bottom] = this.yRange(wall.from, to);
      const inside = (node) => wall.a.includes(node);
      this.view.lanes.slice(1).forEach((node, i) => {
        if (inside(node) !== inside(this.view.lanes[i])) this.brick(this.view.x(node) - this.view.step / 2, top, bottom);
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
    const { other, differing } = this.view.player;
    if (!other || !this.view.player.ghosts) return;
    const layers = { lines: new Strokes(), heads: [], ends: [] };
    for (const row of other.flightsBetween(this.view.from, this.view.to)) {
      if (differing.other.has(row)) this.arrow(layers, other, row, { ghost: true });
    }
    this.drawLayers(layers);
  }

  drawArrows() {
    const { run, hidden, marked, differing } = this.view.player;
    const rows = run.flightsBetween(this.view.from, this.view.to);
    this.thin = (rows.size * this.view.span) / (this.view.to - this.view.from || 1) > 300;
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
    const [x1, y1] = [this.view.x(f.src[row]), this.view.y(f.sent[row])];
    const [x2, y2] = [x1 + (this.view.x(f.dst[row]) - x1) * reach, y1 + (this.view.y(f.ended[row]) - y1) * reach];
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
    const { run, marked } = this.view.player;
    const { ctx, c } = this;
    const { client, call, end, status } = run.ops;
    client.forEach((node, row) => {
      const until = end[row] ?? run.duration;
      if (call[row] > this.view.to || until < this.view.from) return;
      const colour = operationColour(c, status[row]);
      ctx.fillStyle = colour;
      ctx.globalAlpha = 0.75;
      ctx.fillRect(this.view.x(node) - 2.5, this.view.y(call[row]), 5, this.view.y(until) - this.view.y(call[row]));
      ctx.globalAlpha = 1;
      if (end[row] !== null) this.resultTag(run, row, this.view.x(node), this.view.y(end[row]), colour, marked.ops.has(row));
    });
  }

  resultTag(run, row, x, y, colour, strong) {
    const { ctx, c } = this;
    const status = run.ops.status[row];
    const result = run.ops.result[row] >= 0 ? run.text(run.ops.result[row]) : "ok";
    const text = { ok: result, fail: "failed", info: "unknown" }[status];
    ctx.font = `700 11px ${FONT}`;
    const words = fitted(ctx, text, Math.max(this.view.step - 14, 30));
    const width = textWidth(ctx, words) + 12;
    const left = clamp(x - width / 2, 2, this.view.width - width - 2);
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
    const { run } = this.view.player;
    const { ctx, c } = this;
    for (const fault of run.faults) {
      if (fault.at > this.view.to || fault.at < this.view.from) continue;
      const name = this.view.player.view.icons[fault.what] ?? "error";
      const mild = fault.what === "Pause" || fault.what === "Restart";
      const colour = mild ? c.amber : c.vermilion;
      for (const node of fault.what === "Partition" ? [] : fault.nodes) {
        drawBadge(ctx, name, this.view.x(this.view.player.run.names.indexOf(node)), this.view.y(fault.at), colour, c.background, 8);
      }
    }
    for (const error of run.errors) {
      if (error.t <= this.view.to && error.t >= this.view.from) drawBadge(ctx, "error", this.view.x(error.node), this.view.y(error.t), c.vermilion, c.background, 9);
    }
  }

  drawParting() {
    const { parting } = this.view.player.view;
    if (!parting || parting.t < this.view.from || parting.t > this.view.to) return;
    const { ctx, c } = this;
    const y = this.view.y(parting.t);
    ctx.strokeStyle = c.teal;
    ctx.lineWidth = 1.4;
    ctx.setLineDash([7, 3, 2, 3]);
    ctx.beginPath();
    ctx.moveTo(this.view.left - 6, y);
    ctx.lineTo(this.view.width - 6, y);
    ctx.stroke();
    ctx.setLineDash([]);
    drawBadge(ctx, "fork", this.view.left - 3, y, c.background, c.teal, 8);
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
