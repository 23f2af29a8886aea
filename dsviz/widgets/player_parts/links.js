// ---- Links of the cluster: edges, partition walls, marks of faults ------------------------------

/** Paints what lies under the messages, all over. It changes only with faults, so a layer keeps it. */
class LinkPainter {
  constructor(stage) {
    this.stage = stage;
    this.layer = new Layer({ read: true });
    this.outlines = new Map();
  }

  /** Bring the layer up to date with time t. */
  refresh(t) {
    const { stage } = this;
    const { run } = stage.player;
    this.faults = run.linkFaults(t);
    this.active = run.wallsAt(t);
    const down = stage.states.map((state) => (state.down ? 1 : 0)).join("");
    const faults = this.faults.map((f) => `${f.src} ${f.dst} ${f.what} ${f.value}`).join();
    const walls = this.active.map((wall) => `${wall.a} | ${wall.b}`).join();
    const key = `${stage.version} ${stage.pointer.hover} ${down} ${faults} ${walls}`;
    this.layer.refresh(key, stage.width, stage.height, (layer) => this.paint(layer));
  }

  paint(ctx) {
    this.ctx = ctx;
    ctx.fillStyle = this.stage.c.background;
    ctx.fillRect(0, 0, this.stage.width, this.stage.height);
    this.drawEdges();
    for (const wall of this.active) this.drawWall(wall);
    this.drawLinkMarks();
  }

  blocked(src, dst) {
    const cut = this.faults.some((f) => f.what === "cut" && matches(f, src, dst));
    return cut || this.active.some((wall) => separates(wall, src, dst));
  }

  drawEdges() {
    const { c, states } = this.stage;
    const strokes = new Strokes();
    const faint = this.stage.edges.length > 40 ? 0.35 : 0.6;
    this.stage.edges.forEach(([a, b], i) => {
      const dead = states[a].down || states[b].down;
      const cut = this.blocked(a, b) || this.blocked(b, a);
      const look = { colour: c.edge, width: this.stage.edges.length > 40 ? 1 : 1.2, alpha: faint };
      if (dead || cut) Object.assign(look, { width: 1, alpha: dead ? 0.35 : 0.6, dash: [2, 5] });
      if (this.stage.pointer.hover === i) Object.assign(look, { colour: c.blue, width: 2.4, alpha: 1 });
      strokes.line(this.stage.spots[a].x, this.stage.spots[a].y, this.stage.spots[b].x, this.stage.spots[b].y, look);
    });
    strokes.draw(this.ctx);
  }

  /** Glyphs on links with a fault: one-way cuts, loss, repetition, delay. */
  drawLinkMarks() {
    const used = new Map();
    for (const fault of this.faults) {
      if (fault.src < 0 && fault.dst < 0) continue;
      for (const [a, b] of this.stage.edges) {
        for (const [src, dst] of [[a, b], [b, a]]) {
          if (!matches(fault, src, dst)) continue;
          const nth = used.get(`${src} ${dst}`) ?? 0;
          used.set(`${src} ${dst}`, nth + 1);
          const spot = this.stage.along(src, dst, 0.5 + 0.14 * nth, 0);
          if (fault.what === "cut") this.drawCut(src, dst, spot);
          else this.drawMark(fault, spot.x, spot.y);
        }
      }
    }
  }

  drawCut(src, dst, spot) {
    const { ctx } = this;
    const { c } = this.stage;
    const [from, to] = [this.stage.spots[src], this.stage.spots[dst]];
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
    const { ctx } = this;
    const { c } = this.stage;
    const text = linkWords(fault);
    const name = { loss: "loss", duplicate: "duplicate", delay: "hourglass", reorder: "shuffle", corrupt: "garble" }[fault.what] ?? "error";
    ctx.font = `600 11px ${FONT}`;
    const width = textWidth(ctx, text) + 30;
    const left = clamp(x - width / 2, 6, this.stage.width - width - 6);
    ctx.beginPath();
    ctx.roundRect(left, y - 10, width, 20, 6);
    ctx.fillStyle = c.fill_alarm;
    ctx.fill();
    ctx.lineWidth = 1.2;
    ctx.strokeStyle = ctx.fillStyle = c.vermilion;
    ctx.stroke();
    drawIcon(ctx, name, left + 13, y, 13, c.vermilion);
    ctx.textAlign = "left";
    ctx.fillText(text, left + 23, y + 4);
  }

  /** A wall between two groups of nodes: the line whose points are equally far from both. */
  drawWall(wall) {
    const key = `${wall.a} | ${wall.b}`;
    if (!this.outlines.has(key)) this.outlines.set(key, this.wallPath(wall));
    const { ctx } = this;
    const { c } = this.stage;
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
    const outside = wall.b.length ? wall.b : this.stage.names.map((_, i) => i).filter((i) => !inside.has(i));
    const reach = (group, x, y) => Math.min(...group.map((i) => Math.hypot(this.stage.spots[i].x - x, this.stage.spots[i].y - y)));
    const field = (x, y) => reach(wall.a, x, y) - reach(outside, x, y);
    return contour(field, this.stage.width, this.stage.height, 10);
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
