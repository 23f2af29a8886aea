// ---- Entry points -------------------------------------------------------------------------------

/** Show a player in `el`. Returns {update(payload), destroy(), player}. */
export function mount(el, payload, hooks) {
  const player = new PlayerView(el, hooks);
  player.update(payload);
  if (!hooks?.send) player.followAddress();
  return {
    player,
    update(next) {
      player.update(next);
      player.noteLatency();
    },
    destroy: () => player.destroy(),
  };
}

/** The payload in an anywidget model. Runs that did not change are not parsed again. */
function reader(model) {
  const known = new Map();
  const parse = (name) => {
    const bytes = model.get(name);
    if (!bytes?.byteLength) return null;
    if (known.get(name)?.bytes !== bytes) {
      known.set(name, { bytes, run: new Run(JSON.parse(new TextDecoder().decode(bytes))) });
    }
    return known.get(name).run;
  };
  return () => ({ runs: [parse("_scripted"), parse("_edited")].filter(Boolean), view: model.get("_view") });
}

function render({ model, el }) {
  const read = reader(model);
  const mounted = mount(el, read(), { send: (message) => model.send(message) });
  const changed = () => mounted.update(read());
  model.on("change:_view", changed);
  return () => {
    model.off("change:_view", changed);
    mounted.destroy();
  };
}

export default { render };
