// The data, the least-squares line, and a line to move.

const plot = cloud(row(), { width: 876, height: 380, zoom: 1 });
legend(root, [KEYS.points, KEYS.ols, { text: "your line", key: "k1" }, { text: "its errors", key: "k0", kind: "thin" }]);
const errors = draw("path", { class: "line thin", stroke: ink("k0"), opacity: 0.55 }, plot.body);
const mine = plot.line([], "k1");
const box = controls();
const w = slider(box, "slope w", { min: -1, max: 6, step: 0.02, value: 2.4, format: (v) => show(v) }, update);
const b = slider(box, "intercept b", { min: -6, max: 8, step: 0.02, value: 2.9, format: (v) => show(v) }, update);
button(box, "least squares", () => { w.set(data.ols[0]); b.set(data.ols[1]); update(); });
const say = readout();
const best = square(...data.ols);
function update() {
  const [v, c] = [w.value, b.value];
  mine.set(ends(v, c));
  errors.setAttribute("d", data.points.map(([x, y]) => `M${plot.X(x).toFixed(1)} ${plot.Y(y).toFixed(1)}V${plot.Y(v * x + c).toFixed(1)}`).join(""));
  say(`your line <b>${formula(v, c)}</b>: mean squared error <b>${show(square(v, c))}</b>; least squares reaches ${show(best)}, the least there is`);
}
update();
