// What the figures of one x and one y share: the cloud of points, lines through it, its mean squared error.

const XS = [-5.4, 5.4];
const formula = (w, b, places = 2) => `y = ${show(w, places)} x ${signed(b, places)}`;
const ends = (w, b) => XS.map((x) => [x, w * x + b]);
const square = (w, b) => data.points.reduce((sum, [x, y]) => sum + (y - w * x - b) ** 2, 0) / data.points.length;

function cloud(parent, options = {}) {
  const plot = new Plot(parent, { x: XS, y: [-19, 21], xlabel: "x", ylabel: "y", ...options });
  plot.dots(data.points, "grey", 3, { opacity: 0.6 });
  plot.line(ends(...data.ols), "", "dash thin");
  return plot;
}
const KEYS = {
  points: { text: "data", key: "grey", kind: "dot" },
  ols: { text: `least squares: ${formula(...data.ols)}`, key: "", kind: "dash thin" },
};
