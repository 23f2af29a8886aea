// ---- Canvas: text that is measured once, lines by their look, surfaces and layers ------------

const widths = new Map();

/** For measuring text before anything is drawn: it is in no page, so that to set its font does not
    make the browser bring the page's styles up to date. */
const ruler = document.createElement("canvas").getContext("2d");

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
    let look = this.looks.get(key);
    if (!look) this.looks.set(key, (look = { colour, width, alpha, dash, lines: [] }));
    look.lines.push(x1, y1, x2, y2);
  }

  draw(ctx) {
    for (const { colour, width, alpha, dash, lines } of this.looks.values()) {
      ctx.strokeStyle = colour;
      ctx.lineWidth = width;
      ctx.globalAlpha = alpha;
      ctx.setLineDash(dash);
      ctx.beginPath();
      for (let i = 0; i < lines.length; i += 4) {
        if (width > 1) ctx.beginPath();
        ctx.moveTo(lines[i], lines[i + 1]);
        ctx.lineTo(lines[i + 2], lines[i + 3]);
        if (width > 1) ctx.stroke();
      }
      if (width <= 1) ctx.stroke();
    }
    ctx.globalAlpha = 1;
    ctx.setLineDash([]);
  }
}

/** A canvas that is as sharp as the screen. One without a label lies on another, for the eye only. */
class Surface {
  constructor(parent, label) {
    this.canvas = h("canvas", label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" });
    this.ctx = this.canvas.getContext("2d", { alpha: !label }); // opaque: cheaper to compose
    this.width = this.height = 0;
    parent.append(this.canvas);
  }

  /** Prepare for drawing at this size (CSS px); with a ground, on an area of this colour. What is
      opaque is left as it is otherwise, what is not is cleared. */
  begin(width, height, ground = null) {
    const ratio = window.devicePixelRatio || 1;
    const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== pixels[0] || this.canvas.height !== pixels[1]) {
      [this.canvas.width, this.canvas.height] = pixels;
      this.canvas.style.height = `${height}px`;
    }
    this.width = width;
    this.height = height;
    this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (ground) {
      this.ctx.fillStyle = ground;
      this.ctx.fillRect(0, 0, width, height);
    } else if (!this.canvas.hasAttribute("role")) this.ctx.clearRect(0, 0, width, height);
    return this.ctx;
  }
}

/** A picture that is kept, and painted anew only when what it shows has another key. */
class Layer {
  /** One that is read pixel by pixel had better not be kept by a graphics card. */
  constructor({ read = false } = {}) {
    this.canvas = document.createElement("canvas");
    this.ctx = this.canvas.getContext("2d", { willReadFrequently: read });
    this.key = null;
  }

  /** Bring it up to date: `paint(ctx)` draws at this size (CSS px) on nothing. */
  refresh(key, width, height, paint) {
    const ratio = window.devicePixelRatio || 1;
    const whole = `${key} ${width} ${height} ${ratio}`;
    if (whole === this.key) return;
    this.key = whole;
    this.canvas.width = Math.round(width * ratio); // also clears it
    this.canvas.height = Math.round(height * ratio);
    this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint(this.ctx);
  }

  /** Copy it to another canvas, `down` whole px of the screen below its top, pixel by pixel. */
  show(ctx, down = 0) {
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.drawImage(this.canvas, 0, down);
    ctx.restore();
  }
}
