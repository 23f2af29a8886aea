// Interview cards: answer aloud, unfold, compare; and a whiteboard with four levels.

function view(kit) {
  const { cards, boards } = kit.state;
  kit.root.setAttribute("aria-label", "Interview corner");
  kit.root.classList.add("dk-interview");
  const rated = cards.filter((card) => card.met).length;
  kit.root.append(
    h(
      "div",
      { className: "dk-head" },
      h("span", { className: "dk-tag", text: "Interview" }),
      h("span", { className: "dk-soft", text: `Answer aloud first, then compare. ${rated} of ${cards.length} rated.` }),
    ),
    ...cards.map((card) => cardView(kit, card)),
    ...boards.map((board) => boardView(kit, board)),
  );
}

function fold(kit, one, title, inside) {
  const open = kit.local[one.id] ?? false;
  const toggle = () => {
    kit.local[one.id] = !open;
    if (open) kit.draw();
    else kit.send("unfold", { id: one.id });
  };
  const head = h(
    "button",
    { type: "button", className: "dk-fold", "aria-expanded": String(open), "data-key": one.id, onclick: toggle },
    h("i", { text: open ? "▾" : "▸", "aria-hidden": "true" }),
    ...title,
  );
  return h("div", { className: "dk-card" }, head, open && h("div", { className: "dk-inside" }, ...inside()));
}

function cardView(kit, card) {
  const { rubric } = kit.state;
  const score = card.met ? h("span", { className: "dk-score", text: `${card.met.length} of ${rubric.length}` }) : "";
  const title = [h("span", { className: "dk-level", text: card.level }), h("span", { className: "dk-grow", text: card.ask }), score];
  return fold(kit, card, title, () =>
    card.strong
      ? [
          line("A strong answer", card.strong, "strong"),
          line("The trap", card.trap, "trap"),
          line("They go on", card.follow, "follow"),
          ratings(kit, card),
        ]
      : [],
  );
}

function line(label, text, kind) {
  return h("div", { className: `dk-part dk-${kind}` }, h("b", { text: label }), h("p", { text }));
}

function ratings(kit, card) {
  const met = new Set(card.met ?? []);
  const change = (i, on) => {
    if (on) met.add(i);
    else met.delete(i);
    kit.send("score", { id: card.id, met: [...met] });
  };
  return h(
    "fieldset",
    { className: "dk-rubric" },
    h("legend", { text: "My answer had" }),
    ...kit.state.rubric.map((text, i) =>
      h(
        "label",
        {},
        h("input", {
          type: "checkbox",
          checked: met.has(i),
          "data-key": `${card.id}-${i}`,
          onchange: (event) => change(i, event.target.checked),
        }),
        h("span", { text }),
      ),
    ),
  );
}

function boardView(kit, board) {
  const title = [
    h("span", { className: "dk-level", text: "whiteboard" }),
    h("span", { className: "dk-grow", text: board.ask }),
    board.level ? h("span", { className: "dk-score", text: `level ${board.level}` }) : "",
  ];
  return fold(kit, board, title, () =>
    (board.levels ?? []).map((text, i) =>
      h(
        "label",
        { className: "dk-rung" },
        h("input", {
          type: "radio",
          name: `dk-${board.id}-${(kit.local.group ??= Math.random())}`,
          checked: board.level === i + 1,
          "data-key": `${board.id}-${i}`,
          onchange: () => kit.send("level", { id: board.id, level: i + 1 }),
        }),
        h("b", { text: `Level ${i + 1}` }),
        h("span", { text }),
      ),
    ),
  );
}
