// The map of concepts: rows from what needs nothing down to what builds on most.

function view(kit) {
  const { concepts, rows, chosen } = kit.state;
  kit.root.setAttribute("aria-label", "Map of the concepts");
  kit.root.classList.add("dk-map");
  const ground = h("div", { className: "dk-ground", style: `--rows: ${rows}` });
  ground.append(ways(kit));
  for (const one of concepts) ground.append(station(kit, one));
  const done = concepts.filter((one) => one.share >= 1).length;
  kit.root.append(
    h(
      "div",
      { className: "dk-head" },
      h("span", { className: "dk-tag", text: "Map" }),
      h("span", { className: "dk-soft", text: `Lines lead down to what builds on it. ${done} of ${concepts.length} done.` }),
    ),
    ground,
    about(kit, concepts.find((one) => one.number === chosen)),
  );
}

const STEP = 62; // px from row to row
const TALL = 40; // px of a station

function middle(one) {
  return [11 + one.column * 78, one.row * STEP + TALL / 2];
}

function ways(kit) {
  const { edges, concepts, rows, chosen } = kit.state;
  const by = Object.fromEntries(concepts.map((one) => [one.number, one]));
  const high = (rows - 1) * STEP + TALL;
  const svg = s("svg", { class: "dk-ways", viewBox: `0 0 100 ${high}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const near = (a, b) => a === chosen || b === chosen;
  const sorted = [...edges].sort((one, other) => near(one[0], one[1]) - near(other[0], other[1]));
  for (const [a, b, hard] of sorted) {
    const [x1, y1] = middle(by[a]);
    const [x2, y2] = middle(by[b]);
    if (!hard && !near(a, b)) continue;
    if (y1 === y2) {
      const low = y1 + TALL / 2;
      svg.append(
        s("path", {
          d: `M${x1},${low} C${x1},${low + 14} ${x2},${low + 14} ${x2},${low}`,
          "vector-effect": "non-scaling-stroke",
          class: "dk-way dk-near dk-dashed",
        }),
      );
      continue;
    }
    const [from, to] = [y1 + (y2 > y1 ? TALL / 2 : -TALL / 2), y2 + (y2 > y1 ? -TALL / 2 : TALL / 2)];
    const bend = Math.max(Math.abs(to - from) / 2, 8) * (y2 > y1 ? 1 : -1);
    const way = s("path", {
      d: `M${x1},${from} C${x1},${from + bend} ${x2},${to - bend} ${x2},${to}`,
      "vector-effect": "non-scaling-stroke",
      class: `dk-way${near(a, b) ? " dk-near" : ""}${hard ? "" : " dk-dashed"}`,
    });
    svg.append(way);
  }
  return svg;
}

function station(kit, one) {
  const { chosen, concepts } = kit.state;
  const [x, y] = middle(one);
  const needed = concepts.find((other) => other.number === chosen).after.includes(one.number);
  const leads = one.after.includes(chosen);
  const state = one.share >= 1 ? "done" : one.share > 0 ? "begun" : one.there ? "there" : "planned";
  const words = { done: "done", begun: `${Math.round(one.share * 100)} % done`, there: "not begun", planned: "not written yet" };
  const node = h(
    "button",
    {
      type: "button",
      className: "dk-station",
      style: `left: ${x}%; top: ${y}px; --share: ${one.share}`,
      "data-state": state,
      "data-near": String(needed || leads),
      "aria-pressed": String(one.number === chosen),
      "aria-label": `${one.number} ${one.title}, ${words[state]}`,
      "data-key": one.number,
      onclick: () => kit.send("choose", { number: one.number }),
      onkeydown: (event) => walk(kit, one, event),
    },
    h("b", { text: one.number }),
    h("span", { text: one.title }),
    state === "done" ? h("i", { text: "✓", "aria-hidden": "true" }) : "",
  );
  node.tabIndex = one.number === chosen ? 0 : -1;
  return node;
}

// Arrow keys go to the nearest station in that direction.
function walk(kit, from, event) {
  const way = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  if (!way) return;
  event.preventDefault();
  const [x, y] = [from.column * 10, from.row];
  const ahead = kit.state.concepts
    .map((one) => ({ one, dx: one.column * 10 - x, dy: one.row - y }))
    .filter(({ dx, dy }) => (way[0] ? dy === 0 && dx * way[0] > 0 : dy * way[1] > 0))
    .sort((a, b) => (way[0] ? Math.abs(a.dx) - Math.abs(b.dx) : Math.abs(a.dy) * 20 + Math.abs(a.dx) - Math.abs(b.dy) * 20 - Math.abs(b.dx)));
  if (!ahead.length) return;
  const { number } = ahead[0].one;
  kit.root.querySelector(`[data-key="${number}"]`).focus();
  kit.send("choose", { number });
}

function about(kit, one) {
  const { concepts } = kit.state;
  const names = (found) => found.map((other) => `${other.number} ${other.title}`).join(", ");
  const after = concepts.filter((other) => one.after.includes(other.number));
  const leads = concepts.filter((other) => other.after.includes(one.number));
  const row = (label, text) => (text ? [h("dt", { text: label }), h("dd", { text })] : []);
  return h(
    "div",
    { className: "dk-about" },
    h("p", {}, h("b", { text: `${one.number} ${one.title}` }), `: ${one.line}.`),
    h(
      "dl",
      { className: "dk-pair" },
      ...row("Builds on", names(after) || "nothing: start here if you like"),
      ...row("Leads to", names(leads)),
      ...row("Thread", one.threads.join(", ")),
      ...row("You", one.parts.map(([name, done, of]) => `${name} ${done} of ${of}`).join(" · ")),
    ),
    one.there
      ? h("a", { className: "dk-btn dk-primary", href: `${one.slug}.ipynb`, target: "_blank", text: "Open the lesson", "data-key": "open" })
      : h("span", { className: "dk-soft", text: "This lesson is not written yet." }),
  );
}
