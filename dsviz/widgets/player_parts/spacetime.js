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
    this.painter = new DiagramPainter(this);
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
    if (this.box.clientWidth) this.measured = this.player.measured;
    else { // out of the page: see again in the next frame
      this.player.invalidate();
      if (this.size) return;
    }
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
    this.painter.paint(this.surface.begin(this.width, this.height, this.c.background), this.c);
    this.player.showSpan(this.span);
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
      if (lane % (this.names.every ?? 1)) return;
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
    const every = Math.ceil(12 / this.step); // lines of text that lean need this much between them
    return { size: 10, slanted: true, every, head: 24 + Math.min(widest(10), 62) * 0.81 };
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
