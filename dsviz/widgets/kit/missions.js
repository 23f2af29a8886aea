// Numbered missions; what the run beside them shows ticks itself off.

function view(kit) {
  const { items, fresh } = kit.state;
  kit.root.setAttribute("aria-label", "Missions");
  kit.root.classList.add("dk-missions");
  const done = items.filter((item) => item.done).length;
  kit.root.append(
    h(
      "div",
      { className: "dk-head" },
      h("span", { className: "dk-tag", text: "Missions" }),
      h("span", { className: "dk-soft", text: `${done} of ${items.length} done` }),
    ),
    h("ol", {}, ...items.map((item, number) => mission(kit, item, number))),
  );
  if (fresh !== null) kit.announce(`Mission ${fresh + 1} done: ${items[fresh].text}`);
}

function mission(kit, item, number) {
  const label = `Mission ${number + 1}, ${item.done ? "done" : "open"}`;
  const mark = item.done ? "✓" : String(number + 1);
  const tick = item.own
    ? h("button", {
        type: "button",
        className: "dk-tick-mark",
        role: "checkbox",
        "aria-checked": String(item.done),
        "aria-label": `${label}: tick it off yourself`,
        title: "Tick it off yourself",
        text: mark,
        "data-key": `tick-${number}`,
        onclick: () => kit.send("tick", { number, done: !item.done }),
      })
    : h("i", { className: "dk-tick-mark", role: "img", "aria-label": label, text: mark });
  return h(
    "li",
    { "data-done": String(item.done) },
    tick,
    h("span", { className: "dk-grow", text: item.text }),
    !item.hinted && button("Hint", () => kit.send("hint", { number }), { "aria-label": `Hint for mission ${number + 1}`, "data-key": `hint-${number}` }),
    item.hint && h("p", { className: "dk-hint" }, h("b", { text: "Hint. " }), item.hint),
  );
}
