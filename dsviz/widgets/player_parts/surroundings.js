// ---- What surrounds the player: its size in the page, whether it is seen, the theme ---------------

/** Watches the page and tells the player that extends it. */
class Surroundings extends Playback {
  constructor() {
    super();
    this.visible = true;
    this.sizes = { width: 800, stage: 640, diagram: { width: 400 } }; // px, until it is in a page
  }

  watch() {
    this.sized = new ResizeObserver(() => this.resized());
    this.sized.observe(this.root);
    this.seen = new IntersectionObserver(([entry]) => {
      this.visible = entry.isIntersecting;
      this.last = null;
      this.invalidate();
    });
    this.seen.observe(this.root);
    this.themed = new MutationObserver(() => this.setTheme());
    this.themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"] });
    this.dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.onDark = () => this.setTheme();
    this.dark.addEventListener("change", this.onDark);
  }

  /** Only another width, or another height of the diagram, moves anything. The browser calls this
      when it has laid out the page and has not painted it: here alone are sizes read, for nothing. */
  resized() {
    const [width, stage] = [this.root.clientWidth, this.stage.box.clientWidth];
    const diagram = { width: this.spacetime.box.clientWidth, height: this.spacetime.box.clientHeight };
    if (!width) { // out of the page for a moment, as when JupyterLab scrolls
      this.sizeKey = null;
      return;
    }
    const key = [width, stage, diagram.width, diagram.height, window.devicePixelRatio].join();
    if (key === this.sizeKey) return;
    this.sizeKey = key;
    this.sizes = { width, stage, diagram };
    if (!this.run) return;
    this.look += 1;
    this.stage.place();
    this.axis.arrange();
    this.spacetime.arrange();
    this.invalidate();
  }

  setTheme() {
    if (!this.view) return;
    const mode = themeMode(this.view.theme, this.dark);
    if (this.root.dataset.theme === mode && this.colours) return; // the same colours as before
    this.look += 1;
    this.root.dataset.theme = mode;
    this.colours = this.view.tokens[mode];
    this.root.style.colorScheme = mode;
    for (const [name, colour] of Object.entries(this.colours)) {
      this.root.style.setProperty(`--ds-${name.replaceAll("_", "-")}`, colour);
    }
    this.invalidate();
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.playing = false;
    this.sized.disconnect();
    this.seen.disconnect();
    this.themed.disconnect();
    this.dark.removeEventListener("change", this.onDark);
    this.menu.destroy();
    this.root.remove();
  }
}

function themeMode(wanted, dark) {
  if (wanted === "light" || wanted === "dark") return wanted;
  const { jpThemeLight } = document.body.dataset;
  if (jpThemeLight) return jpThemeLight === "false" ? "dark" : "light";
  if (document.body.classList.contains("vscode-dark")) return "dark";
  return dark.matches && !document.body.classList.contains("vscode-light") ? "dark" : "light";
}
