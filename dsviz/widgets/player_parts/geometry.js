// ---- Geometry of the stage ---------------------------------------------------------------------

function distanceToSegment(x, y, a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const f = clamp(((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy || 1), 0, 1);
  return Math.hypot(x - a.x - f * dx, y - a.y - f * dy);
}

function insidePolygon({ x, y }, polygon) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const [a, b] = [polygon[i], polygon[j]];
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}

/** The curve field(x, y) = 0, chained into lines (marching squares on a grid of `cell` px). */
function contour(field, width, height, cell) {
  const columns = Math.ceil(width / cell);
  const rows = Math.ceil(height / cell);
  const values = [];
  for (let j = 0; j <= rows; j += 1) for (let i = 0; i <= columns; i += 1) values.push(field(i * cell, j * cell));
  const at = (i, j) => values[j * (columns + 1) + i];
  const links = new Map();
  const point = (i, j, k, l) => {
    const f = at(i, j) / (at(i, j) - at(k, l));
    return [(i + f * (k - i)) * cell, (j + f * (l - j)) * cell];
  };
  const name = (i, j, k, l) => `${Math.min(i, k)} ${Math.min(j, l)} ${i === k ? "v" : "h"}`;
  for (let j = 0; j < rows; j += 1) {
    for (let i = 0; i < columns; i += 1) {
      const sides = [[i, j, i + 1, j], [i + 1, j, i + 1, j + 1], [i, j + 1, i + 1, j + 1], [i, j, i, j + 1]];
      const crossed = sides.filter(([a, b, c, d]) => at(a, b) < 0 !== at(c, d) < 0);
      for (let n = 0; n + 1 < crossed.length; n += 2) {
        const ends = [crossed[n], crossed[n + 1]].map((side) => ({ key: name(...side), at: point(...side) }));
        for (const [one, other] of [ends, [...ends].reverse()]) {
          if (!links.has(one.key)) links.set(one.key, { at: one.at, next: [] });
          links.get(one.key).next.push(other.key);
        }
      }
    }
  }
  return chained(links);
}

/** Walk linked points into one path, ends of open lines first. */
function chained(links) {
  const path = new Path2D();
  const seen = new Set();
  const starts = [...links.keys()].sort((a, b) => links.get(a).next.length - links.get(b).next.length);
  for (const start of starts) {
    let key = seen.has(start) ? null : start;
    let first = true;
    while (key) {
      seen.add(key);
      const { at, next } = links.get(key);
      if (first) path.moveTo(...at);
      else path.lineTo(...at);
      first = false;
      const onward = next.find((other) => !seen.has(other));
      if (!onward && next.includes(start) && start !== key) path.closePath();
      key = onward;
    }
  }
  return path;
}
