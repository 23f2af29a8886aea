// What was observed, beside what was predicted.

function view(kit) {
  const { said, nudge, right, seen, because, plot, predicted, observed } = kit.state;
  kit.root.setAttribute("aria-label", "Outcome");
  kit.root.classList.add("dk-outcome");
  const mark = nudge ? "nudge" : right === true ? "right" : right === false ? "wrong" : "seen";
  kit.root.dataset.mark = mark;
  kit.root.append(
    h(
      "dl",
      { className: "dk-pair" },
      h("dt", { text: "Predicted" }),
      h("dd", { className: "dk-soft", text: said }),
      h("dt", { text: "Observed" }),
      h("dd", {}, h("b", { text: seen })),
    ),
  );
  if (plot && observed) kit.root.append(sketch(plot, { drawn: predicted, seen: observed }));
  if (because) kit.root.append(h("p", { text: because }));
}
