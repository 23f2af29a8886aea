// Questions one below the other; each answer says at once why it is right or not.

const LETTERS = "abcdefgh";

function view(kit) {
  const { items, right } = kit.state;
  kit.root.setAttribute("aria-label", "Quiz");
  kit.root.classList.add("dk-quiz");
  const tried = items.some((item) => item.said.length);
  kit.root.append(
    h(
      "div",
      { className: "dk-head" },
      h("span", { className: "dk-tag", text: "Quiz" }),
      h("span", { className: "dk-soft", text: `${right} of ${items.length} right` }),
      h("span", { className: "dk-space" }),
      tried && button("Start again", () => kit.send("again"), { "data-key": "again" }),
    ),
    ...items.map((item, number) => question(kit, item, number)),
  );
}

function question(kit, item, number) {
  const legend = h("legend", {}, h("b", { text: `${number + 1}. ` }), item.ask);
  const list = h("div", { className: "dk-answers" });
  item.answers.forEach((text, place) => {
    const said = item.said.find((one) => one.place === place);
    const state = said ? (said.right ? "right" : "wrong") : "open";
    const mark = { right: "✓", wrong: "✗", open: LETTERS[place] }[state];
    const line = h("button", {
      type: "button",
      className: "dk-answer",
      "data-state": state,
      "data-key": `${number}-${place}`,
      "aria-pressed": String(Boolean(said)),
      "aria-label": `${LETTERS[place]}) ${text}${said ? (said.right ? ": right" : ": not right") : ""}`,
      onclick: () => kit.send("choose", { number, place }),
      onkeydown: (event) => arrows(event, list),
    });
    line.append(h("i", { text: mark, "aria-hidden": "true" }), h("span", { text }));
    list.append(line);
    if (said) list.append(h("p", { className: "dk-why", "data-state": state, text: said.why }));
  });
  if (item.hint) list.append(h("p", { className: "dk-hint" }, h("b", { text: "Hint. " }), item.hint));
  const last = item.said[0];
  if (last && kit.local[number] !== item.said.length) {
    kit.announce(`${last.right ? "Right." : "Not quite."} ${last.why} ${item.hint}`);
  }
  kit.local[number] = item.said.length;
  return h("fieldset", { className: "dk-question", "data-done": String(item.done) }, legend, list);
}

function arrows(event, list) {
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!way) return;
  event.preventDefault();
  const all = [...list.querySelectorAll("button")];
  all[(all.indexOf(event.currentTarget) + way + all.length) % all.length].focus();
}
