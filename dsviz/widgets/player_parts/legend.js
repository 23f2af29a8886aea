// ---- Legend and filter of messages ---------------------------------------------------------------

class Legend {
  constructor(player, parent) {
    this.player = player;
    this.box = h("div", { class: "ds-legend" });
    parent.append(this.box);
  }

  /** The legend names only what occurs; message kinds are also the filter. It mostly stays as it was
      when a run changes: then it is left alone. */
  fill() {
    const parts = this.parts();
    const key = JSON.stringify(parts.map(([what]) => what));
    if (key === this.key) return;
    this.key = key;
    this.box.replaceChildren(...parts.map(([, make]) => make()));
  }

  /** What the legend holds: [what tells it from another, what makes its element]. */
  parts() {
    const { run, other, hidden } = this.player;
    const parts = [];
    const add = (sampled, text, make) => parts.push([[sampled, text], () => h("span", {}, make(), text)]);
    const sample = (name, colour, text) => add(name, text, () => tinted(icon(name), colour));
    const has = (what) => run.spans.what.includes(what);
    const roles = new Map(run.nodes.map((node) => [node.role, node.shape]));
    for (const [role, shape] of roles) add(shape, role, () => shapeSample(shape));
    if (has("down")) sample("cross", "vermilion", "down");
    if (run.errors.length) sample("error", "vermilion", "its code raised an error");
    if (has("paused")) sample("pause", "amber", "paused");
    const affected = new Set(run.spansBy.flat().filter((s) => s.what === "affected").map((s) => s.text));
    for (const text of affected) sample(AFFECTED[text] ?? "snail", "amber", text === "slow node" ? "slowed" : text);
    if (run.waiting?.n.some((n) => n > 0)) sample("queue", "amber", "messages waiting");
    if (run.unsynced.n.some((n) => n > 0)) sample("disk", "amber", "un-synced writes");
    if (run.skew.ms.some((offset) => offset)) sample("clock", "purple", "clock off");
    if (run.walls.length) sample("wall", "vermilion", "partition");
    if (run.links.what.includes("cut")) sample("cut", "vermilion", "one-way cut");
    if (run.shown.t.some((t) => t > 0)) add("changed", "just changed", () => shapeSample("circle", true));
    if (other) {
      add("dot", "only in this future", () => dotSample("teal"));
      add("line", "only in the other", () => tinted(lineSample([1.5, 3]), "down"));
    }
    parts.push([[run.kinds, [...hidden]], () => this.kinds(run.kinds)]);
    return parts;
  }

  kinds(kinds) {
    const box = h("span", { class: "ds-kinds", role: "group", "aria-label": "Messages to show" });
    box.append(...kinds.map((kind) => this.kindButton(kind)));
    return box;
  }

  kindButton(kind) {
    const button = h("button", {
      type: "button", class: "ds-kind", "aria-pressed": String(!this.player.hidden.has(kind.name)),
      style: `color: var(--ds-${kind.colour})`, title: `Show or hide ${kind.name} messages`,
    }, lineSample(kind.dash), kind.name);
    button.addEventListener("click", () => {
      const hide = !this.player.hidden.has(kind.name);
      if (hide) this.player.hidden.add(kind.name);
      else this.player.hidden.delete(kind.name);
      button.setAttribute("aria-pressed", String(!hide));
      this.player.invalidate();
    });
    return button;
  }
}

function tinted(element, colour) {
  element.style.color = `var(--ds-${colour})`;
  return element;
}

/** A node's shape for the legend. */
function shapeSample(shape, changed = false) {
  const svg = icon("plus");
  const outline = {
    diamond: "M12 2 22 12 12 22 2 12z", square: "M4 4h16v16H4z", circle: "M12 3a9 9 0 1 0 .01 0z",
    hexagon: "M12 2 20.7 7v10L12 22 3.3 17V7z", octagon: "M8 2h8l6 6v8l-6 6H8l-6-6V8z",
    triangle: "M12 2 22 20H2z", pentagon: "M12 2 22 9.5 18 21H6L2 9.500z",
  }[shape];
  svg.firstChild.setAttribute("d", outline);
  svg.style.color = changed ? "var(--ds-vermilion)" : "var(--ds-ink)";
  if (changed) svg.style.strokeWidth = "4";
  return svg;
}

function dotSample(colour) {
  const svg = tinted(icon("plus"), colour);
  svg.firstChild.setAttribute("d", "M12 7a5 5 0 1 0 .01 0z");
  svg.style.fill = "currentColor";
  return svg;
}

/** A piece of line in a message kind's dash. */
function lineSample(dash) {
  const svg = icon("minus");
  svg.setAttribute("viewBox", "0 0 30 24");
  svg.style.width = "22px";
  svg.firstChild.setAttribute("d", "M2 12h26");
  if (dash.length) svg.firstChild.setAttribute("stroke-dasharray", dash[0] < 3 ? "2 4" : "7 4");
  svg.firstChild.setAttribute("stroke-linecap", "butt");
  return svg;
}
