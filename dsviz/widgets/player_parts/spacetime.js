// ---- Space-time diagram: a lane a node, time downwards ----------------------------------------

const MARGIN = 12; // px above the first moment of the drawing and below its last
const AROUND = 0.06; // of the view's time: drawn above and below it, for what reaches into it
const BEYOND = 1.6; // the same, below it while a run plays
const EDGE = 4; // px of the frame above the first moment in view

/**
 * The diagram is drawn on a layer. While the run plays, that is done for a stretch of time longer
 * than what is seen; the frame shows a part of it, under a veil with the cursor as its upper edge:
 * what is under the veil has not happened yet.
 */
class SpaceTime {
  constructor(player, parent) {
    this.player = player;
    this.box = h("div", { class: "ds-time", role: "group", "aria-label": "Space-time diagram" });
    this.frame = h("div", { class: "ds-frame" });
    this.surface = new Surface(this.frame, "Space-time diagram: a lane for each node, time downwards; click to go to a moment");
    this.box.append(this.frame);
    this.heads = new Surface(this.box, "Names of the lanes");
    this.heads.canvas.setAttribute("class", "ds-heads");
    this.heads.canvas.setAttribute("aria-hidden", "true");
    parent.append(this.box);
    this.layer = new Layer();
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
    this.arrange();
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
    this.follow(t);
    this.scale = (this.room - 10) / this.span;
    const { hidden, marked, ghosts, look, colours, view } = this.player;
    this.c = colours;
    const key = [
      look, this.version, this.size, this.span, [...hidden], marked.flights.size, marked.ops.size, marked.verdict,
      ghosts, view.parting?.t,
    ].join("|");
    const { duration } = this.player.run;
    const reach = (AROUND / 2) * this.span;
    const drawn = this.from <= Math.max(0, this.top - reach) && this.to >= Math.min(this.top + this.span + reach, duration);
    if (key !== this.key || !drawn) {
      this.key = key;
      this.from = Math.max(0, this.top - AROUND * this.span);
      this.to = Math.min(duration, this.top + this.span * (1 + (this.player.playing ? BEYOND : AROUND)));
      this.paint();
    }
    this.drawNames(t);
    this.show(t);
  }

  /** Place the lanes, and fit their names into the box's present size. */
  arrange() {
    const { width, height = this.player.stageHeight } = this.player.sizes.diagram;
    Object.assign(this, { width, left: this.player.run.duration >= 1000 ? 58 : 48, size: `${width} ${height}` });
    this.step = (width - this.left - 14) / this.lanes.length;
    this.names = this.fitNames();
    if (this.names.slanted) this.step = (width - this.left - 50) / this.lanes.length; // the last one leans out
    this.head = this.names.head;
    this.room = height - this.head;
    this.frame.style.top = `${this.head - EDGE}px`;
    this.namesKey = null;
  }

  /** The part of the drawing that is in view, the veil, the cursor and its time. */
  show(t) {
    const ratio = window.devicePixelRatio || 1;
    const down = Math.round((EDGE - MARGIN + (this.from - this.top) * this.scale) * ratio);
    const y = Math.round((EDGE + (t - this.top) * this.scale) * ratio) / ratio;
    if (!this.player.hurried || !this.time) this.time = ms(t).slice(0, -3);
    const { seen, time } = this;
    if (seen?.layer === this.layer.key && seen.down === down && seen.y === y && seen.time === time) return;
    this.seen = { layer: this.layer.key, down, y, time };
    const ctx = this.surface.begin(this.width, this.room + EDGE, this.c.background);
    this.layer.show(ctx, down);
    this.drawCursor(ctx, y);
  }

  drawCursor(ctx, y) {
    const { c } = this;
    ctx.fillStyle = c.background;
    ctx.globalAlpha = 0.6;
    ctx.fillRect(this.left - 5, y, this.width, this.surface.height - y);
    ctx.globalAlpha = 1;
    const ratio = window.devicePixelRatio || 1;
    const line = Math.max(1, Math.floor(1.5 * ratio)) / ratio; // whole px of the screen, as borders are
    ctx.strokeStyle = c.ink;
    ctx.lineWidth = line;
    ctx.setLineDash([3, 3]);
    ctx.beginPath();
    ctx.moveTo(2, y + line / 2);
    ctx.lineTo(this.width - 4, y + line / 2);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.font = `600 10px ${FONT}`;
    const width = Math.max(32, textWidth(ctx, this.time) + 11);
    y = Math.min(Math.max(y, 9), this.surface.height - 10); // the time stays whole at either end
    ctx.fillStyle = c.background;
    ctx.beginPath();
    ctx.roundRect(2 + line / 2, y - 8 + line / 2, width - line, 17 - line, 4 - line / 2);
    ctx.fill();
    ctx.stroke();
    ctx.fillStyle = c.ink;
    ctx.textAlign = "center";
    ctx.fillText(this.time, 2 + width / 2, y + 3.5);
  }

  paint() {
    this.height = Math.ceil((this.to - this.from) * this.scale) + 2 * MARGIN;
    this.paints = (this.paints ?? 0) + 1;
    this.layer.refresh(this.paints, this.width, this.height, (ctx) => {
      ctx.fillStyle = this.c.background;
      ctx.fillRect(0, 0, this.width, this.height);
      this.painter.paint(ctx, this.c);
    });
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
    const ctx = this.heads.begin(this.width, this.head - EDGE, c.background);
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
  fitNames() {
    const widest = (size) => {
      ruler.font = `700 ${size}px ${FONT}`;
      return Math.max(...this.lanes.map((node) => textWidth(ruler, this.player.run.names[node])));
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
      this.player.seek(this.timeAt(event.clientY - box.top - EDGE));
    });
    frame.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // a plain wheel scrolls the page
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8);
    }, { passive: false });
  }
}
