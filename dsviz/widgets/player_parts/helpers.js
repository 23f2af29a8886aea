// The player: draws one or two runs of a scenario and sends what its viewer clicks to Python.
//
// `mount(el, payload, hooks)` works in any page: payload = {runs: [columns], view}, hooks.send
// takes a message for Python (without it faults are inert). The default export is the anywidget.
// Columns are made by dsviz/draw/columns.py and packed by packing.py, colours by theme.py.

// ---- Small helpers -------------------------------------------------------------------------

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Make an element: h("button", {class: "x", onclick: f}, child, …). */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  // JupyterLab looks at the focused element before it looks at its parents.
  if (["button", "input", "select", "code"].includes(tag)) element.dataset.lmSuppressShortcuts = "true";
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const COARSE = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const FINE = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });

/** A time as text, as exact as it needs to be: 1,604 ms, 12.4 ms, 0.253 ms. */
function ms(t) {
  return `${(Math.abs(t) < 1 ? FINE : COARSE).format(t)} ms`;
}

/** Move an element along an axis ("X" or "Y") to a whole pixel; most frames move it by none. */
function moveTo(element, axis, px) {
  const ratio = window.devicePixelRatio || 1;
  const place = `translate${axis}(${Math.round(px * ratio) / ratio}px)`;
  if (element.place === place) return;
  element.place = place;
  element.style.transform = place;
}

function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** First position in a sorted array (of which the first `count` values count) that is greater than x. */
function after(sorted, x, count = sorted.length) {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A round step (1, 2, 5 × 10^n) near `value`. */
function roundStep(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= value * 0.999);
}

/** Copy to the clipboard, also where the page may not use the clipboard interface. */
function copyText(text, root) {
  const fallback = () => {
    const area = h("textarea", { style: "position:absolute;opacity:0" });
    area.value = text;
    root.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  if (navigator.clipboard?.writeText) navigator.clipboard.writeText(text).catch(fallback);
  else fallback();
}
