// ---- Nodes: shape, name, what they hold, badges -------------------------------------------------

/** Paints the nodes on a canvas above the messages, anew only when one of them has changed. */
class NodePainter {
  constructor(stage) {
    this.stage = stage;
    this.surface = new Surface(stage.box);
  }

  refresh() {
    const { stage } = this;
    const { lasso } = stage.pointer;
    const key = `${stage.version} ${[...stage.player.marked.nodes]} ${lasso?.length} ${window.devicePixelRatio} ${stage.states.map(stateKey)}`;
    if (key === this.key) return;
    this.key = key;
    this.ctx = this.surface.begin(stage.width, stage.height);
    stage.player.run.nodes.forEach((node, i) => this.drawNode(node, i));
    stage.pointer.draw(this.ctx);
  }

  write(text, x, y, align = "center") {
    this.ctx.textAlign = align;
    this.ctx.fillText(text, x, y);
  }

  drawNode(node, index) {
    const { ctx } = this;
    const { c } = this.stage;
    const { x, y } = this.stage.spots[index];
    const r = this.stage.radius;
    const state = this.stage.states[index];
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
    if (this.stage.player.marked.nodes.has(index)) this.drawHalo(node.shape, x, y, r + 6);
    const inside = this.drawName(node.name, x, y, r, look.text);
    this.drawLabel(index, state, look, inside ? "" : node.name);
    this.drawBadges(state, x, y, r);
  }

  look(state, node) {
    const { c } = this.stage;
    if (state.down) return { fill: c.panel, ring: c.down, text: c.down, width: 2, dash: [4, 3] };
    if (state.paused) return { fill: c.panel, ring: c.amber, text: c.ink, width: 2.4, dash: [7, 3] };
    if (state.changed) return { fill: c.fill_changed, ring: c.vermilion, text: c.ink, width: 3.6, dash: [] };
    if (node.shape === "square") return { fill: c.fill_active, ring: c.blue, text: c.ink, width: 2.2, dash: [] };
    return { fill: c.fill_node, ring: c.ink, text: c.ink, width: 2, dash: [] };
  }

  drawHalo(shape, x, y, r) {
    halo(this.ctx, shape, x, y, r, this.stage.c.vermilion);
  }

  /** Write the name inside when it fits; else its short form. Returns whether it fitted. */
  drawName(name, x, y, r, colour) {
    const { ctx } = this;
    ctx.fillStyle = colour;
    ctx.font = `700 ${this.stage.nameSize}px ${FONT}`;
    if (textWidth(ctx, name) <= 2 * r - 7) {
      this.write(name, x, y + this.stage.nameSize * 0.36);
      return true;
    }
    const words = name.match(/\p{L}+/gu) ?? [name];
    const brief = words.slice(0, 2).map((word) => word[0]).join("") + (name.match(/\d+$/)?.[0] ?? "");
    if (brief === name) return false; // it stands beside the node: once is enough
    ctx.font = `700 ${r > 16 ? 13 : 11}px ${FONT}`;
    this.write(brief, x, y + 4.5);
    return false;
  }

  drawLabel(index, state, look, name) {
    const { ctx } = this;
    const { c } = this.stage;
    const room = this.stage.room[index];
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
    const { x, y } = this.stage.spots[index];
    const r = this.stage.radius;
    if (!this.stage.outward) return { x, y: y + r + 15, align: "center" };
    const across = (x - this.stage.width / 2) / (this.stage.width / 2);
    const upper = y < this.stage.height / 2;
    if (Math.abs(across) < 0.1) return { x, y: upper ? y - r - 8 : y + r + 15, align: "center" };
    return { x: x + Math.sign(across) * (r + 8), y: y + (upper ? -2 : 8), align: across > 0 ? "left" : "right" };
  }

  drawBadges(state, x, y, r) {
    const { ctx } = this;
    const { c } = this.stage;
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
    const { ctx } = this;
    const { c } = this.stage;
    if (state.unsynced || state.syncing) drawBadge(ctx, "disk", x + off, y + off, c.background, c.amber, 7);
    if (state.skew) drawBadge(ctx, "clock", x - off, y - off, c.background, c.purple, 7);
  }

  /** A small badge with a number: a skewed clock, un-synced writes. */
  drawTag(name, text, x, y, colour, side) {
    const { ctx } = this;
    const { c } = this.stage;
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
}

/** All of a node's state that can be seen, as a text. */
function stateKey({ down, paused, affected, syncing, changed, lines, unsynced, waiting, skew }) {
  return `${down ? down.from + down.text : ""}|${paused ? 1 : 0}${syncing ? 1 : 0}${changed ? 1 : 0}${affected?.text ?? ""}|${lines}|${unsynced} ${waiting} ${skew}`;
}

/** A dashed outline round a node: it is meant. */
function halo(ctx, shape, x, y, r, colour) {
  shapePath(ctx, shape, x, y, r);
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2;
  ctx.setLineDash([3, 3]);
  ctx.stroke();
  ctx.setLineDash([]);
}
