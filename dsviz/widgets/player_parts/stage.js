// ---- The cluster at one moment ----------------------------------------------------------------

const MAX_PILLS = 16; // with more messages in flight, dots: labels would hide the picture

class Stage {
  constructor(player, parent) {
    this.player = player;
    this.box = h("div", { class: "ds-stage", role: "group", "aria-label": "Cluster" });
    this.surface = new Surface(this.box, "The cluster at this moment; described in the caption");
    this.buttons = h("div");
    this.tip = h("div", { class: "ds-tip", hidden: true });
    this.box.append(this.buttons, this.tip);
    parent.append(this.box);
    this.lasso = null;
    this.hover = null;
    this.listen();
  }

  /** The runs have changed: nodes and edges are those of all runs, so that nothing moves. */
  setRuns(runs) {
    const run = runs[0];
    this.names = run.names;
    const pairs = new Map();
    for (const each of runs) for (const [a, b] of each.edges) pairs.set(`${a} ${b}`, [a, b]);
    this.edges = [...pairs.values()];
    this.outlines = new Map();
    this.nodeButtons = this.buttonsFor(run);
    this.place();
  }

  buttonsFor(run) {
    const kept = new Map([...this.buttons.children].map((button) => [button.dataset.node, button]));
    const buttons = run.nodes.map((node, index) => {
      const button = kept.get(node.name) ?? h("button", { type: "button", class: "ds-node", "data-node": node.name });
      button.onclick = () => this.player.openNodeMenu(index, button);
      button.classList.toggle("ds-inert", !this.player.live);
      return button;
    });
    if (buttons.some((button, i) => this.buttons.children[i] !== button)) this.buttons.replaceChildren(...buttons);
    return buttons;
  }

  /** Compute where everything goes for the present size. */
  place() {
    const run = this.player.run;
    const width = this.box.clientWidth || 640;
    const height = this.player.stageHeight;
    const many = run.nodes.length;
    const round = new Set(run.nodes.map((node) => node.role)).size === 1 && many > 1;
    const pad = round ? { x: many > 10 ? 96 : 76, top: 46, bottom: 58 } : { x: 62, top: 40, bottom: this.named(run) ? 66 : 54 };
    this.spots = run.nodes.map((node) => ({
      x: pad.x + node.x * (width - 2 * pad.x),
      y: pad.top + node.y * (height - pad.top - pad.bottom),
    }));
    const nearest = this.spots.map((a, i) =>
      Math.min(...this.spots.map((b, j) => (i === j ? 1e9 : Math.hypot(a.x - b.x, (a.y - b.y) * 0.8)))),
    );
    this.radius = many === 1 ? 30 : clamp(Math.min(...nearest) * 0.32, 12, 25);
    this.nameSize = this.sizeOfNames(run.names);
    this.outward = round && many > 8;
    this.width = width;
    this.room = this.spots.map((spot, i) => this.labelRoom(spot, i));
    this.height = height;
    this.outlines.clear();
    this.nodeButtons.forEach((button, i) => {
      const r = this.radius + 3;
      Object.assign(button.style, {
        left: `${this.spots[i].x - r}px`, top: `${this.spots[i].y - r}px`,
        width: `${2 * r}px`, height: `${2 * r}px`,
      });
    });
  }

  /** One size for all names: the largest at which those that can stand inside their nodes do. */
  sizeOfNames(names) {
    const { ctx } = this.surface;
    const fits = (name, size) => {
      ctx.font = `700 ${size}px ${FONT}`;
      return textWidth(ctx, name) <= 2 * this.radius - 7;
    };
    const able = names.filter((name) => fits(name, 9));
    return [14, 13, 12, 11, 10].find((size) => able.every((name) => fits(name, size))) ?? 9;
  }

  /** Whether names are too long to stand inside the nodes. */
  named(run) {
    return run.names.some((name) => name.length > 5);
  }

  /** How wide (px) and how many lines the label under a node may be. */
  labelRoom(spot, index) {
    let width = 2 * Math.min(spot.x, (this.box.clientWidth || 640) - spot.x) - 6;
    let height = 60;
    if (this.outward) return { width: 92, lines: 1 };
    this.spots.forEach((other, i) => {
      if (i === index) return;
      const down = other.y - spot.y;
      const across = Math.abs(other.x - spot.x);
      if (Math.abs(down) < this.radius + 16) width = Math.min(width, across - 8);
      else if (down > 0 && across < 50) height = Math.min(height, down - 2 * this.radius - 8);
    });
    return { width: Math.max(width, 40), lines: clamp(Math.floor(height / 14), 1, 2) };
  }

  draw(t) {
    const { run, colours } = this.player;
    if (this.box.clientWidth !== this.width) this.place();
    const ctx = this.surface.begin(this.width, this.height, colours.background);
    this.ctx = ctx;
    this.c = colours;
    this.states = run.nodes.map((_, i) => run.node(i, t));
    this.faults = run.linkFaults(t);
    this.active = run.wallsAt(t);
    this.drawEdges();
    for (const wall of this.active) this.drawWall(wall);
    this.drawLinkMarks();
    this.drawMessages(t);
    run.nodes.forEach((node, i) => this.drawNode(node, i));
    if (this.lasso) this.drawLasso();
  }

  // Links

  blocked(src, dst) {
    const cut = this.faults.some((f) => f.what === "cut" && matches(f, src, dst));
    return cut || this.active.some((wall) => separates(wall, src, dst));
  }

  drawEdges() {
    const { c } = this;
    const strokes = new Strokes();
    const faint = this.edges.length > 40 ? 0.35 : 0.6;
    this.edges.forEach(([a, b], i) => {
      const dead = this.states[a].down || this.states[b].down;
      const cut = this.blocked(a, b) || this.blocked(b, a);
      const look = { colour: c.edge, width: this.edges.length > 40 ? 1 : 1.2, alpha: faint };
      if (dead || cut) Object.assign(look, { width: 1, alpha: dead ? 0.35 : 0.6, dash: [2, 5] });
      if (this.hover === i) Object.assign(look, { colour: c.blue, width: 2.4, alpha: 1 });
      strokes.line(this.spots[a].x, this.spots[a].y, this.spots[b].x, this.spots[b].y, look);
    });
    strokes.draw(this.ctx);
  }

  /** Glyphs on links with a fault: one-way cuts, loss, repetition, delay. */
  drawLinkMarks() {
    const used = new Map();
    for (const fault of this.faults) {
      if (fault.src < 0 && fault.dst < 0) continue;
      for (const [a, b] of this.edges) {
        for (const [src, dst] of [[a, b], [b, a]]) {
          if (!matches(fault, src, dst)) continue;
          const nth = used.get(`${src} ${dst}`) ?? 0;
          used.set(`${src} ${dst}`, nth + 1);
          const spot = this.along(src, dst, 0.5 + 0.14 * nth, 0);
          if (fault.what === "cut") this.drawCut(src, dst, spot);
          else this.drawMark(fault, spot.x, spot.y);
        }
      }
    }
  }

  drawCut(src, dst, spot) {
    const { ctx, c } = this;
    const [from, to] = [this.spots[src], this.spots[dst]];
    ctx.save();
    ctx.translate(spot.x, spot.y);
    ctx.beginPath();
    ctx.arc(0, 0, 10, 0, 7);
    ctx.fillStyle = c.background;
    ctx.fill();
    ctx.rotate(Math.atan2(to.y - from.y, to.x - from.x));
    drawIcon(ctx, "cut", 0, 0, 18, c.vermilion, 2.8);
    ctx.restore();
  }

  drawMark(fault, x, y) {
    const { ctx, c } = this;
    const text = linkWords(fault);
    const name = { loss: "loss", duplicate: "duplicate", delay: "hourglass", reorder: "shuffle", corrupt: "garble" }[fault.what] ?? "error";
    ctx.font = `600 11px ${FONT}`;
    const width = textWidth(ctx, text) + 30;
    const left = clamp(x - width / 2, 6, this.width - width - 6);
    ctx.beginPath();
    ctx.roundRect(left, y - 10, width, 20, 6);
    ctx.fillStyle = c.fill_alarm;
    ctx.fill();
    ctx.lineWidth = 1.2;
    ctx.strokeStyle = ctx.fillStyle = c.vermilion;
    ctx.stroke();
    drawIcon(ctx, name, left + 13, y, 13, c.vermilion);
    this.write(text, left + 23, y + 4, "left");
  }

  write(text, x, y, align = "center") {
    this.ctx.textAlign = align;
    this.ctx.fillText(text, x, y);
  }

  /** A wall between two groups of nodes: the line whose points are equally far from both. */
  drawWall(wall) {
    const key = `${wall.a} | ${wall.b}`;
    if (!this.outlines.has(key)) this.outlines.set(key, this.wallPath(wall));
    const { ctx, c } = this;
    const path = this.outlines.get(key);
    ctx.lineCap = "butt";
    ctx.strokeStyle = c.background;
    ctx.lineWidth = 14;
    ctx.stroke(path);
    ctx.strokeStyle = c.vermilion;
    ctx.lineWidth = 8;
    ctx.stroke(path);
    ctx.strokeStyle = c.background;
    ctx.lineWidth = 5;
    ctx.setLineDash([9, 2]);
    ctx.stroke(path);
    ctx.strokeStyle = c.fill_alarm;
    ctx.stroke(path);
    ctx.setLineDash([]);
  }

  wallPath(wall) {
    const inside = new Set(wall.a);
    const outside = wall.b.length ? wall.b : this.names.map((_, i) => i).filter((i) => !inside.has(i));
    const reach = (group, x, y) => Math.min(...group.map((i) => Math.hypot(this.spots[i].x - x, this.spots[i].y - y)));
    const field = (x, y) => reach(wall.a, x, y) - reach(outside, x, y);
    return contour(field, this.width, this.height, 10);
  }

  // Messages

  /** The point at fraction f of the way between two nodes' borders, a little right of the line. */
  along(src, dst, f, aside = 5) {
    const [from, to] = [this.spots[src], this.spots[dst]];
    const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
    const [ux, uy] = [(to.x - from.x) / length, (to.y - from.y) / length];
    const start = Math.min(this.radius + 4, length * 0.3);
    const way = start + f * Math.max(length - 2 * start, 1);
    return { x: from.x + ux * way - uy * aside, y: from.y + uy * way + ux * aside, ux, uy };
  }

  drawMessages(t) {
    const { run, hidden, marked } = this.player;
    const rows = run.inFlight(t, run.pace * 0.5).filter(
      (row) => !hidden.has(run.kinds[run.flights.kind[row]].name) && run.flights.src[row] !== run.flights.dst[row],
    );
    const under = rows.filter((row) => t < run.flights.ended[row]).length;
    this.drawn = rows.map((row) => this.message(row, t)).filter(Boolean);
    const dots = under > MAX_PILLS;
    this.drawTrails(dots);
    if (dots) this.drawDots();
    else for (const message of this.drawn) this.drawPill(message, marked.flights.has(message.row));
  }

  /** Where a message is and how it looks; null when there is nothing to draw. */
  message(row, t) {
    const { run } = this.player;
    const f = run.flights;
    const [src, dst, fate] = [f.src[row], f.dst[row], f.fate[row]];
    const took = f.ended[row] - f.sent[row];
    const progress = took > 0 ? (t - f.sent[row]) / took : 1;
    const ended = t >= f.ended[row];
    const stops = fate === LOST ? 0.6 : fate === CUT ? 0.3 : 1;
    const failed = fate !== DELIVERED && fate <= NODE_DOWN && (ended || progress >= stops);
    if (ended && !failed) return null;
    const place = this.along(src, dst, Math.min(progress, stops));
    const gone = ended ? clamp((t - f.ended[row]) / (run.pace * 0.5), 0, 1) : 0;
    const kind = run.kinds[f.kind[row]];
    return {
      row, src, dst, place, failed, kind,
      progress: Math.min(progress, stops),
      colour: this.c[kind.colour],
      label: run.text(f.label[row]),
      alpha: 1 - gone,
    };
  }

  /** The way each message has come; with many messages only the last piece of it. */
  drawTrails(brief) {
    const { marked } = this.player;
    const strokes = new Strokes();
    for (const message of this.drawn) {
      const start = this.along(message.src, message.dst, brief ? Math.max(0, message.progress - 0.16) : 0);
      strokes.line(start.x, start.y, message.place.x, message.place.y, {
        colour: message.colour,
        width: marked.flights.has(message.row) ? 4 : brief ? 1 : 1.8,
        alpha: message.alpha * (message.failed ? 0.5 : 0.9),
        dash: brief ? [] : message.kind.dash,
      });
    }
    strokes.draw(this.ctx);
  }

  drawPill(message, strong) {
    const { ctx, c } = this;
    const { x, y } = message.place;
    ctx.globalAlpha = message.alpha;
    ctx.font = `600 11px ${FONT}`;
    const text = fitted(ctx, message.label, 118);
    const width = textWidth(ctx, text) + 16;
    ctx.beginPath();
    ctx.roundRect(x - width / 2, y - 10, width, 20, 10);
    ctx.fillStyle = strong ? c.fill_alarm : c.background;
    ctx.fill();
    ctx.lineWidth = strong ? 3 : 1.6;
    ctx.strokeStyle = ctx.fillStyle = message.colour;
    ctx.setLineDash(message.kind.reply ? [5, 2.5] : []);
    ctx.stroke();
    ctx.setLineDash([]);
    this.write(text, x, y + 4);
    if (message.failed) drawBadge(ctx, "cross", x + width / 2 - 3, y - 9, c.vermilion, c.background, 7);
    ctx.globalAlpha = 1;
  }

  /** Dots in place of pills: full for a request, hollow for a reply. */
  drawDots() {
    const { ctx, c } = this;
    for (const message of this.drawn) {
      if (message.failed) {
        this.drawLostDot(message);
        continue;
      }
      const { x, y } = message.place;
      ctx.beginPath();
      ctx.arc(x, y, 4.5, 0, 7);
      ctx.fillStyle = message.colour;
      ctx.fill();
      if (!message.kind.reply) continue;
      ctx.beginPath();
      ctx.arc(x, y, 2.3, 0, 7);
      ctx.fillStyle = c.background;
      ctx.fill();
    }
  }

  drawLostDot(message) {
    const { ctx, c } = this;
    ctx.globalAlpha = message.alpha;
    drawBadge(ctx, "cross", message.place.x, message.place.y, c.background, message.colour, 7);
    ctx.globalAlpha = 1;
  }

  // Nodes

  drawNode(node, index) {
    const { ctx, c } = this;
    const { x, y } = this.spots[index];
    const r = this.radius;
    const state = this.states[index];
    const look = this.look(state, node);
    shapePath(ctx, node.shape, x, y, r);
    ctx.fillStyle = c.background;
    ctx.fill(); // links end at the border, also under a fill that is see-through when printed
    ctx.fillStyle = look.fill;
    ctx.fill();
    ctx.strokeStyle = look.ring;
    ctx.lineWidth = look.width;
    ctx.setLineDash(look.dash);
    ctx.stroke();
    ctx.setLineDash([]);
    if (this.player.marked.nodes.has(index)) this.drawHalo(node.shape, x, y, r + 6);
    const inside = this.drawName(node.name, x, y, r, look.text);
    this.drawLabel(index, state, look, inside ? "" : node.name);
    this.drawBadges(state, x, y, r);
  }

  look(state, node) {
    const { c } = this;
    if (state.down) return { fill: c.panel, ring: c.down, text: c.down, width: 2, dash: [4, 3] };
    if (state.paused) return { fill: c.panel, ring: c.amber, text: c.ink, width: 2.4, dash: [7, 3] };
    if (state.changed) return { fill: c.fill_changed, ring: c.vermilion, text: c.ink, width: 3.6, dash: [] };
    if (node.shape === "square") return { fill: c.fill_active, ring: c.blue, text: c.ink, width: 2.2, dash: [] };
    return { fill: c.fill_node, ring: c.ink, text: c.ink, width: 2, dash: [] };
  }

  drawHalo(shape, x, y, r) {
    const { ctx, c } = this;
    shapePath(ctx, shape, x, y, r);
    ctx.strokeStyle = c.vermilion;
    ctx.lineWidth = 2;
    ctx.setLineDash([3, 3]);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  /** Write the name inside when it fits; else its short form. Returns whether it fitted. */
  drawName(name, x, y, r, colour) {
    const { ctx } = this;
    ctx.fillStyle = colour;
    ctx.font = `700 ${this.nameSize}px ${FONT}`;
    if (textWidth(ctx, name) <= 2 * r - 7) {
      this.write(name, x, y + this.nameSize * 0.36);
      return true;
    }
    const words = name.match(/\p{L}+/gu) ?? [name];
    const brief = words.slice(0, 2).map((word) => word[0]).join("") + (name.match(/\d+$/)?.[0] ?? "");
    ctx.font = `700 ${r > 16 ? 13 : 11}px ${FONT}`;
    this.write(brief, x, y + 4.5);
    return false;
  }

  drawLabel(index, state, look, name) {
    const { ctx, c } = this;
    const room = this.room[index];
    const place = this.labelPlace(index);
    let { y } = place;
    const line = (text, font, colour) => {
      ctx.font = font;
      const words = fitted(ctx, text, room.width);
      const width = textWidth(ctx, words) + 6;
      const left = { left: place.x - 3, right: place.x - width + 3, center: place.x - width / 2 }[place.align];
      ctx.fillStyle = c.background;
      ctx.globalAlpha = 0.82;
      ctx.fillRect(left, y - 11, width, 14);
      ctx.globalAlpha = 1;
      ctx.fillStyle = colour;
      this.write(words, place.x, y, place.align);
      y += 14;
    };
    const colour = state.down ? c.down : c.ink;
    if (name) line(name, `700 11px ${FONT}`, colour);
    const lines = state.down ? [this.downSince(state, room)] : state.lines;
    for (const text of lines.slice(0, Math.max(room.lines - (name ? 1 : 0), name ? 0 : 1))) {
      if (state.changed && !state.down) line(text, `700 11px ${FONT}`, c.vermilion);
      else line(text, `400 11px ${FONT}`, state.down ? c.down : c.soft);
    }
  }

  downSince(state, room) {
    this.ctx.font = `400 11px ${FONT}`;
    const text = `down since ${ms(state.down.from)}`;
    return textWidth(this.ctx, text) <= room.width ? text : "down";
  }

  /** Labels stand under their nodes; on a crowded circle outside it, where nothing else is. */
  labelPlace(index) {
    const { x, y } = this.spots[index];
    const r = this.radius;
    if (!this.outward) return { x, y: y + r + 15, align: "center" };
    const across = (x - this.width / 2) / (this.width / 2);
    const upper = y < this.height / 2;
    if (Math.abs(across) < 0.1) return { x, y: upper ? y - r - 8 : y + r + 15, align: "center" };
    return { x: x + Math.sign(across) * (r + 8), y: y + (upper ? -2 : 8), align: across > 0 ? "left" : "right" };
  }

  drawBadges(state, x, y, r) {
    const { ctx, c } = this;
    const off = r * 0.86;
    const size = clamp(r * 0.38, 7, 9.5);
    if (state.down) drawBadge(ctx, state.down.text ? "error" : "cross", x + off, y - off, c.vermilion, c.background, size);
    else if (state.paused) drawBadge(ctx, "pause", x + off, y - off, c.amber, c.background, size);
    else if (state.affected) drawBadge(ctx, AFFECTED[state.affected.text] ?? "snail", x + off, y - off, c.amber, c.background, size);
    if (state.skew && r >= 17) this.drawTag("clock", `${state.skew > 0 ? "+" : "−"}${ms(Math.abs(state.skew))}`, x - off, y - off, c.purple, "right");
    if (state.waiting && !state.down && r >= 17) this.drawTag("queue", `${state.waiting}`, x - off, y + off * 0.8, c.amber, "right");
    if (r < 17) this.drawSmallBadges(state, x, y, off);
    else if (state.unsynced || state.syncing) this.drawTag("disk", state.unsynced ? `${state.unsynced}` : "…", x + off, y + off * 0.8, c.amber, "left");
  }

  /** On small nodes: the glyphs without their numbers. */
  drawSmallBadges(state, x, y, off) {
    const { ctx, c } = this;
    if (state.unsynced || state.syncing) drawBadge(ctx, "disk", x + off, y + off, c.background, c.amber, 7);
    if (state.skew) drawBadge(ctx, "clock", x - off, y - off, c.background, c.purple, 7);
  }

  /** A small badge with a number: a skewed clock, un-synced writes. */
  drawTag(name, text, x, y, colour, side) {
    const { ctx, c } = this;
    ctx.font = `700 10px ${FONT}`;
    const width = textWidth(ctx, text) + 21;
    const left = side === "left" ? x - 7 : x + 7 - width;
    ctx.beginPath();
    ctx.roundRect(left, y - 8, width, 16, 8);
    ctx.fillStyle = c.background;
    ctx.fill();
    ctx.lineWidth = 1.3;
    ctx.strokeStyle = colour;
    ctx.stroke();
    drawIcon(ctx, name, left + 9, y, 11, colour, 2.6);
    ctx.fillStyle = colour;
    this.write(text, left + 16, y + 3.5, "left");
  }

  // Pointer: links, lasso, hover

  listen() {
    const { canvas } = this.surface;
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerleave", () => this.setHover(null));
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointercancel", () => this.dropLasso());
  }

  point(event) {
    const box = this.surface.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  move(event) {
    const at = this.point(event);
    if (this.lasso) {
      this.lasso.push(at);
      this.player.invalidate();
      return;
    }
    this.showTip(at);
    this.setHover(this.player.live ? this.edgeAt(at) : null);
  }

  setHover(edge) {
    if (edge === null) this.tip.hidden = this.tip.hidden || !this.tip.dataset.message;
    this.surface.canvas.style.cursor = edge !== null ? "pointer" : this.player.live ? "crosshair" : "default";
    if (edge === this.hover) return;
    this.hover = edge;
    this.player.invalidate();
  }

  showTip(at) {
    const near = (this.drawn ?? []).find((m) => Math.hypot(m.place.x - at.x, m.place.y - at.y) < 12);
    this.tip.hidden = !near;
    if (!near) return;
    const { run } = this.player;
    const f = run.flights;
    this.tip.textContent = `${near.label}: ${run.names[near.src]} → ${run.names[near.dst]}, sent at ${ms(f.sent[near.row])}`;
    const left = clamp(at.x + 12, 4, this.width - 250);
    Object.assign(this.tip.style, { left: `${left}px`, top: `${at.y > 40 ? at.y - 34 : at.y + 16}px` });
  }

  edgeAt({ x, y }) {
    let best = null;
    let least = 8;
    this.edges.forEach(([a, b], i) => {
      const away = distanceToSegment(x, y, this.spots[a], this.spots[b]);
      if (away < least) [best, least] = [i, away];
    });
    return best;
  }

  press(event) {
    if (!this.player.live || event.button !== 0) return;
    this.surface.canvas.setPointerCapture(event.pointerId);
    this.lasso = [this.point(event)];
  }

  release(event) {
    const lasso = this.lasso;
    this.dropLasso();
    if (!lasso) return;
    const at = this.point(event);
    const length = lasso.reduce((sum, p, i) => sum + (i ? Math.hypot(p.x - lasso[i - 1].x, p.y - lasso[i - 1].y) : 0), 0);
    if (length > 24) {
      const caught = this.spots.flatMap((spot, i) => (insidePolygon(spot, lasso) ? [i] : []));
      if (caught.length) this.player.openGroupMenu(caught, at);
      return;
    }
    const edge = this.edgeAt(at);
    if (edge !== null) this.player.openLinkMenu(...this.edges[edge], at);
  }

  dropLasso() {
    this.lasso = null;
    this.player.invalidate();
  }

  drawLasso() {
    const { ctx, c, lasso } = this;
    ctx.beginPath();
    for (const p of lasso) ctx.lineTo(p.x, p.y);
    ctx.closePath();
    ctx.globalAlpha = 0.12;
    ctx.fillStyle = c.vermilion;
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.setLineDash([5, 4]);
    ctx.lineWidth = 1.8;
    ctx.strokeStyle = c.vermilion;
    ctx.stroke();
    ctx.setLineDash([]);
    this.spots.forEach((spot, i) => {
      if (lasso.length > 3 && insidePolygon(spot, lasso)) this.drawHalo(this.player.run.nodes[i].shape, spot.x, spot.y, this.radius + 6);
    });
  }

  /** What a screen reader says of a node. */
  describe(t) {
    const { run, live } = this.player;
    const states = this.states ?? [];
    this.nodeButtons.forEach((button, i) => {
      const s = states[i];
      if (!s) return;
      const words = [run.names[i], run.nodes[i].role];
      if (s.down) words.push(`down since ${ms(s.down.from)}`);
      if (s.paused) words.push(`paused since ${ms(s.paused.from)}`);
      if (s.skew) words.push(`clock off by ${ms(s.skew)}`);
      if (s.unsynced) words.push(`${s.unsynced} un-synced writes`);
      if (!s.down && s.lines.length) words.push(s.lines.join(", "));
      const label = words.join(", ") + (live ? "; press Enter for its menu" : "");
      if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
    });
  }
}

/** A link's fault in few words. */
function linkWords({ what, value }) {
  const share = `${Math.round(value * 100)} %`;
  return { loss: `${share} lost`, duplicate: `${share} twice`, delay: `+${ms(value)}`, cut: "nothing passes" }[what] ?? what;
}

function matches(fault, src, dst) {
  return (fault.src < 0 || fault.src === src) && (fault.dst < 0 || fault.dst === dst);
}

function separates(wall, one, other) {
  const side = (i) => (wall.a.includes(i) ? 1 : !wall.b.length || wall.b.includes(i) ? 2 : 0);
  return side(one) + side(other) === 3;
}

function distanceToSegment(x, y, a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const f = clamp(((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy || 1), 0, 1);
  return Math.hypot(x - a.x - f * dx, y - a.y - f * dy);
}

function insidePolygon({ x, y }, polygon) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const [a, b] = [polygon[i], polygon[j]];
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}

/** The curve field(x, y) = 0, chained into lines (marching squares on a grid of `cell` px). */
function contour(field, width, height, cell) {
  const columns = Math.ceil(width / cell);
  const rows = Math.ceil(height / cell);
  const values = [];
  for (let j = 0; j <= rows; j += 1) for (let i = 0; i <= columns; i += 1) values.push(field(i * cell, j * cell));
  const at = (i, j) => values[j * (columns + 1) + i];
  const links = new Map();
  const point = (i, j, k, l) => {
    const f = at(i, j) / (at(i, j) - at(k, l));
    return [(i + f * (k - i)) * cell, (j + f * (l - j)) * cell];
  };
  const name = (i, j, k, l) => `${Math.min(i, k)} ${Math.min(j, l)} ${i === k ? "v" : "h"}`;
  for (let j = 0; j < rows; j += 1) {
    for (let i = 0; i < columns; i += 1) {
      const sides = [[i, j, i + 1, j], [i + 1, j, i + 1, j + 1], [i, j + 1, i + 1, j + 1], [i, j, i, j + 1]];
      const crossed = sides.filter(([a, b, c, d]) => at(a, b) < 0 !== at(c, d) < 0);
      for (let n = 0; n + 1 < crossed.length; n += 2) {
        const ends = [crossed[n], crossed[n + 1]].map((side) => ({ key: name(...side), at: point(...side) }));
        for (const [one, other] of [ends, [...ends].reverse()]) {
          if (!links.has(one.key)) links.set(one.key, { at: one.at, next: [] });
          links.get(one.key).next.push(other.key);
        }
      }
    }
  }
  return chained(links);
}

/** Walk linked points into one path, ends of open lines first. */
function chained(links) {
  const path = new Path2D();
  const seen = new Set();
  const starts = [...links.keys()].sort((a, b) => links.get(a).next.length - links.get(b).next.length);
  for (const start of starts) {
    let key = seen.has(start) ? null : start;
    let first = true;
    while (key) {
      seen.add(key);
      const { at, next } = links.get(key);
      if (first) path.moveTo(...at);
      else path.lineTo(...at);
      first = false;
      const onward = next.find((other) => !seen.has(other));
      if (!onward && next.includes(start) && start !== key) path.closePath();
      key = onward;
    }
  }
  return path;
}
