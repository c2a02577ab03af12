// Nets run in the page: the weights are one list, for each layer inputs x outputs row by row, then the biases.

const ACTIVATIONS = {
  linear: (z) => z,
  sigmoid: (z) => 1 / (1 + Math.exp(-z)),
  tanh: Math.tanh,
  relu: (z) => (z > 0 ? z : 0),
};

// Outputs for n inputs that stand one after the other in xs; net: sizes, hidden and last (names of activations).
function outputs(net, weights, xs, n) {
  let values = xs;
  let k = 0;
  for (let l = 0; l + 1 < net.sizes.length; l++) {
    const [a, b] = [net.sizes[l], net.sizes[l + 1]];
    const act = ACTIVATIONS[l + 2 < net.sizes.length ? net.hidden : net.last];
    const next = new Float64Array(n * b);
    const bias = k + a * b;
    for (let r = 0; r < n; r++) {
      for (let j = 0; j < b; j++) {
        let z = weights[bias + j];
        for (let i = 0; i < a; i++) z += values[r * a + i] * weights[k + i * b + j];
        next[r * b + j] = act(z);
      }
    }
    k = bias + b;
    values = next;
  }
  return values;
}

// The points of a grid over a plot's range, rows from below.
function grid(plot, nx, ny) {
  const [[x0, x1], [y0, y1]] = [plot.o.x, plot.o.y];
  const xs = new Float64Array(2 * nx * ny);
  for (let j = 0, k = 0; j < ny; j++) {
    for (let i = 0; i < nx; i++) {
      xs[k++] = x0 + (i / (nx - 1)) * (x1 - x0);
      xs[k++] = y0 + (j / (ny - 1)) * (y1 - y0);
    }
  }
  return xs;
}

// A drawing of a net: weights as lines, thick if large, blue if positive, orange if negative.
function diagram(parent, options) {
  const { width, height, title } = options;
  const panel = make("div", { class: "panel" }, parent);
  panel.style.maxWidth = width * 1.1 + "px";
  panel.style.flexBasis = width * 0.8 + "px";
  if (title) make("h2", {}, panel, title);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": options.alt || "drawing of the net" }, panel);
  const edges = draw("g", {}, svg);
  const nodes = draw("g", {}, svg);
  // off: for each layer, which neurons are left out
  return (net, weights, off) => {
    edges.replaceChildren();
    nodes.replaceChildren();
    const most = Math.max(...net.sizes);
    const radius = Math.min(13, (height - 16) / most / 2.6);
    const at = (l, i) => [30 + (l * (width - 60)) / (net.sizes.length - 1), height / 2 + (i - (net.sizes[l] - 1) / 2) * Math.min(46, (height - 2 * radius - 6) / Math.max(1, most - 1))];
    let k = 0;
    for (let l = 0; l + 1 < net.sizes.length; l++) {
      const [a, b] = [net.sizes[l], net.sizes[l + 1]];
      for (let i = 0; i < a; i++) {
        for (let j = 0; j < b; j++, k++) {
          if (off && (off[l][i] || off[l + 1][j])) continue;
          const w = weights ? weights[k] : 1;
          const [[x, y], [u, v]] = [at(l, i), at(l + 1, j)];
          const line = draw("path", { d: `M${x} ${y}L${u} ${v}`, stroke: ink(weights ? (w < 0 ? "k0" : "k1") : "edge"), "stroke-width": weights ? clamp(Math.abs(w) * 0.9, 0.3, 6).toFixed(2) : 1.2, opacity: 0.8 }, edges);
          if (weights) draw("title", {}, line, `weight ${show(w, 3)}`);
        }
      }
      k += b;
    }
    net.sizes.forEach((size, l) => {
      for (let i = 0; i < size; i++) {
        const [x, y] = at(l, i);
        const gone = off && off[l][i];
        draw("circle", { cx: x, cy: y, r: radius, fill: "var(--bg)", stroke: ink(gone ? "edge" : "ink"), "stroke-width": 1.5, "stroke-dasharray": gone ? "3 3" : "none" }, nodes);
        if (gone) draw("path", { d: `M${x - radius / 2} ${y - radius / 2}l${radius} ${radius}m0 ${-radius}l${-radius} ${radius}`, stroke: ink("k4"), "stroke-width": 2 }, nodes);
        const name = l === 0 ? (size === 1 ? "x" : "x" + "\u2081\u2082\u2083"[i]) : l === net.sizes.length - 1 ? "\u0177" : "";
        if (name && radius > 8) draw("text", { x, y: y + 4.5, "text-anchor": "middle" }, nodes, name);
      }
    });
  };
}
