// ---- Swarm: many messages at once, written into the picture's pixels -----------------------------
//
// Every call of a canvas costs about 5 µs, however little it draws: with hundreds of messages the
// calls alone took longer than a frame lasts. So dots and trails are blended into an array of
// pixels, which begins as a copy of what lies under them, and the canvas takes all of it in one call.
// Places are in px of the screen here, not of the page. What lies under is opaque.

const pixelTools = { ctx: null, colours: new Map(), stamps: new Map() };

/** A canvas that is only painted to be read. */
function pixelCanvas(size) {
  pixelTools.ctx ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  Object.assign(pixelTools.ctx.canvas, { width: size, height: size }); // also clears it
  return pixelTools.ctx;
}

/** A colour of the theme as a pixel: 0xAABBGGRR. */
function pixelOf(colour) {
  let pixel = pixelTools.colours.get(colour);
  if (pixel === undefined) {
    const ctx = pixelCanvas(1);
    ctx.fillStyle = colour;
    ctx.fillRect(0, 0, 1, 1);
    [pixel] = new Uint32Array(ctx.getImageData(0, 0, 1, 1).data.buffer);
    pixelTools.colours.set(colour, pixel);
  }
  return pixel;
}

/** A pixel with another laid over it, `share` (0 to 256) thick: two channels at a time. */
function laidOver(under, pixel, share) {
  const rest = 256 - share;
  const redBlue = ((Math.imul(under & 0xff00ff, rest) + Math.imul(pixel & 0xff00ff, share)) >>> 8) & 0xff00ff;
  const green = ((Math.imul(under & 0xff00, rest) + Math.imul(pixel & 0xff00, share)) >>> 8) & 0xff00;
  return 0xff000000 | redBlue | green;
}

class Swarm {
  constructor() {
    this.width = this.height = 0;
  }

  /** Begin with what a layer shows; its pixels are read only when it was painted anew. */
  begin(layer) {
    const { width, height } = layer.canvas;
    if (this.key !== layer.key) {
      this.key = layer.key;
      this.ground = new Uint32Array(layer.ctx.getImageData(0, 0, width, height).data.buffer);
    }
    if (this.width !== width || this.height !== height) {
      Object.assign(this, { width, height, image: new ImageData(width, height) });
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.pixels.set(this.ground);
  }

  /** Put the picture on a canvas of the same size. */
  show(ctx) {
    ctx.putImageData(this.image, 0, 0);
  }

  /** A line: along its longer side, each step covers a few pixels of the other, some in part. */
  line(x1, y1, x2, y2, width, pixel, alpha) {
    if (Math.abs(y2 - y1) > Math.abs(x2 - x1)) this.steps(y1, x1, y2, x2, this.height, this.width, this.width, 1, width, pixel, alpha);
    else this.steps(x1, y1, x2, y2, this.width, this.height, 1, this.width, width, pixel, alpha);
  }

  /** The steps of a line from (a1, b1) to (a2, b2), where a is the longer side. */
  steps(a1, b1, a2, b2, long, short, along, across, width, pixel, alpha) {
    const { pixels } = this;
    const slope = a2 === a1 ? 0 : (b2 - b1) / (a2 - a1);
    const half = (width / 2) * Math.sqrt(1 + slope * slope);
    const share = 256 * alpha;
    const last = Math.min(long - 1, Math.round(Math.max(a1, a2)) - 1);
    for (let a = Math.max(0, Math.round(Math.min(a1, a2))); a <= last; a += 1) {
      const middle = b1 + (a + 0.5 - a1) * slope;
      const low = middle - half;
      const high = middle + half;
      const end = Math.min(short - 1, Math.ceil(high) - 1);
      for (let b = Math.max(0, Math.floor(low)); b <= end; b += 1) {
        const covered = Math.min(b + 1, high) - Math.max(b, low);
        const place = a * along + b * across;
        pixels[place] = laidOver(pixels[place], pixel, (share * covered) | 0);
      }
    }
  }

  /** A stamp with its middle at (x, y), moved to whole pixels. */
  stamp(stamp, x, y, alpha) {
    const { size } = stamp;
    const { pixels, width, height } = this;
    const left = Math.round(x - size / 2);
    const top = Math.round(y - size / 2);
    const thickness = (256 / 255) * alpha;
    const first = Math.max(0, -left);
    const last = Math.min(size, width - left);
    for (let row = Math.max(0, -top); row < size && top + row < height; row += 1) {
      const from = row * size;
      const to = (top + row) * width + left;
      for (let column = first; column < last; column += 1) {
        const pixel = stamp.pixels[from + column];
        const share = ((pixel >>> 24) * thickness) | 0;
        if (share) pixels[to + column] = laidOver(pixels[to + column], pixel, share);
      }
    }
  }
}

/** A small picture for a swarm, `size` CSS px wide and high, that `paint(ctx, middle)` draws once. */
function stampOf(key, size, paint) {
  const ratio = window.devicePixelRatio || 1;
  const whole = `${key} ${ratio}`;
  let stamp = pixelTools.stamps.get(whole);
  if (!stamp) {
    if (pixelTools.stamps.size > 200) pixelTools.stamps.clear();
    const pixels = Math.ceil(size * ratio);
    const ctx = pixelCanvas(pixels);
    ctx.scale(ratio, ratio);
    paint(ctx, pixels / ratio / 2);
    stamp = { size: pixels, pixels: new Uint32Array(ctx.getImageData(0, 0, pixels, pixels).data.buffer) };
    pixelTools.stamps.set(whole, stamp);
  }
  return stamp;
}
