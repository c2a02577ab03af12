// The loss of one point along w, its tangent, and the tangent's slope drawn below as a function of its own.

const [x0, y0] = data.point;
const [guessW, guessB] = data.guess;
const loss = (w, b) => (y0 - (x0 * w + b)) ** 2;
const slope = (w, b) => -2 * x0 * (y0 - (x0 * w + b));
const span = Array.from({ length: 141 }, (_, i) => -1 + i * 0.05);
const panels = row();
const small = { width: 285, height: 270, left: 42, right: 8, zoom: 1.2 };
const first = new Plot(panels, { ...small, x: [-1, 3], y: [-4, 10], xlabel: "x", ylabel: "y", title: "the point and the model" });
const second = new Plot(panels, { ...small, x: [-1, 6], y: [-3, 30], xlabel: "w", title: "loss L(w) = (y \u2212 (w x + b))\u00b2" });
const third = new Plot(panels, { ...small, x: [-1, 6], y: [-16, 16], xlabel: "w", title: "gradient dL/dw" });
legend(root, [{ text: "model w x + b", key: "k2" }, { text: "error", key: "k4" }, { text: "loss, gradient", key: "k1" }, { text: "tangent: its slope is the gradient", key: "k0" }]);
const model = first.line([], "k2");
const bar = first.line([], "k4");
first.dots([[x0, y0]], "ink", 5);
const curve = second.line([], "k1");
const tangent = second.line([], "k0");
const here = second.dots([], "ink", 5);
const straight = third.line([], "k1");
third.line([[-1, 0], [6, 0]], "grey", "thin");
const height = third.line([], "k0");
const there = third.dots([], "ink", 5);
const box = controls();
const w = slider(box, "weight w", { min: -1, max: 6, step: 0.01, value: guessW.toFixed(2), wide: true, format: (v) => show(v) }, update);
const b = slider(box, "bias b", { min: -3, max: 5, step: 0.01, value: guessB.toFixed(2), format: (v) => show(v) }, update);
button(box, "the lecture's guess", () => { w.set(guessW.toFixed(2)); b.set(guessB.toFixed(2)); update(); });
const say = readout();
function update() {
  // the sliders step by 0.01; at the lecture's guess the numbers are its own, unrounded
  const [v, c] = [near(w.value, guessW), near(b.value, guessB)];
  const [l, s] = [loss(v, c), slope(v, c)];
  model.set([[-1, c - v], [3, 3 * v + c]]);
  bar.set([[x0, y0], [x0, v * x0 + c]]);
  curve.set(span.map((x) => [x, loss(x, c)]));
  tangent.set([[v - 1, l - s], [v + 1, l + s]]);
  here.set([[v, l]]);
  straight.set(span.map((x) => [x, slope(x, c)]));
  height.set([[v, 0], [v, s]]);
  there.set([[v, s]]);
  const advice = Math.abs(s) < 0.05 ? "almost flat: the loss is at its least" : s < 0 ? "a larger w makes the loss smaller" : "a smaller w makes the loss smaller";
  say(`w = ${show(v)}, b = ${show(c)}: prediction ${show(v * x0 + c)}, loss <b>${show(l)}</b>, gradient <b>dL/dw = ${show(s)}</b>: ${advice}`);
}
function near(value, exact) { return Math.abs(value - exact) < 0.006 ? exact : value; }
update();
