// ---- The head: title, seed, the futures as tabs, undo and redo -----------------------------------

class Head {
  constructor(player, parent) {
    this.player = player;
    const send = (message) => player.send(message);
    this.title = h("span", { class: "ds-title" });
    this.about = h("span", { class: "ds-soft" });
    this.seedBox = h("input", { type: "number", step: "1", "aria-label": "Seed" });
    const reseed = () => {
      const n = Math.trunc(Number(this.seedBox.value));
      if (n !== player.run.seed) send({ do: "seed", n });
    };
    this.seedBox.addEventListener("change", reseed);
    this.seedBox.addEventListener("keydown", (event) => {
      if (event.key === "Enter") reseed();
    });
    this.seedLabel = h("label", {}, "seed", this.seedBox);
    this.tabs = h("div", { class: "ds-tabs", role: "tablist", "aria-label": "Futures" });
    this.undoButton = iconButton("undo", "Undo the last change", () => send({ do: "undo" }));
    this.redoButton = iconButton("redo", "Redo", () => send({ do: "redo" }));
    this.resetButton = iconButton("reset", "Back to the run as scripted", () => send({ do: "reset" }));
    this.whatIfButton = h("button", {
      type: "button", class: "ds-tab ds-plus", title: "Open one more future, the same as the one on show, to change it",
      onclick: () => send({ do: "what if" }),
    }, "+ what if");
    this.closeButton = iconButton("cross", "Close the future on show", () => send({ do: "close", future: player.view.tabs.find((tab) => tab.shown).number }));
    this.edits = h("span", { class: "ds-tabs", style: "gap:4px" }, this.closeButton, this.undoButton, this.redoButton, this.resetButton);
    this.box = h("div", { class: "ds-head" }, this.title, this.seedLabel, this.about, h("span", { class: "ds-space" }),
      h("div", { class: "ds-futures" }, this.tabs, this.whatIfButton, this.edits),
    );
    parent.append(this.box);
  }

  fill() {
    const { view, run, live } = this.player;
    this.title.textContent = view.title;
    this.player.root.setAttribute("aria-label", `Player: ${view.title}`);
    this.seedBox.value = run.seed;
    this.seedBox.disabled = !live;
    this.about.textContent = `${ms(run.duration)} · ${run.events.toLocaleString("en")} events`;
    const had = document.activeElement?.closest?.(".ds-tabs") === this.tabs ? document.activeElement.dataset.number : null;
    this.tabs.replaceChildren(...this.tabsFor(view.tabs ?? []));
    if (had !== null) (this.tabs.querySelector(`[data-number="${had}"]`) ?? this.tabs.firstChild)?.focus({ preventScroll: true });
    this.whatIfButton.hidden = !live;
    this.edits.hidden = !live;
    this.undoButton.disabled = !view.undo;
    this.redoButton.disabled = !view.redo;
    this.resetButton.disabled = !(view.tabs ?? []).length;
    this.closeButton.disabled = !(view.tabs ?? []).some((tab) => tab.shown && tab.number);
  }

  /** A tab for each future; the one on show may be closed, the others may stand beside it. */
  tabsFor(tabs) {
    return tabs.map((tab) => {
      const selected = tab.shown ? this.player.showsOwn : tab.beside && !this.player.showsOwn;
      const button = h("button", {
        type: "button", role: "tab", class: "ds-tab", "aria-selected": String(selected), "data-number": tab.number,
        tabindex: selected ? "0" : "-1",
        title: tab.shown ? `${tab.name}: on show` : tab.beside ? `${tab.name}: compared with what is on show` : `${tab.name}: show it`,
        onclick: () => this.chooseTab(tab),
      }, tab.name);
      button.addEventListener("keydown", (event) => this.tabKey(event, tab));
      return button;
    });
  }

  chooseTab(tab) {
    if (tab.shown) this.player.choose(this.player.runs.length - 1);
    else if (tab.beside && this.player.runs.length > 1) this.player.choose(0);
    else this.player.send({ do: "show", future: tab.number });
  }

  /** Arrow keys go from tab to tab, Delete closes a future. */
  tabKey(event, tab) {
    const all = [...this.tabs.children];
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (way) all[(all.indexOf(event.currentTarget) + way + all.length) % all.length].focus();
    else if (event.key === "Delete" && tab.number && this.player.live) this.player.send({ do: "close", future: tab.number });
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
