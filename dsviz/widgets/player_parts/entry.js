// ---- Entry points -------------------------------------------------------------------------------

/** Show a player in `el`. Returns {update(payload), destroy(), player}. */
export function mount(el, payload, hooks) {
  const player = new PlayerView(el, hooks);
  player.update(payload);
  if (!hooks?.send) player.followAddress();
  return {
    player,
    update: (next) => player.update(next),
    destroy: () => player.destroy(),
  };
}

const ARRAYS = { b: Int8Array, B: Uint8Array, h: Int16Array, i: Int32Array, d: Float64Array };

/** Columns from the bytes that dsviz/draw/packing.py made. */
function unpacked(view) {
  const bytes = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength); // aligned
  const start = 4 + new DataView(bytes).getUint32(0, true);
  const columns = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, start - 4)));
  for (const table of Object.values(columns)) {
    if (table === null || typeof table !== "object" || Array.isArray(table)) continue;
    for (const [name, column] of Object.entries(table)) {
      if (column?.[0] !== "$") continue;
      const [, code, first, count] = column;
      table[name] = new ARRAYS[code](bytes, start + first, count);
    }
  }
  return columns;
}

/** The payload in an anywidget model. Runs that did not change are not unpacked again. */
function reader(model) {
  const known = new Map();
  const parse = (name) => {
    const bytes = model.get(name);
    if (!bytes?.byteLength) return null;
    if (known.get(name)?.bytes !== bytes) {
      known.set(name, { bytes, run: new Run(unpacked(bytes)) });
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
