// ---- Lanes: what chosen nodes hold, and what they note, over the whole run ---------------------

const LANE = 20; // px of a node's values
const NOTES = 15; // px more where the node logs something
const LOGGED = STEP_WHAT.indexOf("log");

class Lanes {
  constructor(axis) {
    this.axis = axis;
    this.chosen = new Set(); // names of nodes: they outlive a run
  }

  /** Take the run of the player: {node, values: [{from, to, text, down}], notes: [{t, text}]}. */
  setRun(run) {
    this.rows = run.names.flatMap((name, node) => (this.chosen.has(name) ? [this.row(run, node)] : []));
  }

  row(run, node) {
    const { t, v } = run.shownBy[node];
    const values = t.map((from, i) => ({
      from, to: t[i + 1] ?? run.duration, text: run.text(v[i]).split("\n").filter(Boolean).join(" · "),
    }));
    const notes = [];
    run.steps.what.forEach((what, i) => {
      if (what === LOGGED && run.steps.node[i] === node) notes.push({ t: run.steps.t[i], text: run.text(run.steps.ref[i]) });
    });
    const down = run.spansBy[node].filter((span) => span.what === "down");
    return { node, values, notes, down };
  }

  get height() {
    return this.rows.reduce((sum, row) => sum + this.heightOf(row), this.rows.length ? 8 : 0);
  }

  heightOf(row) {
    return LANE + (row.notes.length ? NOTES : 0) + 3;
  }

  draw(top) {
    let y = top + 4;
    for (const row of this.rows) {
      this.axis.rowName(this.axis.player.run.names[row.node], y + 14);
      this.drawValues(row, y);
      this.drawDown(row, y);
      this.drawNotes(row, y + LANE);
      y += this.heightOf(row);
    }
  }

  drawValues(row, y) {
    const { ctx, c, player } = this.axis;
    for (const { from, to, text } of row.values) {
      if (from >= player.run.duration || !text) continue;
      const left = this.axis.x(from);
      const width = Math.max(this.axis.x(Math.min(to, player.run.duration)) - left - 1, 1.5);
      ctx.fillStyle = c.fill_node;
      ctx.fillRect(left, y, width, LANE - 2);
      ctx.fillStyle = c.edge; // a new value begins here
      ctx.fillRect(left, y, 1.5, LANE - 2);
      ctx.font = `400 11px ${FONT}`;
      ctx.fillStyle = c.ink;
      ctx.textAlign = "left";
      const words = width > 18 ? fitted(ctx, text, width - 8) : "";
      if (words.length > 1) ctx.fillText(words, left + 5, y + 13);
    }
  }

  drawDown(row, y) {
    const { ctx, c, player } = this.axis;
    for (const { from, to } of row.down) {
      const left = this.axis.x(from);
      const width = this.axis.x(Math.min(to, player.run.duration)) - left;
      ctx.fillStyle = c.background;
      ctx.fillRect(left, y, width, LANE - 2);
      ctx.fillStyle = c.fill_alarm;
      ctx.fillRect(left, y, width, LANE - 2);
      ctx.font = `400 11px ${FONT}`;
      ctx.fillStyle = c.vermilion;
      ctx.textAlign = "left";
      if (width > 40) ctx.fillText("down", left + 5, y + 13);
    }
  }

  /** Each note has a tick; its words where they fit before the next one. */
  drawNotes(row, y) {
    const { ctx, c, player } = this.axis;
    const end = this.axis.x(player.run.duration);
    ctx.font = `400 11px ${FONT}`;
    ctx.textAlign = "left";
    row.notes.forEach(({ t, text }, i) => {
      const left = this.axis.x(t);
      const room = (i + 1 < row.notes.length ? this.axis.x(row.notes[i + 1].t) : end) - left - 8;
      ctx.fillStyle = c.teal;
      ctx.fillRect(left, y, 2, NOTES - 3);
      const words = room > 24 ? fitted(ctx, text, room) : "";
      if (words.length > 1) ctx.fillText(words, left + 5, y + 10);
    });
  }

  /** What a screen reader is told of the lanes at t. */
  words(t) {
    return this.rows.map((row) => {
      const now = row.values.filter((value) => value.from <= t).at(-1);
      return `${this.axis.player.run.names[row.node]}: ${now?.text || "nothing yet"}`;
    }).join("; ");
  }

  toggle(name) {
    if (!this.chosen.delete(name)) this.chosen.add(name);
    this.axis.setRuns();
    this.axis.player.invalidate();
  }
}
