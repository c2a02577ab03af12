// Random guesses, one for each seed, and the error at the first point.

const plot = cloud(row(), { width: 876, height: 380, zoom: 1 });
legend(root, [KEYS.points, KEYS.ols, { text: "the guess", key: "k2" }, { text: "first point", key: "", kind: "ring" }, { text: "its error", key: "k4" }]);
const [x0, y0] = data.points[0];
const model = plot.line([], "k2");
const bar = plot.line([], "k4");
plot.dots([[x0, y0]], "", 6, { fill: "none", stroke: "var(--ink)", "stroke-width": 2 });
const box = controls();
const seed = slider(box, "random seed", { min: 0, max: data.guesses.length - 1, value: 0, wide: true, chars: 3 }, update);
button(box, "guess again", () => { seed.set((seed.value + 1) % data.guesses.length); update(); });
const say = readout();
function update() {
  const [w, b] = data.guesses[seed.value];
  model.set(ends(w, b));
  const guess = w * x0 + b;
  bar.set([[x0, y0], [x0, guess]]);
  say(`<b>w = ${show(w)}, b = ${show(b)}</b>. At x = ${show(x0)}: prediction ${show(guess)}, truth ${show(y0)}, error ${show(y0 - guess)}, squared <b>${show((y0 - guess) ** 2)}</b>. Mean over all points: ${show(square(w, b), 1)}`);
}
update();
