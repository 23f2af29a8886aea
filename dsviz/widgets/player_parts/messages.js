// ---- Messages under way -------------------------------------------------------------------------

const MAX_PILLS = 16; // with more messages in flight, dots: labels would hide the picture
const DOT = 11; // px that a dot's picture is wide

class MessagePainter {
  constructor(stage) {
    this.stage = stage;
    this.drawn = [];
  }

  draw(ctx, t) {
    this.ctx = ctx;
    const { run, hidden, marked } = this.stage.player;
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
    const { run } = this.stage.player;
    const f = run.flights;
    const [src, dst, fate] = [f.src[row], f.dst[row], f.fate[row]];
    const took = f.ended[row] - f.sent[row];
    const progress = took > 0 ? (t - f.sent[row]) / took : 1;
    const ended = t >= f.ended[row];
    const stops = fate === LOST ? 0.6 : fate === CUT ? 0.3 : 1;
    const failed = fate !== DELIVERED && fate <= NODE_DOWN && (ended || progress >= stops);
    if (ended && !failed) return null;
    const place = this.stage.along(src, dst, Math.min(progress, stops));
    const gone = ended ? clamp((t - f.ended[row]) / (run.pace * 0.5), 0, 1) : 0;
    const kind = run.kinds[f.kind[row]];
    return {
      row, src, dst, place, failed, kind,
      progress: Math.min(progress, stops),
      colour: this.stage.c[kind.colour],
      label: run.text(f.label[row]),
      alpha: 1 - gone,
    };
  }

  /** The way each message has come; with many messages only the last piece of it. */
  drawTrails(brief) {
    const { marked } = this.stage.player;
    const strokes = new Strokes();
    for (const message of this.drawn) {
      const start = this.stage.along(message.src, message.dst, brief ? Math.max(0, message.progress - 0.16) : 0);
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

  /** Dots in place of pills: full for a request, hollow for a reply. */
  drawDots() {
    const { ctx } = this;
    for (const message of this.drawn) {
      if (message.failed) this.drawLostDot(message);
      else ctx.drawImage(this.dot(message), message.place.x - DOT / 2, message.place.y - DOT / 2, DOT, DOT);
    }
  }

  /** Copied, because a small picture is cheaper to copy than a circle is to fill. */
  dot({ colour, kind }) {
    const { background } = this.stage.c;
    return sprite(`dot ${colour} ${kind.reply ? background : ""}`, DOT, (ctx, middle) => {
      ctx.beginPath();
      ctx.arc(middle, middle, 4.5, 0, 7);
      ctx.fillStyle = colour;
      ctx.fill();
      if (!kind.reply) return;
      ctx.beginPath();
      ctx.arc(middle, middle, 2.3, 0, 7);
      ctx.fillStyle = background;
      ctx.fill();
    });
  }

  drawLostDot(message) {
    const { ctx } = this;
    const { c } = this.stage;
    ctx.globalAlpha = message.alpha;
    drawBadge(ctx, "cross", message.place.x, message.place.y, c.background, message.colour, 7);
    ctx.globalAlpha = 1;
  }
}
