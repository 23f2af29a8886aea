// ---- Icons: paths in a 24 × 24 box, because fonts lack most of these symbols ------------------

const ICONS = {
  cross: "M6 6 18 18M18 6 6 18",
  restart: "M19 12a7 7 0 1 1-2.2-5.1M17.5 2.5v4.8h-4.8",
  bolt: "M13.5 2.5 5 13.5h6L9.5 21.5 19 10h-6.5z",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  wall: "M3 5h18v14H3zM3 9.7h18M3 14.3h18M9 5v4.7M16 5v4.7M12.5 9.700v4.600M6 14.300v4.700M18 14.300v4.7",
  cut: "M2.5 12h10M9 8l4 4-4 4M17.5 4.500v15M21.5 4.500v15",
  loss: "M2.5 12h4M9 12h2M14 8.500l7 7M21 8.500l-7 7",
  duplicate: "M3 8h15M14.5 4.5 18 8l-3.5 3.500M6 16h15M17.5 12.5 21 16l-3.5 3.5",
  hourglass: "M6 3.500h12M6 20.500h12M7.5 3.500c0 8 9 9 9 17M16.5 3.500c0 8-9 9-9 17",
  clock: "M12 3.500a8.5 8.5 0 1 0 .01 0zM12 7.500V12l3.5 2",
  shuffle: "M3.500 7H8l8 10h4.500M3.500 17H8l2.700-3.400M13.300 10.400L16 7h4.500M18 4.500L20.500 7 18 9.500M18 14.500l2.500 2.500-2.500 2.500",
  garble: "M3 12l3-5 4 10 4-10 4 10 3-5",
  disk: "M4.5 6.500c0-4.3 15-4.3 15 0v11c0 4.3-15 4.3-15 0zM4.5 6.500c0 4.3 15 4.3 15 0",
  error: "M12 3.5 21.5 20.500h-19zM12 10v4.500M12 17.400v.2",
  snail: "M3 17.500h18M7 17.500a5 5 0 1 1 5-5",
  fork: "M7 3v5c0 5 10 3 10 13M7 8c0 6-.5 8-.5 13M14 18l3 3 3-3M3.5 18l3 3 3-3",
  start: "M5.5 5v14M19 5 9 12l10 7z",
  previous: "M16.5 5 6.5 12l10 7z",
  next: "M7.5 5l10 7-10 7z",
  play: "M7 4.5 19.5 12 7 19.500z",
  undo: "M8.5 4 4 8.5 8.5 13M4 8.500h10.500a5 5 0 0 1 0 10.500H9",
  redo: "M15.5 4 20 8.5 15.5 13M20 8.500H9.500a5 5 0 0 0 0 10.500H15",
  reset: "M4 5v5h5M4.5 10A8 8 0 1 1 4 13",
  copy: "M8.5 8.500h11v12h-11zM15.5 8.500v-5h-11v12h4",
  minus: "M6 12h12",
  plus: "M6 12h12M12 6v12",
  link: "M4 12h16M4 9v6M20 9v6",
  lanes: "M3 6.500h7M13 6.500h8M3 12h12M18 12h3M3 17.500h4M10 17.500h11",
  queue: "M4 6h16M4 12h16M4 18h16",
  question: "M8.2 9a3.9 3.9 0 1 1 5.600 3.600c-1.300.7-1.800 1.300-1.800 2.900M12 19.200v.3",
  chain: "M10 14a4 4 0 0 0 5.700 0l3-3a4 4 0 0 0-5.700-5.700l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1-1",
};
const SOLID = new Set(["bolt", "play", "start", "previous", "next"]);

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", SOLID.has(name) ? "ds-icon ds-solid" : "ds-icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name] ?? ICONS.plus);
  svg.append(path);
  return svg;
}

const pathCache = new Map();

/** Draw an icon on a canvas, centred at (x, y), `size` px wide. */
function drawIcon(ctx, name, x, y, size, colour, width = 2.6) {
  if (!pathCache.has(name)) pathCache.set(name, new Path2D(ICONS[name]));
  const path = pathCache.get(name);
  ctx.save();
  ctx.translate(x - size / 2, y - size / 2);
  ctx.scale(size / 24, size / 24);
  ctx.lineWidth = width;
  ctx.lineCap = ctx.lineJoin = "round";
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.setLineDash([]);
  if (SOLID.has(name)) ctx.fill(path);
  ctx.stroke(path);
  ctx.restore();
}

/** A round badge with an icon on it. */
function drawBadge(ctx, name, x, y, fill, ink, radius = 9) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 7);
  ctx.fillStyle = fill;
  ctx.fill();
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = ink;
  ctx.stroke();
  drawIcon(ctx, name, x, y, radius * 1.3, ink, 3.6);
}

/** Trace the outline of a node's shape round (x, y). */
function shapePath(ctx, shape, x, y, r) {
  const corners = { triangle: 3, diamond: 4, pentagon: 5, hexagon: 6, octagon: 8 }[shape];
  ctx.beginPath();
  if (shape === "square") {
    ctx.roundRect(x - r * 0.95, y - r * 0.95, r * 1.9, r * 1.9, r * 0.42);
  } else if (corners) {
    const grow = shape === "triangle" ? 1.2 : 1.1;
    for (let i = 0; i < corners; i += 1) {
      const turn = (2 * Math.PI * i) / corners - Math.PI / 2 + (corners % 4 ? 0 : shape === "octagon" ? Math.PI / 8 : 0);
      ctx.lineTo(x + r * grow * Math.cos(turn), y + r * grow * Math.sin(turn));
    }
    ctx.closePath();
  } else {
    ctx.arc(x, y, r, 0, 7);
  }
}

/** A button that shows an icon only; `label` is its name. */
function iconButton(name, label, act) {
  return h("button", { type: "button", class: "ds-btn ds-iconic", "aria-label": label, title: label, onclick: act }, icon(name));
}
