// The player: draws one or two runs of a scenario and sends what its viewer clicks to Python.
//
// `mount(el, payload, hooks)` works in any page: payload = {runs: [columns], view}, hooks.send
// takes a message for Python (without it faults are inert). The default export is the anywidget.
// Columns are made by dsviz/draw/columns.py, colours by dsviz/draw/theme.py.

// ---- Small helpers -------------------------------------------------------------------------

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Make an element: h("button", {class: "x", onclick: f}, child, …). */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  // JupyterLab looks at the focused element before it looks at its parents.
  if (["button", "input", "select", "code"].includes(tag)) element.dataset.lmSuppressShortcuts = "true";
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A time as text, as exact as it needs to be: 1,604 ms, 12.4 ms, 0.253 ms. */
function ms(t) {
  return `${t.toLocaleString("en", { maximumFractionDigits: Math.abs(t) < 1 ? 3 : 1 })} ms`;
}

function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** First position in a sorted array whose value is greater than x. */
function after(sorted, x) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A round step (1, 2, 5 × 10^n) near `value`. */
function roundStep(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= value * 0.999);
}

// ---- Icons: paths in a 24 × 24 box, because fonts lack most of these symbols ------------------

const ICONS = {
  cross: "M6 6 18 18M18 6 6 18",
  restart: "M19 12a7 7 0 1 1-2.2-5.1M17.5 2.5v4.8h-4.8",
  bolt: "M13.5 2.5 5 13.5h6L9.5 21.5 19 10h-6.5z",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  wall: "M3 5h18v14H3zM3 9.7h18M3 14.3h18M9 5v4.7M16 5v4.7M12.5 9.700v4.600M6 14.300v4.700M18 14.300v4.7",
  cut: "M2.5 12h10M9 8l4 4-4 4M17.5 4.500v15M21.5 4.500v15",
  loss: "M2.5 12h4M9 12h2M14 8.500l7 7M21 8.500l-7 7",
  duplicate: "M3 8h15M14.5 4.5 18 8l-3.5 3.500M6 16h15M17.5 12.5 21 16l-3.5 3.5",
  hourglass: "M6 3.500h12M6 20.500h12M7.5 3.500c0 8 9 9 9 17M16.5 3.500c0 8-9 9-9 17",
  clock: "M12 3.500a8.5 8.5 0 1 0 .01 0zM12 7.500V12l3.5 2",
  shuffle: "M3.500 7H8l8 10h4.500M3.500 17H8l2.700-3.400M13.300 10.400L16 7h4.500M18 4.500L20.500 7 18 9.500M18 14.500l2.500 2.500-2.500 2.500",
  garble: "M3 12l3-5 4 10 4-10 4 10 3-5",
  disk: "M4.5 6.500c0-4.3 15-4.3 15 0v11c0 4.3-15 4.3-15 0zM4.5 6.500c0 4.3 15 4.3 15 0",
  error: "M12 3.5 21.5 20.500h-19zM12 10v4.500M12 17.400v.2",
  snail: "M3 17.500h18M7 17.500a5 5 0 1 1 5-5",
  fork: "M7 3v5c0 5 10 3 10 13M7 8c0 6-.5 8-.5 13M14 18l3 3 3-3M3.5 18l3 3 3-3",
  start: "M5.5 5v14M19 5 9 12l10 7z",
  previous: "M16.5 5 6.5 12l10 7z",
  next: "M7.5 5l10 7-10 7z",
  play: "M7 4.5 19.5 12 7 19.500z",
  undo: "M8.5 4 4 8.5 8.5 13M4 8.500h10.500a5 5 0 0 1 0 10.500H9",
  redo: "M15.5 4 20 8.5 15.5 13M20 8.500H9.500a5 5 0 0 0 0 10.500H15",
  reset: "M4 5v5h5M4.5 10A8 8 0 1 1 4 13",
  copy: "M8.5 8.500h11v12h-11zM15.5 8.500v-5h-11v12h4",
  minus: "M6 12h12",
  plus: "M6 12h12M12 6v12",
  link: "M4 12h16M4 9v6M20 9v6",
  question: "M8.2 9a3.9 3.9 0 1 1 5.600 3.600c-1.300.7-1.800 1.300-1.800 2.900M12 19.200v.3",
  chain: "M10 14a4 4 0 0 0 5.700 0l3-3a4 4 0 0 0-5.700-5.700l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1-1",
};
const SOLID = new Set(["bolt", "play", "start", "previous", "next"]);

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", SOLID.has(name) ? "ds-icon ds-solid" : "ds-icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name] ?? ICONS.plus);
  svg.append(path);
  return svg;
}

const pathCache = new Map();

/** Draw an icon on a canvas, centred at (x, y), `size` px wide. */
function drawIcon(ctx, name, x, y, size, colour, width = 2.6) {
  if (!pathCache.has(name)) pathCache.set(name, new Path2D(ICONS[name]));
  const path = pathCache.get(name);
  ctx.save();
  ctx.translate(x - size / 2, y - size / 2);
  ctx.scale(size / 24, size / 24);
  ctx.lineWidth = width;
  ctx.lineCap = ctx.lineJoin = "round";
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.setLineDash([]);
  if (SOLID.has(name)) ctx.fill(path);
  ctx.stroke(path);
  ctx.restore();
}

/** A round badge with an icon on it. */
function drawBadge(ctx, name, x, y, fill, ink, radius = 9) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 7);
  ctx.fillStyle = fill;
  ctx.fill();
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = ink;
  ctx.stroke();
  drawIcon(ctx, name, x, y, radius * 1.3, ink, 3.6);
}

/** Trace the outline of a node's shape round (x, y). */
function shapePath(ctx, shape, x, y, r) {
  const corners = { triangle: 3, diamond: 4, pentagon: 5, hexagon: 6, octagon: 8 }[shape];
  ctx.beginPath();
  if (shape === "square") {
    ctx.roundRect(x - r * 0.95, y - r * 0.95, r * 1.9, r * 1.9, r * 0.42);
  } else if (corners) {
    const grow = shape === "triangle" ? 1.2 : 1.1;
    for (let i = 0; i < corners; i += 1) {
      const turn = (2 * Math.PI * i) / corners - Math.PI / 2 + (corners % 4 ? 0 : shape === "octagon" ? Math.PI / 8 : 0);
      ctx.lineTo(x + r * grow * Math.cos(turn), y + r * grow * Math.sin(turn));
    }
    ctx.closePath();
  } else {
    ctx.arc(x, y, r, 0, 7);
  }
}

const widths = new Map();

/** Width of a text in px; measured once for each font. */
function textWidth(ctx, text) {
  const key = ctx.font + text;
  let width = widths.get(key);
  if (width === undefined) {
    if (widths.size > 5000) widths.clear();
    width = ctx.measureText(text).width;
    widths.set(key, width);
  }
  return width;
}

/** Shorten a text to `limit` px. */
function fitted(ctx, text, limit) {
  if (textWidth(ctx, text) <= limit) return text;
  let cut = text.length - 1;
  while (cut > 1 && textWidth(ctx, `${text.slice(0, cut)}…`) > limit) cut -= 1;
  return `${text.slice(0, cut)}…`;
}

/**
 * Lines gathered by their look. Without a graphics card, lines of at most 1 px are ten times
 * cheaper than wider ones and best drawn in one stroke; wider ones are best drawn one by one.
 */
class Strokes {
  constructor() {
    this.looks = new Map();
  }

  line(x1, y1, x2, y2, { colour, width, alpha = 1, dash = [] }) {
    const key = `${colour} ${width} ${alpha} ${dash}`;
    if (!this.looks.has(key)) this.looks.set(key, { colour, width, alpha, dash, lines: [] });
    this.looks.get(key).lines.push([x1, y1, x2, y2]);
  }

  draw(ctx) {
    for (const { colour, width, alpha, dash, lines } of this.looks.values()) {
      ctx.strokeStyle = colour;
      ctx.lineWidth = width;
      ctx.globalAlpha = alpha;
      ctx.setLineDash(dash);
      ctx.beginPath();
      for (const [x1, y1, x2, y2] of lines) {
        if (width > 1) ctx.beginPath();
        ctx.moveTo(x1, y1);
        ctx.lineTo(x2, y2);
        if (width > 1) ctx.stroke();
      }
      if (width <= 1) ctx.stroke();
    }
    ctx.globalAlpha = 1;
    ctx.setLineDash([]);
  }
}

/** A canvas that is as sharp as the screen. */
class Surface {
  constructor(parent, label) {
    this.canvas = h("canvas", { role: "img", "aria-label": label });
    this.ctx = this.canvas.getContext("2d", { alpha: false }); // opaque: cheaper to compose
    this.width = this.height = 0;
    parent.append(this.canvas);
  }

  /** Prepare for drawing at this size (CSS px) on a ground of this colour. */
  begin(width, height, ground) {
    const ratio = window.devicePixelRatio || 1;
    const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== pixels[0] || this.canvas.height !== pixels[1]) {
      [this.canvas.width, this.canvas.height] = pixels;
      this.canvas.style.height = `${height}px`;
    }
    this.width = width;
    this.height = height;
    this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.ctx.fillStyle = ground;
    this.ctx.fillRect(0, 0, width, height);
    return this.ctx;
  }
}

// ---- A run: columns with what is needed to read a moment quickly ------------------------------

const STEP_WHAT = [
  "deliver", "drop", "timer", "invoke", "ok", "fail", "info", "fault", "heal",
  "crash", "start", "pause", "resume", "synced", "undone", "log",
];
const [DELIVERED, LOST, CUT, NODE_DOWN, UNDER_WAY] = [0, 1, 2, 3, 4];
const BUCKETS = 512;

class Run {
  constructor(columns) {
    Object.assign(this, columns);
    this.names = this.nodes.map((node) => node.name);
    this.stepTimes = [...new Set(this.steps.t)].filter((t) => t <= this.duration);
    this.busyUntil = this.faults.reduce((last, fault) => Math.max(last, fault.ends ?? fault.at), this.stepTimes.at(-1) ?? 0);
    this.shownBy = this.split(this.shown);
    this.unsyncedBy = this.split(this.unsynced);
    this.skewBy = this.split(this.skew);
    this.spansBy = this.names.map(() => []);
    this.spans.node.forEach((node, row) => {
      const end = this.spans.to[row] ?? Infinity;
      this.spansBy[node].push({ what: this.spans.what[row], from: this.spans.from[row], to: end, text: this.text(this.spans.text[row]) });
    });
    this.buckets = this.fillBuckets();
  }

  text(number) {
    return number >= 0 ? this.texts[number] : "";
  }

  /** Split a table of changes into one a node: {t: [], v: []}. */
  split(table) {
    const values = table.text ?? table.n ?? table.ms;
    const parts = this.names.map(() => ({ t: [], v: [] }));
    table.node.forEach((node, row) => {
      parts[node].t.push(table.t[row]);
      parts[node].v.push(values[row]);
    });
    return parts;
  }

  /** For each slice of the run, the flights that are under way in it. */
  fillBuckets() {
    const buckets = Array.from({ length: BUCKETS }, () => []);
    const { sent, ended } = this.flights;
    for (let row = 0; row < sent.length; row += 1) {
      const first = this.bucket(sent[row]);
      const last = this.bucket(ended[row] + this.pace);
      for (let i = first; i <= last; i += 1) buckets[i].push(row);
    }
    return buckets;
  }

  bucket(t) {
    return clamp(Math.floor((t / (this.busyUntil || 1)) * BUCKETS), 0, BUCKETS - 1);
  }

  /** Rows of the flights under way at t, or ended at most `linger` ms before. */
  inFlight(t, linger = 0) {
    const { sent, ended } = this.flights;
    return this.buckets[this.bucket(t)].filter((row) => sent[row] <= t && t < ended[row] + linger);
  }

  /** Rows of the flights that touch the time from `low` to `high`. */
  flightsBetween(low, high) {
    const { sent, ended } = this.flights;
    const found = new Set();
    for (let i = this.bucket(low); i <= this.bucket(high); i += 1) {
      for (const row of this.buckets[i]) if (sent[row] <= high && ended[row] >= low) found.add(row);
    }
    return found;
  }

  value(parts, node, t) {
    const part = parts[node];
    const row = after(part.t, t) - 1;
    return row < 0 ? null : { since: part.t[row], value: part.v[row] };
  }

  /** Everything about a node at t that is drawn. */
  node(index, t) {
    const shown = this.value(this.shownBy, index, t);
    const span = (what) => this.spansBy[index].find((s) => s.what === what && s.from <= t && t < s.to);
    return {
      down: span("down"),
      paused: span("paused"),
      syncing: span("syncing"),
      affected: span("affected"),
      changed: shown !== null && shown.since > 0 && t - shown.since <= this.pace * 0.45,
      lines: shown ? this.text(shown.value).split("\n").filter(Boolean) : [],
      unsynced: this.value(this.unsyncedBy, index, t)?.value ?? 0,
      skew: this.value(this.skewBy, index, t)?.value ?? 0,
    };
  }

  wallsAt(t) {
    return this.walls.filter((wall) => wall.from <= t && t < (wall.to ?? Infinity));
  }

  /** Faults of links in force at t: {src, dst, what, value}. */
  linkFaults(t) {
    const { src, dst, what, from, to, value } = this.links;
    const found = [];
    for (let i = 0; i < src.length; i += 1) {
      if (from[i] <= t && t < (to[i] ?? Infinity)) found.push({ src: src[i], dst: dst[i], what: what[i], value: value[i] });
    }
    return found;
  }

  /** What happened at exactly t, as sentences, what matters most first. */
  sentencesAt(t) {
    const { steps } = this;
    const rows = [];
    for (let row = after(steps.t, t - 1e-9); row < steps.t.length && steps.t[row] <= t + 1e-9; row += 1) rows.push(row);
    const what = (row) => STEP_WHAT[steps.what[row]];
    const raised = (row) => what(row) === "crash" && steps.ref[row] >= 0;
    const faulty = rows.some((row) => what(row) === "fault");
    const told = rows.filter((row) => {
      if (what(row) === "start" && steps.ref[row] <= 1) return false;
      return raised(row) || !faulty || !["crash", "pause", "start"].includes(what(row)); // else the fault says so
    });
    const rank = (row) => (raised(row) ? 0 : { fault: 1, heal: 1, crash: 2, ok: 3, fail: 3, info: 3, invoke: 4 }[what(row)] ?? 5);
    return told.sort((a, b) => rank(a) - rank(b) || a - b).map((row) => this.sentence(row)).filter(Boolean);
  }

  sentence(row) {
    const what = STEP_WHAT[this.steps.what[row]];
    const node = this.names[this.steps.node[row]] ?? "";
    const ref = this.steps.ref[row];
    const flight = () => `${this.text(this.flights.label[ref])} from ${this.names[this.flights.src[ref]]}`;
    const op = () => this.text(this.ops.text[ref]);
    const result = () => (this.ops.result[ref] >= 0 ? ` → ${this.text(this.ops.result[ref])}` : "");
    const dropped = () => {
      const why = { [LOST]: "the network loses it", [CUT]: "the link is cut", [NODE_DOWN]: `${node} is down` };
      return `${flight()} does not reach ${node}: ${why[this.flights.fate[ref]]}`;
    };
    const write = {
      deliver: () => `${node} gets ${flight()}`,
      drop: dropped,
      timer: () => `${node}: timer ${this.text(ref)}`,
      invoke: () => `${node} begins ${op()}`,
      ok: () => `${node} is answered: ${op()}${result()}`,
      fail: () => `${node} is told that ${op()} failed`,
      info: () => `${node} gives up on ${op()}: outcome unknown`,
      fault: () => this.faults[ref]?.text,
      heal: () => `over: ${this.faults[ref]?.chip}`,
      crash: () => `${node} stops${ref >= 0 ? `: ${this.text(ref).split("\n").at(-1)}` : ""}`,
      start: () => (ref > 1 ? `${node} starts again` : `${node} starts`),
      pause: () => `${node} stands still`,
      resume: () => `${node} goes on`,
      synced: () => `${node}: ${ref} write${ref === 1 ? "" : "s"} durable`,
      undone: () => `${node} loses ${ref} un-synced write${ref === 1 ? "" : "s"}`,
      log: () => `${node}: ${this.text(ref)}`,
    }[what];
    return write ? write() : "";
  }

  /** Names a flight so that the same one can be found in the other future. */
  flightKey(row) {
    const f = this.flights;
    return `${f.src[row]} ${f.dst[row]} ${f.sent[row]} ${f.ended[row]} ${f.fate[row]} ${this.texts[f.label[row]]}`;
  }

  /** Rows of the flights that the other run does not have. */
  differingFrom(other) {
    const known = new Set(other.flights.src.map((_, row) => other.flightKey(row)));
    return new Set([...this.flights.src.keys()].filter((row) => !known.has(this.flightKey(row))));
  }
}

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
    else if (state.affected) drawBadge(ctx, "snail", x + off, y - off, c.amber, c.background, size);
    if (state.skew && r >= 17) this.drawTag("clock", `${state.skew > 0 ? "+" : "−"}${ms(Math.abs(state.skew))}`, x - off, y - off, c.purple, "right");
    if (r < 17) this.drawSmallBadges(state, x, y, off);
    else if (state.unsynced || state.syncing) this.drawTag("disk", `${state.unsynced}`, x + off, y + off * 0.8, c.amber, "left");
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

// ---- Time axis: faults as chips, ticks, what clients saw, verdict lamps -------------------------

const CHIP_ROW = 25;
const CHIP_ROWS = 3; // further chips stand beside, not above: the axis must stay low
const CLIENT_ROW = 15;

class Axis {
  constructor(player, parent) {
    this.player = player;
    this.box = h("div", { class: "ds-axis", role: "group", "aria-label": "Time axis" });
    this.surface = new Surface(this.box, "Events, operations and verdicts over time");
    this.range = h("input", {
      type: "range", class: "ds-scrub", min: "0", step: "any", "aria-label": "Time",
    });
    this.chips = h("div", { class: "ds-chips" });
    this.lamps = h("div");
    this.moment = h("div", { class: "ds-moment" });
    this.box.append(this.moment, this.range, this.chips, this.lamps);
    parent.append(this.box);
    this.range.addEventListener("input", () => {
      player.pause();
      player.seek(Number(this.range.value));
    });
    this.range.addEventListener("keydown", (event) => this.rangeKey(event));
    this.surface.canvas.addEventListener("pointerdown", (event) => this.press(event));
  }

  setRuns() {
    const { run } = this.player;
    this.range.max = run.duration;
    this.clients = [...new Set(run.ops.client)].sort((a, b) => a - b);
    this.gutter = this.gutterFor(run);
    this.buildChips();
    this.buildLamps();
    this.arrange();
  }

  /** Room left of the axis for the names of its rows. */
  gutterFor(run) {
    const { ctx } = this.surface;
    ctx.font = `400 12px ${FONT}`;
    const names = [...run.verdicts.map((v) => `${v.check}______`), ...this.clients.map((i) => run.names[i]), "time, ms"];
    return clamp(Math.max(...names.map((name) => textWidth(ctx, name))) + 26, 90, 190);
  }

  x(t) {
    return this.gutter + (t / this.player.run.duration) * (this.width - this.gutter - 22);
  }

  timeAt(x) {
    return clamp(((x - this.gutter) / (this.width - this.gutter - 22)) * this.player.run.duration, 0, this.player.run.duration);
  }

  /** Stack the chips and set the rows' places; done when the runs or the width change. */
  arrange() {
    this.width = this.box.clientWidth || 800;
    if (!this.placeChips(false)) this.placeChips(true);
    this.chipRows = 1 + Math.max(0, ...[...this.chips.children].map((chip) => Number(chip.dataset.row)));
    this.line = 6 + this.chipRows * CHIP_ROW + 12;
    this.opsTop = this.line + 24;
    this.lampTop = this.opsTop + this.clients.length * CLIENT_ROW + 6;
    const { verdicts } = this.player.run;
    this.lampTops = [];
    let y = this.lampTop;
    for (const verdict of verdicts) {
      this.lampTops.push(y);
      y += verdict.status === "ok" ? 18 : 32;
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

  /** Place all chips; `brief` ones show their icon only. Returns whether all found room. */
  placeChips(brief) {
    this.chips.classList.toggle("ds-brief", brief);
    const ends = Array(CHIP_ROWS).fill(-Infinity);
    return [...this.chips.children].map((chip) => this.placeChip(chip, ends)).every(Boolean);
  }

  /** Put a chip at its time in the first free row; where none is free, a little to the right. */
  placeChip(chip, ends) {
    const width = chip.offsetWidth || 90;
    const last = this.width - width - 8;
    const wanted = clamp(this.x(Number(chip.dataset.at)) - 11, 8, last);
    let row = ends.findIndex((end) => wanted > end + 4);
    if (row < 0) row = ends.indexOf(Math.min(...ends));
    const left = Math.max(wanted, ends[row] + 5);
    ends[row] = left + width;
    Object.assign(chip.style, { left: `${Math.min(left, last)}px`, top: `${6 + row * CHIP_ROW}px` });
    chip.dataset.row = row;
    return left <= last;
  }

  /** Draw what does not change with time, then the moment. */
  draw(t) {
    if (this.box.clientWidth !== this.width) this.arrange();
    this.c = this.player.colours;
    this.ctx = this.surface.begin(this.width, this.height, this.c.background);
    this.drawSpans();
    this.drawTicks();
    this.drawLine();
    this.drawStems();
    this.drawOperations();
    this.drawVerdicts();
    this.drawParting();
    this.moment.style.height = `${this.height - this.line + 10}px`;
    this.moment.style.top = `${this.line - 14}px`;
    this.show(t);
  }

  /** The moment is an element of its own: while playing, only it moves. */
  show(t) {
    this.moment.style.transform = `translateX(${this.x(t)}px)`;
    this.range.value = t;
    this.range.setAttribute("aria-valuetext", ms(t));
    this.updateLamps(t);
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
    const counts = new Map();
    for (const t of stepTimes) {
      const x = Math.round(this.x(t));
      counts.set(x, (counts.get(x) ?? 0) + 1);
    }
    ctx.fillStyle = c.soft;
    ctx.globalAlpha = 0.6;
    for (const [x, count] of counts) {
      const height = 3 + Math.min(count * 2, 8);
      ctx.fillRect(x, this.line - 2 - height, 1, height);
    }
    ctx.globalAlpha = 1;
  }

  drawLine() {
    const { ctx, c } = this;
    const { duration } = this.player.run;
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
      ctx.fillText(Number(t.toFixed(3)).toLocaleString("en"), this.x(t), this.line + 18);
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
    for (const chip of this.chips.children) {
      if (chip.classList.contains("ds-leaving")) continue;
      const x = Math.round(this.x(Number(chip.dataset.at)));
      const top = 6 + Number(chip.dataset.row) * CHIP_ROW + 20;
      const from = Math.max(x, parseFloat(chip.style.left) + 8);
      ctx.beginPath();
      ctx.moveTo(Math.min(from, parseFloat(chip.style.left) + chip.offsetWidth - 8), top);
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
    ops.client.forEach((client, row) => {
      const y = this.opsTop + this.clients.indexOf(client) * CLIENT_ROW + 4;
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
      if (verdict.status !== "ok") this.writeVerdict(verdict, y + 20);
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

  // Chips

  buildChips() {
    const { run, view, live, player } = { ...this.player, player: this.player, live: this.player.live };
    const editable = live && player.showsOwn;
    const focused = document.activeElement?.closest?.(".ds-chip");
    const had = focused && this.chips.contains(focused) ? focused.dataset.index : null;
    const chips = run.faults.map((fault) => this.chip(fault, editable, view.icons[fault.what] ?? "error"));
    this.chips.replaceChildren(...chips);
    if (had !== null) (chips[Math.min(had, chips.length - 1)]?.firstChild ?? this.range).focus({ preventScroll: true });
  }

  chip(fault, editable, iconName) {
    const colour = ["Pause", "Restart"].includes(fault.what) ? "amber" : fault.what === "ClockSkew" ? "purple" : "vermilion";
    const grip = h("button", {
      type: "button", class: "ds-grip", title: fault.text,
      "aria-label": `${fault.text}. ${editable ? "Arrow keys move it by 1 ms, with Shift by 10 ms; Delete removes it; Enter goes there" : "Press Enter to go there"}`,
    }, icon(iconName), h("span", {}, fault.chip));
    const chip = h("div", {
      class: editable ? "ds-chip" : "ds-chip ds-fixed", style: `--ds-chip: var(--ds-${colour})`,
      "data-index": fault.index, "data-at": fault.at, "data-colour": colour,
    }, grip);
    grip.addEventListener("keydown", (event) => this.chipKey(event, fault, editable));
    grip.addEventListener("click", () => this.player.goTo(fault.at));
    if (editable) {
      const off = h("button", { type: "button", class: "ds-off", "aria-label": `Remove: ${fault.text}` }, icon("cross"));
      off.addEventListener("click", () => this.player.send({ do: "remove", index: fault.index }));
      chip.append(off);
      grip.addEventListener("pointerdown", (event) => this.drag(event, chip, fault));
    }
    return chip;
  }

  chipKey(event, fault, editable) {
    const step = (event.shiftKey ? 10 : 1) * ({ ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0);
    if (!editable || (!step && event.key !== "Delete" && event.key !== "Backspace")) return;
    event.preventDefault();
    event.stopPropagation();
    if (!step) this.player.send({ do: "remove", index: fault.index });
    else this.player.send({ do: "move", index: fault.index, at: this.player.tidy(fault.at + step) });
  }

  /** Drag a chip along the axis, or off it to remove it; a plain click goes to its time. */
  drag(event, chip, fault) {
    if (event.button !== 0) return;
    const grip = chip.firstChild;
    const start = { x: event.clientX, y: event.clientY };
    const grabbed = event.clientX - this.box.getBoundingClientRect().left - this.x(fault.at);
    let moved = false;
    let at = fault.at;
    const move = (now) => {
      const box = this.box.getBoundingClientRect();
      if (Math.hypot(now.clientX - start.x, now.clientY - start.y) > 4) moved = true;
      if (!moved) return;
      at = this.player.tidy(this.timeAt(now.clientX - box.left - grabbed));
      chip.classList.add("ds-dragging");
      chip.classList.toggle("ds-leaving", Math.abs(now.clientY - start.y) > 44);
      chip.dataset.at = at;
      grip.lastChild.textContent = chip.classList.contains("ds-leaving") ? "let go to remove" : `${ms(at)} · ${fault.chip}`;
      chip.style.left = `${clamp(this.x(at) - 11, 8, this.width - chip.offsetWidth - 8)}px`;
      this.player.invalidate();
    };
    const drop = (now) => {
      grip.removeEventListener("pointermove", move);
      grip.removeEventListener("pointerup", drop);
      grip.removeEventListener("pointercancel", drop);
      if (!moved) return;
      grip.addEventListener("click", (click) => click.stopImmediatePropagation(), { capture: true, once: true });
      const leaving = chip.classList.contains("ds-leaving");
      if (now.type === "pointercancel" || (!leaving && at === fault.at)) this.setRuns();
      else if (leaving) this.player.send({ do: "remove", index: fault.index });
      else this.player.send({ do: "move", index: fault.index, at });
    };
    grip.setPointerCapture(event.pointerId);
    grip.addEventListener("pointermove", move);
    grip.addEventListener("pointerup", drop);
    grip.addEventListener("pointercancel", drop);
  }

  // Lamps

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
        light.style.color = `var(--ds-${{ ok: "green", violated: "vermilion", undecided: "amber" }[state]})`;
      }
      lamp.setAttribute("aria-pressed", String(this.player.marked.verdict === i));
    });
  }
}

// ---- Menus: faults for a node, a link, a group ------------------------------------------------

class Menu {
  constructor(player) {
    this.player = player;
    this.box = h("div", { class: "ds-menu", role: "dialog", hidden: true });
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.outside = (event) => {
      if (!this.box.hidden && !event.composedPath().includes(this.box)) this.close(false);
    };
    document.addEventListener("pointerdown", this.outside, true);
    player.root.append(this.box);
  }

  destroy() {
    document.removeEventListener("pointerdown", this.outside, true);
  }

  /** Show `content` near a point of the stage; focus returns to `opener` afterwards. */
  open(title, detail, content, at, opener) {
    this.opener = opener ?? document.activeElement;
    this.box.setAttribute("aria-label", `${title}, ${detail}`);
    this.box.replaceChildren(h("h3", {}, title, h("small", {}, detail)), ...content);
    this.box.hidden = false;
    const root = this.player.root.getBoundingClientRect();
    const stage = this.player.stage.box.getBoundingClientRect();
    const left = stage.left - root.left + at.x;
    const top = stage.top - root.top + at.y;
    Object.assign(this.box.style, {
      left: `${clamp(left, 6, root.width - this.box.offsetWidth - 8)}px`,
      top: `${clamp(top, 6, Math.max(6, root.height - this.box.offsetHeight - 8))}px`,
    });
    this.box.querySelector("select, input, button").focus({ preventScroll: true });
  }

  close(refocus = true) {
    if (this.box.hidden) return;
    this.box.hidden = true;
    if (refocus && this.opener?.isConnected) this.opener.focus({ preventScroll: true });
  }

  key(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
      return;
    }
    const stops = [...this.box.querySelectorAll("button, input, select")];
    const here = stops.indexOf(document.activeElement);
    if (event.key === "Tab") {
      event.preventDefault();
      stops[(here + (event.shiftKey ? -1 : 1) + stops.length) % stops.length].focus();
    } else if (["ArrowDown", "ArrowUp"].includes(event.key) && document.activeElement.tagName === "BUTTON") {
      event.preventDefault();
      const buttons = stops.filter((stop) => stop.tagName === "BUTTON");
      const next = buttons.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      buttons[(next + buttons.length) % buttons.length].focus();
    }
  }

  /** One row: a button, and the numbers its fault asks for. `target` adds what is hit. */
  item(entry, target) {
    const inputs = entry.fields.map((field) => [field, this.numberField(field)]);
    const apply = () => {
      const fault = { fault: entry.fault, at: this.player.now(), ...target() };
      for (const [field, input] of inputs) {
        const value = input.querySelector("input").value;
        if (value !== "") fault[field.name] = Number(value);
      }
      this.player.inject(fault);
    };
    const button = h("button", { type: "button", onclick: apply }, icon(this.player.view.icons[entry.fault]), entry.label);
    const row = h("div", { class: "ds-item" }, button, ...inputs.map(([, label]) => label));
    row.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.tagName === "INPUT") apply();
    });
    return row;
  }

  numberField(field) {
    const input = h("input", {
      type: "number", value: field.default, min: field.low, max: field.high, step: field.step,
    });
    if (field.name === "duration") input.title = "Leave empty for the rest of the run";
    return h("label", {}, field.word, input, field.unit);
  }

  forNode(index, opener) {
    const { player } = this;
    const { run, view, stage } = player;
    const name = run.names[index];
    const down = Boolean(run.node(index, player.t).down);
    const entries = view.menus.node.filter((entry) => !entry.when || entry.when === (down ? "down" : "up"));
    const target = (entry) => () => (entry.fault === "PowerLoss" ? { targets: [name] } : { node: name });
    const items = entries.map((entry) => this.item(entry, target(entry)));
    const alone = view.menus.group.map((entry) => this.item(entry, () => ({ a: [name] })));
    const spot = stage.spots[index];
    const links = this.linkChooser(index, spot);
    const at = { x: spot.x + stage.radius + 10, y: spot.y - stage.radius };
    this.open(name, `at ${ms(player.now())}`, [...items, h("hr"), ...alone, ...links], at, opener);
  }

  /** The way to a link's menu by keyboard: choose the other end. */
  linkChooser(index, spot) {
    const { run, stage } = this.player;
    const others = stage.edges.filter((edge) => edge.includes(index)).map(([a, b]) => (a === index ? b : a));
    if (!others.length) return [];
    const select = h("select", { "aria-label": "Other end of the link" });
    select.append(...others.map((other) => h("option", { value: other }, run.names[other])));
    const opener = this.opener;
    const go = h("button", { type: "button", onclick: () => this.forLink(index, Number(select.value), spot, opener) }, icon("link"), "Link with …");
    return [h("div", { class: "ds-item" }, go, h("label", {}, select))];
  }

  forLink(a, b, at, opener) {
    const { run, view, t } = { run: this.player.run, view: this.player.view, t: this.player.now() };
    const names = [run.names[a], run.names[b]];
    const way = h("select", { "aria-label": "Direction" },
      h("option", { value: "0" }, `${names[0]} → ${names[1]}`),
      h("option", { value: "1" }, `${names[1]} → ${names[0]}`),
    );
    const target = () => (way.value === "0" ? { src: names[0], dst: names[1] } : { src: names[1], dst: names[0] });
    const items = view.menus.link.map((entry) => this.item(entry, target));
    const both = view.menus.group.map((entry) => this.item({ ...entry, label: "Cut both ways" }, () => ({ a: [names[0]], b: [names[1]] })));
    this.open(`${names[0]} – ${names[1]}`, `at ${ms(t)}`, [h("div", { class: "ds-row" }, way), ...items, h("hr"), ...both], at, opener);
  }

  /** Choose an operation to be explained: those without an answer first, then what a check names. */
  forWhy(opener) {
    const { player } = this;
    const { ops, names } = player.run;
    const named = new Set(player.run.verdicts.filter((v) => v.status === "violated").flatMap((v) => v.ops));
    const rank = (row) => (named.has(row) ? 0 : ops.status[row] !== "ok" ? 1 : 2);
    const rows = [...ops.id.keys()].sort((a, b) => rank(a) - rank(b) || a - b).slice(0, 40);
    const items = rows.map((row) => {
      const ask = h("button", { type: "button", onclick: () => player.askWhy(row) }, icon("question"), player.operationWords(row));
      return h("div", { class: "ds-item" }, ask);
    });
    const box = player.controls.getBoundingClientRect();
    const stage = player.stage.box.getBoundingClientRect();
    const at = { x: opener.getBoundingClientRect().left - stage.left - 120, y: Math.max(20, box.top - stage.top - 330) };
    this.open("Why?", `${names.length} nodes, ${ops.id.length} operations`, [h("div", { class: "ds-scroll" }, ...items)], at, opener);
  }

  forGroup(chosen, at, opener) {
    const { run, view } = this.player;
    const boxes = run.names.map((name, i) => h("input", { type: "checkbox", value: name, checked: chosen.includes(i) }));
    const group = () => boxes.filter((box) => box.checked).map((box) => box.value);
    const items = view.menus.group.map((entry) => this.item(entry, () => ({ a: group() })));
    const labels = boxes.map((box, i) => h("label", {}, box, run.names[i]));
    this.open("Partition", `at ${ms(this.player.now())}`, [h("div", { class: "ds-boxes", role: "group", "aria-label": "Nodes to cut off" }, ...labels), ...items], at, opener);
    if (chosen.length) this.box.querySelector(".ds-item button").focus({ preventScroll: true });
  }
}

// ---- The player -------------------------------------------------------------------------------

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8, 16];
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
    this.linkButton = h("button", { type: "button", class: "ds-btn", title: "Copy a link to this moment of these futures", onclick: () => this.copyLink() }, icon("chain"), "copy link");
    const button = (name, text, label, act) =>
      h("button", { type: "button", class: "ds-btn", "aria-label": label, onclick: act }, icon(name), h("span", { class: "ds-wide" }, text));
    this.controls = h("div", { class: "ds-controls", role: "group", "aria-label": "Controls" },
      button("start", "start", "Go to the start", () => this.goTo(0)),
      button("previous", "event", "Previous event", () => this.stepTo(-1, true)),
      this.playButton,
      button("next", "event", "Next event", () => this.stepTo(1, true)),
      this.speedBox, this.paceText, h("span", { class: "ds-space" }), this.whyButton, this.linkButton, this.partitionButton,
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
    if (!first && view.problem) return;
    this.runs = runs.map((columns) => (columns instanceof Run ? columns : new Run(columns)));
    this.trim();
    if (changed) this.active = this.runs.length - 1;
    this.active = Math.min(this.active, this.runs.length - 1);
    if (first) {
      this.t = view.at ?? 0;
      this.setSpeed(view.speed ?? 1);
    }
    this.setTheme();
    this.select();
    const steps = changed && !first ? view.why?.steps ?? [] : [];
    if (steps.length) this.goMarked(steps.at(-1).t);
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
    this.differing = {
      own: this.other ? this.run.differingFrom(this.other) : new Set(),
      other: this.other ? this.other.differingFrom(this.run) : new Set(),
    };
    this.marked = noMarks();
    this.t = clamp(this.t, 0, this.run.duration);
    this.stageHeight = this.view.height ?? this.defaultHeight();
    this.stage.setRuns(this.runs);
    this.spacetime.setRuns(this.runs);
    this.axis.setRuns();
    this.fillHead();
    this.fillLegend();
    this.fillControls();
    this.fillTable();
    this.fillSay();
    this.markWhy();
    this.drawNow();
  }

  defaultHeight() {
    const rows = new Map();
    for (const node of this.run.nodes) rows.set(Math.round(node.x * 4), (rows.get(Math.round(node.x * 4)) ?? 0) + 1);
    const most = Math.max(...rows.values(), this.run.nodes.length > 8 ? 5 : 0);
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
    if (has("affected")) sample("snail", "amber", "slowed");
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
      const passed = this.last === null ? 16 : now - this.last;
      this.advance(now);
      this.drawMoving(passed);
      this.invalidate();
    });
  }

  drawNow() {
    this.stage.draw(this.t);
    this.spacetime.draw(this.t);
    this.axis.draw(this.t);
    this.showCaption();
    if (!this.playing) this.stage.describe(this.t);
  }

  /** One frame of a playing run. The diagram scrolls slowly: every second frame does, and on a
      machine that cannot keep up every fourth. */
  drawMoving(passed) {
    this.lag = 0.9 * (this.lag ?? 16) + 0.1 * passed;
    this.count = ((this.count ?? 0) + 1) % (this.lag > 20 ? 4 : 2);
    this.stage.draw(this.t);
    if (this.count === 0 || !this.playing) this.spacetime.draw(this.t);
    this.axis.show(this.t);
    this.showCaption();
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
    this.nowText.textContent = ms(this.t);
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

  /** Note how long it took from the click to the new picture (read by tests and the benchmark). */
  noteLatency() {
    if (this.sentAt === undefined) return;
    const { sentAt } = this;
    this.sentAt = undefined;
    requestAnimationFrame(() => {
      this.root.dataset.latency = (performance.now() - sentAt).toFixed(1);
      this.root.dataset.revision = this.view.revision;
    });
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

  resized() {
    if (!this.run || !this.root.clientWidth) return;
    this.stage.place();
    this.axis.arrange();
    this.invalidate();
  }

  setTheme() {
    if (!this.view) return;
    const mode = themeMode(this.view.theme, this.dark);
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

// ---- Entry points -------------------------------------------------------------------------------

/** Show a player in `el`. Returns {update(payload), destroy(), player}. */
export function mount(el, payload, hooks) {
  const player = new PlayerView(el, hooks);
  player.update(payload);
  if (!hooks?.send) player.followAddress();
  return {
    player,
    update(next) {
      player.update(next);
      player.noteLatency();
    },
    destroy: () => player.destroy(),
  };
}

/** The payload in an anywidget model. Runs that did not change are not parsed again. */
function reader(model) {
  const known = new Map();
  const parse = (name) => {
    const bytes = model.get(name);
    if (!bytes?.byteLength) return null;
    if (known.get(name)?.bytes !== bytes) {
      known.set(name, { bytes, run: new Run(JSON.parse(new TextDecoder().decode(bytes))) });
    }
    return known.get(name).run;
  };
  return () => ({ runs: [parse("_scripted"), parse("_edited")].filter(Boolean), view: model.get("_view") });
}

function render({ model, el }) {
  const read = reader(model);
  const mounted = mount(el, read(), { send: (message) => model.send(message) });
  const changed = () => mounted.update(read());
  model.on("change:_view", changed);
  return () => {
    model.off("change:_view", changed);
    mounted.destroy();
  };
}

export default { render };
