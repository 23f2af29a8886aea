// ---- A run: columns with what is needed to read a moment quickly ------------------------------

const STEP_WHAT = [
  "deliver", "drop", "timer", "invoke", "ok", "fail", "info", "fault", "heal",
  "crash", "start", "pause", "resume", "synced", "undone", "log",
];
const [DELIVERED, LOST, CUT, NODE_DOWN, UNDER_WAY] = [0, 1, 2, 3, 4];
const BUCKETS = 512;
const JUST_CHANGED = 0.45; // of a second at 1×: how long a changed node is marked

class Run {
  constructor(columns) {
    Object.assign(this, columns);
    this.verdicts ??= [];
    this.names = this.nodes.map((node) => node.name);
    this.stepTimes = this.times();
    this.busyUntil = this.faults.reduce((last, fault) => Math.max(last, fault.ends ?? fault.at), this.stepTimes.at(-1) ?? 0);
    this.shownBy = this.split(this.shown);
    this.unsyncedBy = this.split(this.unsynced);
    this.waitingBy = this.split(this.waiting ?? { node: [], t: [], n: [] });
    this.skewBy = this.split(this.skew);
    this.spansBy = this.names.map(() => []);
    this.spans.node.forEach((node, row) => {
      const end = this.spans.to[row] ?? Infinity;
      this.spansBy[node].push({ what: this.spans.what[row], from: this.spans.from[row], to: end, text: this.text(this.spans.text[row]) });
    });
    this.spansOf = this.spansBy.map(sortedSpans);
    this.lines = new Map();
  }

  /** The different times at which something happens within the run. */
  times() {
    const { t } = this.steps;
    const times = new Float64Array(t.length);
    let count = 0;
    for (let row = 0; row < t.length && t[row] <= this.duration; row += 1) {
      if (!count || t[row] !== times[count - 1]) times[count++] = t[row];
    }
    return times.subarray(0, count);
  }

  /** For each slice of the run, the flights that are under way in it; made when first needed. */
  get buckets() {
    this.filled ??= this.fillBuckets();
    return this.filled;
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

  /** Rows of the flights that may be under way at t, or have ended a little before. */
  bucketAt(t) {
    return this.buckets[this.bucket(t)];
  }

  /** Rows of the flights under way at t. */
  inFlight(t) {
    const { sent, ended } = this.flights;
    return this.bucketAt(t).filter((row) => sent[row] <= t && t < ended[row]);
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

  /** How often anything but a message has changed its look until t. */
  changesUntil(t) {
    this.changes ??= this.changeTimes();
    return after(this.changes, t);
  }

  /** When nodes, links and walls look different from before, in order. */
  changeTimes() {
    const { shown, unsynced, waiting, skew, spans, links, walls } = this;
    const settled = shown.t.map((t) => t + this.pace * JUST_CHANGED);
    const spanned = [...spans.from, ...spans.to, ...links.from, ...links.to, ...walls.flatMap(({ from, to }) => [from, to])];
    const times = [...shown.t, ...settled, ...unsynced.t, ...(waiting?.t ?? []), ...skew.t, ...spanned];
    return Float64Array.from(times.filter((t) => t !== null)).sort();
  }

  value(parts, node, t) {
    const part = parts[node];
    const row = after(part.t, t) - 1;
    return row < 0 ? null : { since: part.t[row], value: part.v[row] };
  }

  /** Everything about a node at t that is drawn. */
  node(index, t) {
    const shown = this.value(this.shownBy, index, t);
    const span = (what) => spanAt(this.spansOf[index].get(what), t);
    return {
      down: span("down"),
      paused: span("paused"),
      syncing: span("syncing"),
      affected: span("affected"),
      changed: shown !== null && shown.since > 0 && t < shown.since + this.pace * JUST_CHANGED,
      lines: shown ? this.linesOf(shown.value) : [],
      unsynced: this.value(this.unsyncedBy, index, t)?.value ?? 0,
      waiting: this.value(this.waitingBy, index, t)?.value ?? 0,
      skew: this.value(this.skewBy, index, t)?.value ?? 0,
    };
  }

  linesOf(text) {
    let lines = this.lines.get(text);
    if (!lines) this.lines.set(text, (lines = this.text(text).split("\n").filter(Boolean)));
    return lines;
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

  /** How many flights ended within the run: these stand in the order in which they did. */
  get endedCount() {
    const { fate } = this.flights;
    let count = fate.length;
    while (count > 0 && fate[count - 1] === UNDER_WAY) count -= 1;
    return count;
  }
}

/** Which flights of one run another does not have. Looked up one by one: few are ever drawn. */
class Difference {
  constructor(own, other) {
    this.own = own;
    this.other = other;
    this.known = new Int8Array(other ? own.flights.src.length : 0); // 1: in both, 2: only here
    this.count = other?.endedCount;
  }

  has(row) {
    if (!this.other) return false;
    if (!this.known[row]) this.known[row] = this.find(row) ? 1 : 2;
    return this.known[row] === 2;
  }

  find(row) {
    const { ended } = this.own.flights;
    const theirs = this.other.flights;
    const first = this.own.flights.fate[row] === UNDER_WAY ? this.count : after(theirs.ended, ended[row] - 1e-9, this.count);
    for (let i = first; i < theirs.src.length; i += 1) {
      if (i < this.count && theirs.ended[i] > ended[row]) return false;
      if (this.same(row, i)) return true;
    }
    return false;
  }

  same(row, place) {
    const [a, b] = [this.own.flights, this.other.flights];
    return a.ended[row] === b.ended[place] && a.sent[row] === b.sent[place] && a.src[row] === b.src[place]
      && a.dst[row] === b.dst[place] && a.fate[row] === b.fate[place]
      && this.own.text(a.label[row]) === this.other.text(b.label[place]);
  }
}

/** Spans of one node by what they are, each list by its beginnings; `until` is the latest end so far. */
function sortedSpans(spans) {
  const lists = new Map();
  for (const span of spans) {
    if (!lists.has(span.what)) lists.set(span.what, []);
    lists.get(span.what).push(span);
  }
  for (const [what, list] of lists) {
    list.sort((a, b) => a.from - b.from);
    let until = -Infinity;
    lists.set(what, { list, from: list.map((span) => span.from), until: list.map((span) => (until = Math.max(until, span.to))) });
  }
  return lists;
}

/** The span in force at t that began first. */
function spanAt(spans, t) {
  let found;
  if (!spans) return found;
  for (let i = after(spans.from, t) - 1; i >= 0 && spans.until[i] > t; i -= 1) {
    if (t < spans.list[i].to) found = spans.list[i];
  }
  return found;
}

/** The icon of a fault that a node suffers but that its process does not notice. */
const AFFECTED = { "clock drift": "clock", "disk stall": "disk", "disk error": "error" };
