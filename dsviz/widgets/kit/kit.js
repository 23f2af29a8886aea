// Shared by the widgets of the kit: elements, the theme, announcements, clicks as messages.
// A widget's own file defines view(kit), which fills kit.root from kit.state and is called again
// whenever Python has changed the state.

function h(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "text") node.textContent = value;
    else if (name in node && name !== "list") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function s(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function button(label, onclick, options = {}) {
  const { primary, ...rest } = options;
  const node = h("button", { type: "button", text: label, onclick, ...rest });
  node.classList.add("dk-btn");
  if (primary) node.classList.add("dk-primary");
  return node;
}

function themed(root, tokens) {
  const set = () => {
    const { jpThemeLight } = document.body.dataset;
    const dark = jpThemeLight ? jpThemeLight === "false" : matchMedia("(prefers-color-scheme: dark)").matches;
    const mode = dark ? "dark" : "light";
    root.dataset.theme = mode;
    for (const [name, colour] of Object.entries(tokens[mode])) {
      root.style.setProperty(`--ds-${name.replaceAll("_", "-")}`, colour);
    }
  };
  set();
  const watch = new MutationObserver(set);
  watch.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  return () => watch.disconnect();
}

// Which control has the focus, in words that hold after the widget was drawn again.
function focused(root) {
  const at = document.activeElement;
  return at && root.contains(at) && at.dataset ? at.dataset.key : undefined;
}

export default {
  render({ model, el }) {
    // The attribute keeps Jupyter's own shortcuts away from what is typed here.
    const root = h("section", { className: "ds-kit", "data-lm-suppress-shortcuts": "true" });
    const live = h("div", { className: "dk-live", role: "status", "aria-live": "polite" });
    el.append(root, live);
    const kit = {
      root,
      get state() {
        return model.get("_view");
      },
      send: (verb, more = {}) => model.send({ do: verb, ...more }),
      announce: (text) => {
        if (text && live.textContent !== text) live.textContent = text;
      },
      local: {}, // what only this page knows: half an answer, the card that is open
      draw: () => {
        const key = focused(root);
        root.replaceChildren();
        view(kit);
        if (kit.state.problem) {
          root.append(h("p", { className: "dk-problem", role: "alert", text: kit.state.problem }));
        }
        if (key) root.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
      },
    };
    const untheme = themed(root, model.get("_view").tokens);
    model.on("change:_view", kit.draw);
    kit.draw();
    return () => {
      model.off("change:_view", kit.draw);
      untheme();
    };
  },
};
