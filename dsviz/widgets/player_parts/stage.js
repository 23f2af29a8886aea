// ---- The cluster at one moment ----------------------------------------------------------------

/**
 * Places the nodes and puts the picture together of what painters draw: links and faults below,
 * messages on them, nodes on top. Only messages move in each frame: what lies under them is kept
 * in a layer, and nodes have a canvas of their own, which the browser lays over them unasked.
 */
class Stage {
  constructor(player, parent) {
    this.player = player;
    this.box = h("div", { class: "ds-stage", role: "group", "aria-label": "Cluster" });
    this.surface = new Surface(this.box, "The cluster at this moment; described in the caption");
    this.nodes = new NodePainter(this);
    this.buttons = h("div");
    this.tip = h("div", { class: "ds-tip", hidden: true });
    this.box.append(this.buttons, this.tip);
    parent.append(this.box);
    this.links = new LinkPainter(this);
    this.messages = new MessagePainter(this);
    this.pointer = new StagePointer(this);
    this.version = 0; // grows with all that makes layers be painted anew
  }

  /** The runs have changed: nodes and edges are those of all runs, so that nothing moves. */
  setRuns(runs) {
    const run = runs[0];
    this.names = run.names;
    const pairs = new Map();
    for (const each of runs) for (const [a, b] of each.edges) pairs.set(`${a} ${b}`, [a, b]);
    this.edges = [...pairs.values()];
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

  /** Compute where everything goes for the present size, unless it stands there already. */
  place() {
    const run = this.player.run;
    const width = this.player.sizes.stage;
    const height = this.player.stageHeight;
    const key = JSON.stringify([run.nodes, this.edges, width, height]);
    if (key === this.placed) return;
    this.placed = key;
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
    this.links.outlines.clear();
    this.ways = new Map();
    this.version += 1;
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
    const fits = (name, size) => {
      ruler.font = `700 ${size}px ${FONT}`;
      return textWidth(ruler, name) <= 2 * this.radius - 7;
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
    let width = 2 * Math.min(spot.x, this.width - spot.x) - 6;
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
    if (this.looksNew(t)) {
      this.states = this.player.run.nodes.map((_, i) => this.player.run.node(i, t));
      this.links.refresh(t);
      this.nodes.refresh();
    }
    this.messages.draw(this.surface.begin(this.width, this.height), t, this.links.layer);
  }

  /** Whether anything but messages may look different from the picture before. */
  looksNew(t) {
    const { run, colours, marked, playing } = this.player;
    if (this.c !== colours) this.version += 1;
    this.c = colours;
    const changes = playing ? run.changesUntil(t) : NaN; // which differs from itself
    const seen = [changes, this.version, this.pointer.hover, this.pointer.lasso?.length, marked, window.devicePixelRatio];
    const same = this.seen?.every((part, i) => part === seen[i]);
    this.seen = seen;
    return !same;
  }

  /** The way from one node's border to another's, a little right of the line: begin and stretch. */
  way(src, dst, aside = 5) {
    const key = (src * this.spots.length + dst) * 16 + aside;
    let way = this.ways.get(key);
    if (!way) {
      const [from, to] = [this.spots[src], this.spots[dst]];
      const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
      const [ux, uy] = [(to.x - from.x) / length, (to.y - from.y) / length];
      const start = Math.min(this.radius + 4, length * 0.3);
      const stretch = Math.max(length - 2 * start, 1);
      way = {
        x: from.x + ux * start - uy * aside, y: from.y + uy * start + ux * aside,
        dx: ux * stretch, dy: uy * stretch, ux, uy,
      };
      this.ways.set(key, way);
    }
    return way;
  }

  /** The point at fraction f of a way. */
  along(src, dst, f, aside = 5) {
    const { x, y, dx, dy, ux, uy } = this.way(src, dst, aside);
    return { x: x + dx * f, y: y + dy * f, ux, uy };
  }

  /** What a screen reader says of a node. */
  describe() {
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
