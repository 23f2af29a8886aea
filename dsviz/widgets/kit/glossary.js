// Terms with one line each; with many of them, a field to search.

function view(kit) {
  const { terms } = kit.state;
  kit.root.setAttribute("aria-label", "Glossary");
  kit.root.classList.add("dk-glossary");
  const list = h("div", { className: "dk-terms", role: "list" });
  const count = h("span", { className: "dk-soft", role: "status" });
  const show = (wanted) => {
    const found = terms.filter(([name, meaning]) => `${name} ${meaning}`.toLowerCase().includes(wanted.toLowerCase()));
    list.replaceChildren(
      ...found.map(([name, meaning, source]) =>
        h("p", { role: "listitem" }, h("b", { text: name }), ` ${meaning}`, h("span", { className: "dk-soft", text: ` · ${source}` })),
      ),
    );
    count.textContent = `${found.length} of ${terms.length} terms`;
  };
  if (terms.length > 8) {
    const field = h("input", {
      type: "search",
      value: kit.local.wanted ?? "",
      placeholder: "Search",
      "aria-label": "Search the glossary",
      "data-key": "search",
      oninput: (event) => show((kit.local.wanted = event.target.value)),
    });
    kit.root.append(h("div", { className: "dk-head" }, h("span", { className: "dk-tag", text: "Glossary" }), field, count));
    list.classList.add("dk-tall");
  }
  list.tabIndex = terms.length > 8 ? 0 : -1;
  show(kit.local.wanted ?? "");
  kit.root.append(list);
}
