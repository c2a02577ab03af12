// Gradient descent on the first point: lines before and after, for any learning rate.

const plot = cloud(row(), { width: 876, height: 380, zoom: 1 });
legend(root, [KEYS.points, KEYS.ols, { text: "the guess", key: "k2" }, { text: "after the steps", key: "k1" }, { text: "the point learnt from", key: "", kind: "ring" }]);
const [x0, y0] = data.point;
const guess = data.paths["0.001"][0];
plot.line(ends(...guess), "k2");
const model = plot.line([], "k1");
plot.dots([[x0, y0]], "", 6, { fill: "none", stroke: "var(--ink)", "stroke-width": 2 });
const box = controls();
const rates = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4];
const rate = slider(box, "learning rate", { min: 0, max: rates.length - 1, value: 3, format: (i) => String(rates[i]) }, update);
const steps = slider(box, "steps", { min: 0, max: 10, value: 1 }, update);
const place = make("div", {}, root);
function walk(lr, count) {
  let [w, b] = guess;
  for (let i = 0; i < count; i++) {
    const error = y0 - (w * x0 + b);
    [w, b] = [w + lr * 2 * error * x0, b + lr * 2 * error];
  }
  return [w, b];
}
const say = readout();
function update() {
  const lr = rates[rate.value];
  const [w, b] = walk(lr, steps.value);
  model.set(ends(w, b));
  place.replaceChildren();
  const table = make("table", {}, place);
  const line = (cells, tag) => cells.reduce((tr, cell) => { make(tag, {}, tr, cell); return tr; }, make("tr", {}, table));
  line(["", "w", "b", "prediction", "loss", "dL/dw", "dL/db"], "th");
  for (const [name, [v, c]] of [["the guess", guess], [`after ${steps.value} step${steps.value === 1 ? "" : "s"}`, [w, b]]]) {
    const error = y0 - (v * x0 + c);
    line([name, show(v, 4), show(c, 4), show(y0 - error, 3), show(error ** 2, 3), show(-2 * error * x0, 3), show(-2 * error, 3)], "td");
  }
  const grows = (1 - 2 * lr * (1 + x0 * x0)) ** 2 > 1;
  say(grows ? "The steps are too long: <b>each lands further from the point than the one before</b>." : "The loss of this point falls with every step; the other points were not asked.");
}
update();
