// ---- The foot: outcome table, where futures part, why, and what was done in Python ---------------

class Foot {
  constructor(player, parent) {
    this.player = player;
    this.table = h("div");
    this.errorBox = h("div", { class: "ds-error", hidden: true });
    this.said = h("div", { class: "ds-say" });
    this.say = h("div", { class: "ds-say" }, this.errorBox, this.said);
    this.box = h("div", { class: "ds-foot" }, this.table, this.say);
    parent.append(this.box);
  }

  fill() {
    this.fillTable();
    this.fillSay();
  }

  /** One run: its figures in a line. Two: a table with the difference. */
  fillTable() {
    this.box.setAttribute("aria-busy", String(Boolean(this.player.view.pending)));
    if (this.player.view.pending && this.table.firstChild) return; // it stands until the other one comes
    const both = this.player.runs.length > 1;
    this.box.classList.toggle("ds-single", !both);
    this.table.replaceChildren(both ? this.outcomeTable() : this.outcomeLine());
  }

  outcomeLine() {
    const checks = new Set(this.player.run.verdicts.map((verdict) => verdict.check));
    const figures = this.player.view.outcome.filter((row) => !checks.has(row.label));
    return h("p", { class: "ds-summary" }, ...figures.map((row) => h("span", {}, `${row.label} `, h("b", {}, row.a))));
  }

  /** What differs, as a table; what does not, in a line. */
  outcomeTable() {
    const row = (r) => h("tr", {},
      h("th", { scope: "row" }, r.label), h("td", {}, r.a),
      h("td", { class: r.worse ? "ds-worse" : null }, r.b),
      h("td", { class: r.worse ? "ds-worse" : "ds-soft" }, r.difference),
    );
    const differing = this.player.view.outcome.filter((r) => r.difference !== "same");
    const same = this.player.view.outcome.filter((r) => r.difference === "same").map((r) => `${r.label} (${r.a})`);
    const heads = ["what clients saw", ...(this.player.view.letters ?? ["A", "B"]), "difference"];
    if (!differing.length) {
      return h("p", { class: "ds-same" }, `Nothing that clients saw differs: ${same.join(", ")}.`);
    }
    return h("div", {},
      h("table", { class: "ds-outcome" },
        h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)))),
        h("tbody", {}, ...differing.map(row)),
      ),
      same.length ? h("p", { class: "ds-same" }, `The same in both: ${same.join(", ")}.`) : null,
    );
  }

  fillSay() {
    const { view } = this.player;
    if (view.pending && this.said.firstChild) return;
    const lines = [];
    if (view.parting) lines.push(h("p", {}, h("b", {}, `The futures part at ${ms(view.parting.t)}. `), partingWords(view.parting, view.letters ?? ["A", "B"])));
    for (const text of view.differences ?? []) lines.push(h("p", {}, text));
    if (view.why && this.player.showsOwn) lines.unshift(this.whySaid(view.why));
    if (view.live && view.line) lines.push(h("p", { class: "ds-soft" }, "What you just did, in Python:"), this.codeLine(view.line));
    if (view.live && this.player.other) lines.push(h("p", { class: "ds-soft" }, "All of it:"), this.codeLine(view.script));
    if (!view.live) lines.push(h("p", { class: "ds-soft" }, "A recorded run. To break it, open the notebook with a kernel."));
    this.said.replaceChildren(...lines);
    this.showSay();
  }

  /** An explanation: a sentence, the chain of events as steps to go to, what did not arrive. */
  whySaid(why) {
    const steps = why.steps.map((step) =>
      h("li", {}, h("button", { type: "button", class: "ds-step", onclick: () => this.player.goMarked(step.t) }, h("b", {}, ms(step.t)), ` ${step.text}`)),
    );
    const missing = why.missing.map((text) => h("li", {}, text));
    return h("section", { class: "ds-why", "aria-label": "Why" },
      h("p", {}, h("b", {}, "Why? "), why.summary),
      h("ol", {}, ...steps),
      missing.length ? h("p", { class: "ds-soft" }, "Had one of these arrived in time, it might have ended otherwise:") : null,
      missing.length ? h("ul", {}, ...missing) : null,
    );
  }

  showSay() {
    this.say.hidden = !this.said.children.length && this.errorBox.hidden;
  }

  codeLine(text) {
    const button = iconButton("copy", "Copy this line", () => {
      copyText(text, this.player.root);
      button.replaceChildren(h("span", {}, "✓"));
      setTimeout(() => button.replaceChildren(icon("copy")), 1200);
    });
    return h("div", { class: "ds-line" }, h("code", { tabindex: "0" }, text), button);
  }

  /** The learner's own lines, where nodes are down because their code raised this error. */
  showError(errors) {
    const key = errors.map((error) => `${error.node} ${error.t}`).join();
    if (this.errorKey === key) return;
    this.errorKey = key;
    this.errorBox.hidden = !errors.length;
    this.showSay();
    if (!errors.length) return;
    const names = errors.map((error) => this.player.run.names[error.node]).sort();
    const [{ t, lines, error }] = errors;
    this.errorBox.replaceChildren(
      h("b", {}, `${listed(names)} stopped at ${ms(t)}: ${names.length > 1 ? "their" : "its"} own code raised an error`),
      h("pre", {}, [...lines, error].join("\n")),
    );
  }
}

function partingWords({ a, b }, [one, other]) {
  return `${one}: ${a ?? "nothing happens then"}. ${other}: ${b ?? "nothing happens then"}.`;
}
