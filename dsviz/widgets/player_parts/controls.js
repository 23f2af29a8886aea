// ---- Controls: play, step, speed, and what opens menus -------------------------------------------

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8, 16];

class Controls {
  constructor(player, parent) {
    this.player = player;
    this.playButton = h("button", { type: "button", class: "ds-btn ds-primary", onclick: () => player.toggle() });
    this.speedBox = h("select", { "aria-label": "Speed" });
    this.speedBox.append(...SPEEDS.map((speed) => h("option", { value: speed }, `${speed}×`)));
    this.speedBox.addEventListener("change", () => player.setSpeed(Number(this.speedBox.value)));
    this.paceText = h("span", { class: "ds-soft ds-wide" });
    this.partitionButton = h("button", { type: "button", class: "ds-btn", onclick: () => player.openGroupMenu([], { x: 40, y: 40 }, this.partitionButton) }, icon("wall"), "partition …");
    this.whyButton = h("button", {
      type: "button", class: "ds-btn", title: "Why did an operation end as it did?", onclick: () => this.open("forWhy", this.whyButton),
    }, icon("question"), "why …");
    this.lanesButton = h("button", {
      type: "button", class: "ds-btn", title: "Show what nodes hold and log, over time", onclick: () => this.open("forLanes", this.lanesButton),
    }, icon("lanes"), "values …");
    this.linkButton = h("button", { type: "button", class: "ds-btn", title: "Copy a link to this moment of these futures", onclick: () => this.copyLink() }, icon("chain"), "copy link");
    const button = (name, text, label, act) =>
      h("button", { type: "button", class: "ds-btn", "aria-label": label, onclick: act }, icon(name), h("span", { class: "ds-wide" }, text));
    this.box = h("div", { class: "ds-controls", role: "group", "aria-label": "Controls" },
      button("start", "start", "Go to the start", () => player.goTo(0)),
      button("previous", "event", "Previous event", () => player.stepTo(-1, true)),
      this.playButton,
      button("next", "event", "Next event", () => player.stepTo(1, true)),
      this.speedBox, this.paceText, h("span", { class: "ds-space" }), this.lanesButton, this.whyButton, this.linkButton, this.partitionButton,
    );
    parent.append(this.box);
  }

  fill() {
    const { other, live, run, view } = this.player;
    this.player.ghostButton.hidden = !other;
    this.partitionButton.hidden = !live;
    this.whyButton.hidden = !live || !run.ops.id.length;
    this.linkButton.hidden = !view.link;
    this.paceText.textContent = `1× = ${ms(run.pace)} a second`;
    this.player.axis.range.max = run.duration;
    this.player.showPlay();
  }

  /** Open a menu of this name above its button. */
  open(menu, opener) {
    this.player.pause();
    this.player.menu[menu](opener);
  }

  /** What is copied opens the same futures at the same moment, in a notebook or in a saved page. */
  copyLink() {
    const { player } = this;
    const link = `${player.view.link}@${player.now()}`;
    const page = player.hooks.send ? "" : window.location.href.split("#")[0];
    copyText(page ? `${page}#${link}` : link, player.root);
    player.root.dataset.link = link;
    this.linkButton.replaceChildren(h("span", {}, "✓"), "copied");
    setTimeout(() => this.linkButton.replaceChildren(icon("chain"), "copy link"), 1400);
  }
}
