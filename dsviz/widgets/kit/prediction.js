// The form that asks for a prediction: choices, a number, or points on a plot.

function view(kit) {
  const { question, choices, plot } = kit.state;
  kit.root.setAttribute("aria-label", "Prediction");
  kit.root.classList.add("dk-prediction");
  kit.root.append(
    h("p", { className: "dk-ask" }, h("span", { className: "dk-tag", text: "Predict" }), question),
    choices ? choiceField(kit) : plot ? plotField(kit) : numberField(kit),
    h(
      "div",
      { className: "dk-row" },
      button("Keep my prediction", () => commit(kit), { primary: true, "data-key": "keep" }),
      h("span", { className: "dk-said", text: kit.state.said }),
    ),
  );
  kit.announce(kit.state.said);
}

function commit(kit) {
  const { local, state } = kit;
  const value = local.value ?? state.kept;
  kit.send("commit", { value: value === undefined ? null : value });
}

let group = 0;

function choiceField(kit) {
  const { choices, kept } = kit.state;
  const chosen = kit.local.value ?? kept;
  const name = `dk-choice-${(group += 1)}`;
  return h(
    "fieldset",
    { className: "dk-choices" },
    h("legend", { className: "dk-hidden", text: kit.state.question }),
    ...choices.map((text, i) =>
      h(
        "label",
        {},
        h("input", {
          type: "radio",
          name,
          value: text,
          checked: text === chosen,
          "data-key": `choice-${i}`,
          onchange: () => (kit.local.value = text),
        }),
        h("span", { text }),
      ),
    ),
  );
}

function numberField(kit) {
  const { kept, low, high, unit, question } = kit.state;
  const input = h("input", {
    type: "number",
    min: low,
    max: high,
    step: "any",
    value: kit.local.value ?? kept ?? "",
    placeholder: `${low} to ${high}`,
    "aria-label": `${question} (${unit}, ${low} to ${high})`,
    "data-key": "number",
  });
  input.addEventListener("input", () => {
    kit.local.value = input.value === "" ? null : Number(input.value);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") commit(kit);
  });
  return h("div", { className: "dk-row" }, input, h("span", { className: "dk-soft", text: unit }));
}

function plotField(kit) {
  const { plot, kept } = kit.state;
  const points = kit.local.value ?? kept ?? null;
  return sketch(plot, {
    drawn: points,
    onchange: (value) => (kit.local.value = value),
    initial: kit,
  });
}
