// ---- Messages under way -------------------------------------------------------------------------

const MAX_PILLS = 16; // with more messages in flight, dots: labels would hide the picture
const DOT = 11; // px that a dot's picture is wide
const LOST_DOT = 17; // px that the picture of a lost one is wide
const TAIL = 0.16; // of a message's way: what a dot's trail shows of it

class MessagePainter {
  constructor(stage) {
    this.stage = stage;
    this.swarm = new Swarm();
    this.rows = []; // what is drawn: rows of the run's flights
  }

  /** Draw the messages at t on what lies under them, with which the canvas is covered. */
  draw(ctx, t, ground) {
    this.ctx = ctx;
    this.t = t;
    const { run } = this.stage.player;
    this.linger = run.pace * 0.5;
    const under = this.collect(run, t);
    if (under > MAX_PILLS) {
      this.drawSwarm(ground);
      return;
    }
    ground.show(ctx);
    const { marked } = this.stage.player;
    const messages = this.rows.map((row) => this.message(row));
    this.drawTrails(messages);
    for (const message of messages) this.drawPill(message, marked.flights.has(message.row));
  }

  /** Note the rows to draw; returns how many of them are under way. */
  collect(run, t) {
    const { hidden } = this.stage.player;
    const { flights } = run;
    const shown = run.kinds.map((kind) => !hidden.has(kind.name));
    const { rows } = this;
    rows.length = 0;
    let under = 0;
    for (const row of run.bucketAt(t)) {
      if (flights.sent[row] > t || t >= flights.ended[row] + this.linger) continue;
      if (!shown[flights.kind[row]] || flights.src[row] === flights.dst[row]) continue;
      const flies = t < flights.ended[row];
      if (!flies && !this.fails(row)) continue;
      rows.push(row);
      if (flies) under += 1;
    }
    return under;
  }

  /** Whether a message is one that does not arrive, and has got as far as it will. */
  fails(row) {
    const { fate } = this.stage.player.run.flights;
    if (fate[row] === DELIVERED || fate[row] > NODE_DOWN) return false;
    return this.t >= this.stage.player.run.flights.ended[row] || this.progress(row) >= this.stops(row);
  }

  stops(row) {
    const fate = this.stage.player.run.flights.fate[row];
    return fate === LOST ? 0.6 : fate === CUT ? 0.3 : 1;
  }

  progress(row) {
    const { sent, ended } = this.stage.player.run.flights;
    const took = ended[row] - sent[row];
    return took > 0 ? (this.t - sent[row]) / took : 1;
  }

  /** A message that did not arrive fades away. */
  alpha(row) {
    const ended = this.stage.player.run.flights.ended[row];
    return this.t < ended ? 1 : 1 - clamp((this.t - ended) / this.linger, 0, 1);
  }

  /** Where a message is and how it looks. */
  message(row) {
    const { run } = this.stage.player;
    const { src, dst, kind, label } = run.flights;
    const progress = Math.min(this.progress(row), this.stops(row));
    return {
      row, src: src[row], dst: dst[row], progress,
      place: this.stage.along(src[row], dst[row], progress),
      failed: this.fails(row),
      kind: run.kinds[kind[row]],
      colour: this.stage.c[run.kinds[kind[row]].colour],
      label: run.text(label[row]),
      alpha: this.alpha(row),
    };
  }

  /** The message at a point of the stage, if any. */
  near({ x, y }) {
    return this.rows.map((row) => this.message(row)).find(({ place }) => Math.hypot(place.x - x, place.y - y) < 12);
  }

  /** The way each message has come. */
  drawTrails(messages) {
    const { marked } = this.stage.player;
    const strokes = new Strokes();
    for (const message of messages) {
      const start = this.stage.along(message.src, message.dst, 0);
      strokes.line(start.x, start.y, message.place.x, message.place.y, {
        colour: message.colour,
        width: marked.flights.has(message.row) ? 4 : 1.8,
        alpha: message.alpha * (message.failed ? 0.5 : 0.9),
        dash: message.kind.dash,
      });
    }
    strokes.draw(this.ctx);
  }

  drawPill(message, strong) {
    const { ctx } = this;
    const { c } = this.stage;
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
    ctx.textAlign = "center";
    ctx.fillText(text, x, y + 4);
    if (message.failed) drawBadge(ctx, "cross", x + width / 2 - 3, y - 9, c.vermilion, c.background, 7);
    ctx.globalAlpha = 1;
  }

  /** Dots in place of pills, each with the last piece of its way: all trails below all dots. */
  drawSwarm(ground) {
    const { swarm, rows, stage } = this;
    const { run, marked } = stage.player;
    const { src, dst, kind } = run.flights;
    const ratio = window.devicePixelRatio || 1;
    const looks = run.kinds.map((each) => this.look(each));
    const places = this.placesFor(rows.length);
    swarm.begin(ground);
    rows.forEach((row, i) => {
      const way = stage.way(src[row], dst[row]);
      const progress = Math.min(this.progress(row), this.stops(row));
      const tail = Math.max(0, progress - TAIL);
      const x = (places[2 * i] = ratio * (way.x + way.dx * progress));
      const y = (places[2 * i + 1] = ratio * (way.y + way.dy * progress));
      const alpha = this.fails(row) ? 0.5 * this.alpha(row) : 0.9;
      const width = ratio * (marked.flights.has(row) ? 4 : 1);
      swarm.line(ratio * (way.x + way.dx * tail), ratio * (way.y + way.dy * tail), x, y, width, looks[kind[row]].pixel, alpha);
    });
    rows.forEach((row, i) => {
      const failed = this.fails(row);
      const { dot, lost } = looks[kind[row]];
      swarm.stamp(failed ? lost : dot, places[2 * i], places[2 * i + 1], failed ? this.alpha(row) : 1);
    });
    swarm.show(this.ctx);
  }

  /** Room for the places of so many dots, kept from frame to frame. */
  placesFor(count) {
    if (!this.places || this.places.length < 2 * count) this.places = new Float64Array(4 * count);
    return this.places;
  }

  /** How dots of a kind look: full for a request, hollow for a reply, a cross when lost. */
  look({ colour: name, reply }) {
    const { c } = this.stage;
    const colour = c[name];
    const key = `${colour} ${reply} ${c.background}`;
    return {
      pixel: pixelOf(colour),
      dot: stampOf(`dot ${key}`, DOT, (ctx, middle) => this.paintDot(ctx, middle, colour, reply)),
      lost: stampOf(`lost ${key}`, LOST_DOT, (ctx, middle) => drawBadge(ctx, "cross", middle, middle, c.background, colour, 7)),
    };
  }

  paintDot(ctx, middle, colour, reply) {
    ctx.beginPath();
    ctx.arc(middle, middle, 4.5, 0, 7);
    ctx.fillStyle = colour;
    ctx.fill();
    if (!reply) return;
    ctx.beginPath();
    ctx.arc(middle, middle, 2.3, 0, 7);
    ctx.fillStyle = this.stage.c.background;
    ctx.fill();
  }
}
