// ---- Faults as chips above the time axis -------------------------------------------------------

const CHIP_ROW = 25;
const CHIP_ROWS = 3; // further chips stand beside, not above: the axis must stay low

class Chips {
  constructor(axis) {
    this.axis = axis;
    this.box = h("div", { class: "ds-chips" });
    this.widths = new Map();
    axis.box.append(this.box);
  }

  /** How many rows the chips take. */
  get rows() {
    return 1 + Math.max(0, ...[...this.box.children].map((chip) => Number(chip.dataset.row)));
  }

  /** Place all chips; `brief` ones show their icon only. Returns whether all found room. */
  arrange(brief) {
    this.box.classList.toggle("ds-brief", brief);
    const chips = [...this.box.children];
    const widths = chips.map((chip) => this.widthOf(chip, brief)); // all before any is moved
    const ends = Array(CHIP_ROWS).fill(-Infinity);
    return chips.map((chip, i) => this.placeChip(chip, widths[i], ends)).every(Boolean);
  }

  /** How wide a chip is. To read it makes the browser lay out the page: once for each text. */
  widthOf(chip, brief) {
    const key = `${chip.className} ${brief} ${chip.textContent}`;
    if (!this.widths.has(key) && chip.offsetWidth) this.widths.set(key, chip.offsetWidth);
    return this.widths.get(key) ?? 90;
  }

  /** Put a chip at its time in the first free row; where none is free, a little to the right. */
  placeChip(chip, width, ends) {
    const last = this.axis.width - width - 8;
    const wanted = clamp(this.axis.x(Number(chip.dataset.at)) - 11, 8, last);
    let row = ends.findIndex((end) => wanted > end + 4);
    if (row < 0) row = ends.indexOf(Math.min(...ends));
    const left = Math.max(wanted, ends[row] + 5);
    ends[row] = left + width;
    const placed = Math.min(left, last);
    Object.assign(chip.style, { left: `${placed}px`, top: `${6 + row * CHIP_ROW}px` });
    Object.assign(chip.dataset, { row, left: placed, width });
    return left <= last;
  }

  build() {
    const { run, view, live, showsOwn } = this.axis.player;
    const editable = live && showsOwn;
    const focused = document.activeElement?.closest?.(".ds-chip");
    const had = focused && this.box.contains(focused) ? focused.dataset.index : null;
    const chips = run.faults.map((fault) => this.chip(fault, editable, view.icons[fault.what] ?? "error"));
    this.box.replaceChildren(...chips);
    if (had !== null) (chips[Math.min(had, chips.length - 1)]?.firstChild ?? this.axis.range).focus({ preventScroll: true });
  }

  chip(fault, editable, iconName) {
    const colour = ["Pause", "Restart"].includes(fault.what) ? "amber" : fault.what === "ClockSkew" ? "purple" : "vermilion";
    const grip = h("button", {
      type: "button", class: "ds-grip", title: fault.text,
      "aria-label": `${fault.text}. ${editable ? "Arrow keys move it by 1 ms, with Shift by 10 ms; Delete removes it; Enter goes there" : "Press Enter to go there"}`,
    }, icon(iconName), h("span", {}, fault.chip));
    const chip = h("div", {
      class: editable ? "ds-chip" : "ds-chip ds-fixed", style: `--ds-chip: var(--ds-${colour})`,
      "data-index": fault.index, "data-at": fault.at, "data-colour": colour,
    }, grip);
    grip.addEventListener("keydown", (event) => this.chipKey(event, fault, editable));
    grip.addEventListener("click", () => this.axis.player.goTo(fault.at));
    if (editable) {
      const off = h("button", { type: "button", class: "ds-off", "aria-label": `Remove: ${fault.text}` }, icon("cross"));
      off.addEventListener("click", () => this.axis.player.send({ do: "remove", index: fault.index }));
      chip.append(off);
      grip.addEventListener("pointerdown", (event) => this.drag(event, chip, fault));
    }
    return chip;
  }

  chipKey(event, fault, editable) {
    const step = (event.shiftKey ? 10 : 1) * ({ ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0);
    if (!editable || (!step && event.key !== "Delete" && event.key !== "Backspace")) return;
    event.preventDefault();
    event.stopPropagation();
    if (!step) this.axis.player.send({ do: "remove", index: fault.index });
    else this.axis.player.send({ do: "move", index: fault.index, at: this.axis.player.tidy(fault.at + step) });
  }

  /** Drag a chip along the axis, or off it to remove it; a plain click goes to its time. */
  drag(event, chip, fault) {
    if (event.button !== 0) return;
    const grip = chip.firstChild;
    const start = { x: event.clientX, y: event.clientY };
    const grabbed = event.clientX - this.axis.box.getBoundingClientRect().left - this.axis.x(fault.at);
    let moved = false;
    let at = fault.at;
    const move = (now) => {
      const box = this.axis.box.getBoundingClientRect();
      if (Math.hypot(now.clientX - start.x, now.clientY - start.y) > 4) moved = true;
      if (!moved) return;
      at = this.axis.player.tidy(this.axis.timeAt(now.clientX - box.left - grabbed));
      chip.classList.add("ds-dragging");
      chip.classList.toggle("ds-leaving", Math.abs(now.clientY - start.y) > 44);
      chip.dataset.at = at;
      grip.lastChild.textContent = chip.classList.contains("ds-leaving") ? "let go to remove" : `${ms(at)} · ${fault.chip}`;
      chip.dataset.width = chip.offsetWidth;
      chip.dataset.left = clamp(this.axis.x(at) - 11, 8, this.axis.width - chip.offsetWidth - 8);
      chip.style.left = `${chip.dataset.left}px`;
      this.axis.version += 1;
      this.axis.player.invalidate();
    };
    const drop = (now) => {
      grip.removeEventListener("pointermove", move);
      grip.removeEventListener("pointerup", drop);
      grip.removeEventListener("pointercancel", drop);
      if (!moved) return;
      grip.addEventListener("click", (click) => click.stopImmediatePropagation(), { capture: true, once: true });
      const leaving = chip.classList.contains("ds-leaving");
      if (now.type === "pointercancel" || (!leaving && at === fault.at)) this.axis.setRuns();
      else if (leaving) this.axis.player.send({ do: "remove", index: fault.index });
      else this.axis.player.send({ do: "move", index: fault.index, at });
    };
    grip.setPointerCapture(event.pointerId);
    grip.addEventListener("pointermove", move);
    grip.addEventListener("pointerup", drop);
    grip.addEventListener("pointercancel", drop);
  }
}
