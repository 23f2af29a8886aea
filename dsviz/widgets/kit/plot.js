// A small plot to predict on: click, drag, or use the arrow keys; with `seen`, both are shown.

const WIDE = 460;
const HIGH = 230;
const ROOM = { left: 58, right: 26, top: 12, bottom: 42 };

function scale({ low, high, log }, from, to) {
  const f = log ? Math.log10 : (v) => v;
  const g = log ? (v) => 10 ** v : (v) => v;
  const a = f(low);
  const b = f(high);
  return {
    px: (v) => from + ((f(v) - a) / (b - a)) * (to - from),
    value: (px) => g(a + ((Math.min(Math.max((px - from) / (to - from), 0), 1)) * (b - a))),
    step: (v, way) => Math.min(Math.max(g(f(v) + (way * (b - a)) / 40), low), high),
  };
}

function ticks({ low, high, log }) {
  if (log) {
    const found = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high) + 1e-9; e += 1) {
      for (const m of [1, 2, 5]) found.push(m * 10 ** e);
    }
    const inside = found.filter((v) => v >= low * 0.999 && v <= high * 1.001);
    return inside.length > 7 ? inside.filter((v) => Math.abs(Math.log10(v) % 1) < 1e-9) : inside;
  }
  const rough = (high - low) / 5;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * ten).find((one) => one >= rough);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9; v += step) found.push(v);
  return found;
}

function short(value) {
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}

function name({ label, unit }) {
  return unit ? `${label} (${unit})` : label;
}

// drawn: [[x, y], …] or null; seen: the same, observed; onchange(points) makes it a field.
function sketch(plot, { drawn, seen = null, onchange = null }) {
  const x = scale(plot.x, ROOM.left, WIDE - ROOM.right);
  const y = scale(plot.y, HIGH - ROOM.bottom, ROOM.top);
  const svg = s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "dk-plot" });
  if (!onchange) svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${name(plot.x)} across, ${name(plot.y)} up`);
  frame(svg, plot, x, y);
  const middle = (axis) => (axis.log ? Math.sqrt(axis.low * axis.high) : (axis.low + axis.high) / 2);
  const start = plot.at.length ? plot.at.map((v) => [v, middle(plot.y)]) : [[middle(plot.x), middle(plot.y)]];
  const points = (drawn ?? (onchange ? start : [])).map((p) => [...p]);
  const line = s("polyline", { class: "dk-line dk-drawn" });
  const path = () => line.setAttribute("points", points.map(([a, b]) => `${x.px(a)},${y.px(b)}`).join(" "));
  if (points.length > 1) svg.append(line);
  path();
  if (seen) {
    const at = seen.map(([a, b]) => `${x.px(a)},${y.px(Math.min(Math.max(b, plot.y.low), plot.y.high))}`);
    if (seen.length > 1) svg.append(s("polyline", { class: "dk-line dk-seen", points: at.join(" ") }));
    for (const place of at) {
      const [cx, cy] = place.split(",").map(Number);
      svg.append(s("rect", { class: "dk-mark dk-seen", x: cx - 5, y: cy - 5, width: 10, height: 10 }));
    }
  }
  const dots = points.map((point, i) => dot(svg, plot, points, i, x, y, onchange, path));
  if (onchange) draggable(svg, plot, points, x, y, dots, onchange, path);
  return h(
    "figure",
    { className: "dk-figure" },
    svg,
    h("figcaption", { className: "dk-soft" }, ...legend(onchange, points.length, seen)),
  );
}

function legend(onchange, count, seen) {
  if (onchange) {
    const what = count > 1 ? "the points" : "the point";
    return [`Drag ${what} to where you expect ${count > 1 ? "them" : "it"}, or press Tab and use the arrow keys.`];
  }
  const key = (kind, text) => h("span", { className: `dk-key dk-${kind}`, text });
  return [count ? key("drawn", "● predicted") : "", seen ? key("seen", "■ observed") : ""];
}

function frame(svg, plot, x, y) {
  const [left, right, top, bottom] = [ROOM.left, WIDE - ROOM.right, ROOM.top, HIGH - ROOM.bottom];
  for (const v of ticks(plot.y)) {
    svg.append(s("line", { class: "dk-grid", x1: left, x2: right, y1: y.px(v), y2: y.px(v) }));
    const label = s("text", { class: "dk-tick", x: left - 12, y: y.px(v) + 4, "text-anchor": "end" });
    label.textContent = short(v);
    svg.append(label);
  }
  for (const v of plot.at.length ? plot.at : ticks(plot.x)) {
    svg.append(s("line", { class: "dk-grid", x1: x.px(v), x2: x.px(v), y1: top, y2: bottom }));
    const label = s("text", { class: "dk-tick", x: x.px(v), y: bottom + 15, "text-anchor": "middle" });
    label.textContent = short(v);
    svg.append(label);
  }
  const across = s("text", { class: "dk-label", x: (left + right) / 2, y: HIGH - 7, "text-anchor": "middle" });
  across.textContent = name(plot.x);
  const up = s("text", {
    class: "dk-label",
    "text-anchor": "middle",
    transform: `translate(13 ${(top + bottom) / 2}) rotate(-90)`,
  });
  up.textContent = name(plot.y);
  svg.append(across, up);
}

function dot(svg, plot, points, i, x, y, onchange, path) {
  const mark = s("circle", { class: "dk-mark dk-drawn", r: 7 });
  const place = () => {
    mark.setAttribute("cx", x.px(points[i][0]));
    mark.setAttribute("cy", y.px(points[i][1]));
    mark.setAttribute("aria-valuetext", `${short(points[i][0])} ${plot.x.unit}, ${short(points[i][1])} ${plot.y.unit}`);
    mark.setAttribute("aria-valuenow", points[i][1]);
    path();
  };
  place();
  if (onchange) {
    const set = { tabindex: 0, role: "slider", "aria-valuemin": plot.y.low, "aria-valuemax": plot.y.high };
    for (const [key, value] of Object.entries(set)) mark.setAttribute(key, value);
    mark.setAttribute("aria-label", plot.at.length ? `${name(plot.y)} at ${short(plot.at[i])}` : name(plot.y));
    mark.dataset.key = `point-${i}`;
    mark.addEventListener("keydown", (event) => {
      const way = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] }[event.key];
      if (!way || (plot.at.length && way[0])) return;
      event.preventDefault();
      if (way[1]) points[i][1] = y.step(points[i][1], way[1]);
      else points[i][0] = x.step(points[i][0], way[0]);
      place();
      onchange(points.map((p) => [...p]));
    });
  }
  svg.append(mark);
  return place;
}

// A press anywhere moves the nearest point there, and it follows until the release.
function draggable(svg, plot, points, x, y, places, onchange) {
  const where = (event) => {
    const box = svg.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * WIDE, ((event.clientY - box.top) / box.height) * HIGH];
  };
  let held = null;
  const move = (event) => {
    const [px, py] = where(event);
    if (!plot.at.length) points[held][0] = x.value(px);
    points[held][1] = y.value(py);
    places[held]();
    onchange(points.map((p) => [...p]));
  };
  svg.addEventListener("pointerdown", (event) => {
    const [px] = where(event);
    const gaps = points.map(([a]) => Math.abs(x.px(a) - px));
    held = gaps.indexOf(Math.min(...gaps));
    svg.setPointerCapture(event.pointerId);
    svg.querySelectorAll("circle")[held].focus({ preventScroll: true });
    event.preventDefault();
    move(event);
  });
  svg.addEventListener("pointermove", (event) => held !== null && move(event));
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (held = null));
}
