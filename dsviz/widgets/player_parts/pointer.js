// ---- The pointer on the stage: links under it, tips, the lasso ----------------------------------

class StagePointer {
  constructor(stage) {
    this.stage = stage;
    this.lasso = null;
    this.hover = null; // the link under the pointer
    this.listen();
  }

  listen() {
    const { canvas } = this.stage.surface;
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerleave", () => this.setHover(null));
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointercancel", () => this.dropLasso());
  }

  point(event) {
    const box = this.stage.surface.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  move(event) {
    const at = this.point(event);
    if (this.lasso) {
      this.lasso.push(at);
      this.stage.player.invalidate();
      return;
    }
    this.showTip(at);
    this.setHover(this.stage.player.live ? this.edgeAt(at) : null);
  }

  setHover(edge) {
    if (edge === null) this.stage.tip.hidden = this.stage.tip.hidden || !this.stage.tip.dataset.message;
    this.stage.surface.canvas.style.cursor = edge !== null ? "pointer" : this.stage.player.live ? "crosshair" : "default";
    if (edge === this.hover) return;
    this.hover = edge;
    this.stage.player.invalidate();
  }

  showTip(at) {
    const near = this.stage.messages.near(at);
    this.stage.tip.hidden = !near;
    if (!near) return;
    const { run } = this.stage.player;
    const f = run.flights;
    this.stage.tip.textContent = `${near.label}: ${run.names[near.src]} → ${run.names[near.dst]}, sent at ${ms(f.sent[near.row])}`;
    const left = clamp(at.x + 12, 4, this.stage.width - 250);
    Object.assign(this.stage.tip.style, { left: `${left}px`, top: `${at.y > 40 ? at.y - 34 : at.y + 16}px` });
  }

  edgeAt({ x, y }) {
    let best = null;
    let least = 8;
    this.stage.edges.forEach(([a, b], i) => {
      const away = distanceToSegment(x, y, this.stage.spots[a], this.stage.spots[b]);
      if (away < least) [best, least] = [i, away];
    });
    return best;
  }

  press(event) {
    if (!this.stage.player.live || event.button !== 0) return;
    this.stage.surface.canvas.setPointerCapture(event.pointerId);
    this.lasso = [this.point(event)];
  }

  release(event) {
    const lasso = this.lasso;
    this.dropLasso();
    if (!lasso) return;
    const at = this.point(event);
    const length = lasso.reduce((sum, p, i) => sum + (i ? Math.hypot(p.x - lasso[i - 1].x, p.y - lasso[i - 1].y) : 0), 0);
    if (length > 24) {
      const caught = this.stage.spots.flatMap((spot, i) => (insidePolygon(spot, lasso) ? [i] : []));
      if (caught.length) this.stage.player.openGroupMenu(caught, at);
      return;
    }
    const edge = this.edgeAt(at);
    if (edge !== null) this.stage.player.openLinkMenu(...this.stage.edges[edge], at);
  }

  dropLasso() {
    this.lasso = null;
    this.stage.player.invalidate();
  }

  /** Draw the line, and a ring round each node in it. */
  draw(ctx) {
    const { lasso } = this;
    if (!lasso) return;
    const { c, radius, player } = this.stage;
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
    this.stage.spots.forEach((spot, i) => {
      if (lasso.length > 3 && insidePolygon(spot, lasso)) halo(ctx, player.run.nodes[i].shape, spot.x, spot.y, radius + 6, c.vermilion);
    });
  }
}
