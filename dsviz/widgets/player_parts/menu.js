// ---- Menus: faults for a node, a link, a group ------------------------------------------------

class Menu {
  constructor(player) {
    this.player = player;
    this.box = h("div", { class: "ds-menu", role: "dialog", hidden: true });
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.outside = (event) => {
      if (!this.box.hidden && !event.composedPath().includes(this.box)) this.close(false);
    };
    document.addEventListener("pointerdown", this.outside, true);
    player.root.append(this.box);
  }

  destroy() {
    document.removeEventListener("pointerdown", this.outside, true);
  }

  /** Show `content` near a point of the stage; focus returns to `opener` afterwards. */
  open(title, detail, content, at, opener) {
    this.opener = opener ?? document.activeElement;
    this.box.setAttribute("aria-label", `${title}, ${detail}`);
    this.box.replaceChildren(h("h3", {}, title, h("small", {}, detail)), ...content);
    this.box.hidden = false;
    const root = this.player.root.getBoundingClientRect();
    const stage = this.player.stage.box.getBoundingClientRect();
    const left = stage.left - root.left + at.x;
    const top = stage.top - root.top + at.y;
    Object.assign(this.box.style, {
      left: `${clamp(left, 6, root.width - this.box.offsetWidth - 8)}px`,
      top: `${clamp(top, 6, Math.max(6, root.height - this.box.offsetHeight - 8))}px`,
    });
    this.box.querySelector("select, input, button").focus({ preventScroll: true });
  }

  close(refocus = true) {
    if (this.box.hidden) return;
    this.box.hidden = true;
    if (refocus && this.opener?.isConnected) this.opener.focus({ preventScroll: true });
  }

  key(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
      return;
    }
    const stops = [...this.box.querySelectorAll("button, input, select")];
    const here = stops.indexOf(document.activeElement);
    if (event.key === "Tab") {
      event.preventDefault();
      stops[(here + (event.shiftKey ? -1 : 1) + stops.length) % stops.length].focus();
    } else if (["ArrowDown", "ArrowUp"].includes(event.key) && document.activeElement.tagName === "BUTTON") {
      event.preventDefault();
      const buttons = stops.filter((stop) => stop.tagName === "BUTTON");
      const next = buttons.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      buttons[(next + buttons.length) % buttons.length].focus();
    }
  }

  /** One row: a button, and the numbers its fault asks for. `target` adds what is hit. */
  item(entry, target) {
    const inputs = entry.fields.map((field) => [field, this.numberField(field)]);
    const apply = () => {
      const fault = { fault: entry.fault, at: this.player.now(), ...target() };
      for (const [field, input] of inputs) {
        const value = input.querySelector("input").value;
        if (value !== "") fault[field.name] = Number(value);
      }
      this.player.inject(fault);
    };
    const button = h("button", { type: "button", onclick: apply }, icon(this.player.view.icons[entry.fault]), entry.label);
    const row = h("div", { class: "ds-item" }, button, ...inputs.map(([, label]) => label));
    row.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.tagName === "INPUT") apply();
    });
    return row;
  }

  numberField(field) {
    const input = h("input", {
      type: "number", value: field.default, min: field.low, max: field.high, step: field.step,
    });
    if (field.name === "duration") input.title = "Leave empty for the rest of the run";
    return h("label", {}, field.word, input, field.unit);
  }

  forNode(index, opener) {
    const { player } = this;
    const { run, view, stage } = player;
    const name = run.names[index];
    const down = Boolean(run.node(index, player.t).down);
    const entries = view.menus.node.filter((entry) => !entry.when || entry.when === (down ? "down" : "up"));
    const target = (entry) => () => (entry.fault === "PowerLoss" ? { targets: [name] } : { node: name });
    const items = entries.map((entry) => this.item(entry, target(entry)));
    const alone = view.menus.group.map((entry) => this.item(entry, () => ({ a: [name] })));
    const spot = stage.spots[index];
    const links = this.linkChooser(index, spot);
    const at = { x: spot.x + stage.radius + 10, y: spot.y - stage.radius };
    this.open(name, `at ${ms(player.now())}`, [...items, h("hr"), ...alone, ...links], at, opener);
  }

  /** The way to a link's menu by keyboard: choose the other end. */
  linkChooser(index, spot) {
    const { run, stage } = this.player;
    const others = stage.edges.filter((edge) => edge.includes(index)).map(([a, b]) => (a === index ? b : a));
    if (!others.length) return [];
    const select = h("select", { "aria-label": "Other end of the link" });
    select.append(...others.map((other) => h("option", { value: other }, run.names[other])));
    const opener = this.opener;
    const go = h("button", { type: "button", onclick: () => this.forLink(index, Number(select.value), spot, opener) }, icon("link"), "Link with …");
    return [h("div", { class: "ds-item" }, go, h("label", {}, select))];
  }

  forLink(a, b, at, opener) {
    const { run, view, t } = { run: this.player.run, view: this.player.view, t: this.player.now() };
    const names = [run.names[a], run.names[b]];
    const way = h("select", { "aria-label": "Direction" },
      h("option", { value: "0" }, `${names[0]} → ${names[1]}`),
      h("option", { value: "1" }, `${names[1]} → ${names[0]}`),
    );
    const target = () => (way.value === "0" ? { src: names[0], dst: names[1] } : { src: names[1], dst: names[0] });
    const items = view.menus.link.map((entry) => this.item(entry, target));
    const both = view.menus.group.map((entry) => this.item({ ...entry, label: "Cut both ways" }, () => ({ a: [names[0]], b: [names[1]] })));
    this.open(`${names[0]} – ${names[1]}`, `at ${ms(t)}`, [h("div", { class: "ds-row" }, way), ...items, h("hr"), ...both], at, opener);
  }

  /** Choose an operation to be explained: those without an answer first, then what a check names. */
  forWhy(opener) {
    const { player } = this;
    const { ops, names } = player.run;
    const named = new Set(player.run.verdicts.filter((v) => v.status === "violated").flatMap((v) => v.ops));
    const rank = (row) => (named.has(row) ? 0 : ops.status[row] !== "ok" ? 1 : 2);
    const rows = [...ops.id.keys()].sort((a, b) => rank(a) - rank(b) || a - b).slice(0, 40);
    const items = rows.map((row) => {
      const ask = h("button", { type: "button", onclick: () => player.askWhy(row) }, icon("question"), player.operationWords(row));
      return h("div", { class: "ds-item" }, ask);
    });
    const at = this.above(opener, 330);
    this.open("Why?", `${names.length} nodes, ${ops.id.length} operations`, [h("div", { class: "ds-scroll" }, ...items)], at, opener);
  }

  /** Choose the nodes whose values are shown over time. */
  forLanes(opener) {
    const { run, axis } = this.player;
    const boxes = run.names.map((name) => {
      const box = h("input", { type: "checkbox", value: name, checked: axis.lanes.chosen.has(name) });
      box.addEventListener("change", () => axis.lanes.toggle(name));
      return h("label", {}, box, name);
    });
    const held = run.shown.node.length || run.steps.what.includes(LOGGED);
    const note = held ? [] : [h("p", { class: "ds-soft" }, "The nodes of this run show and log nothing.")];
    const at = this.above(opener, 120);
    this.open("Values over time", "a lane for each node", [h("div", { class: "ds-boxes", role: "group", "aria-label": "Nodes to show" }, ...boxes), ...note], at, opener);
  }

  /** A place for a menu above a button of the controls. */
  above(opener, room) {
    const stage = this.player.stage.box.getBoundingClientRect();
    const box = this.player.controls.box.getBoundingClientRect();
    return { x: opener.getBoundingClientRect().left - stage.left - 120, y: Math.max(20, box.top - stage.top - room) };
  }

  forGroup(chosen, at, opener) {
    const { run, view } = this.player;
    const boxes = run.names.map((name, i) => h("input", { type: "checkbox", value: name, checked: chosen.includes(i) }));
    const group = () => boxes.filter((box) => box.checked).map((box) => box.value);
    const items = view.menus.group.map((entry) => this.item(entry, () => ({ a: group() })));
    const labels = boxes.map((box, i) => h("label", {}, box, run.names[i]));
    this.open("Partition", `at ${ms(this.player.now())}`, [h("div", { class: "ds-boxes", role: "group", "aria-label": "Nodes to cut off" }, ...labels), ...items], at, opener);
    if (chosen.length) this.box.querySelector(".ds-item button").focus({ preventScroll: true });
  }
}
