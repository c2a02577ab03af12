// The half moons, and a straight line that the reader turns and moves.

const height = Math.round((492 * (data.y[1] - data.y[0])) / (data.x[1] - data.x[0])) + 48;
const panels = row();
const plot = new Plot(panels, { x: data.x, y: data.y, xlabel: "x\u2081", ylabel: "x\u2082", width: 550, height, zoom: 1.02 });
const beside = make("div", { class: "panel column" }, panels);
const side = draw("path", { fill: ink("k1"), opacity: 0.13 }, plot.body);
const dotsOf = (label, part, r) => plot.dots(data.points.filter((p) => p[2] === label && p[3] === part), label ? "k1" : "k0", r, { stroke: "var(--bg)", "stroke-width": part ? 1.4 : 0.7 });
for (const part of [0, 1]) for (const label of [0, 1]) dotsOf(label, part, part ? 6 : 3.4);
const line = plot.line([], "ink");
legend(beside, [{ text: "class 0", key: "k0", kind: "dot" }, { text: "class 1", key: "k1", kind: "dot" }, { text: "large: kept for testing", key: "grey", kind: "dot" }, { text: "your line", key: "" }, { text: "called class 1", key: "k1", kind: "area" }]);
const box = controls(beside);
const angle = slider(box, "direction", { min: 0, max: 359, value: 300, format: (v) => v + "\u00b0", wide: true }, update);
const shift = slider(box, "shift", { min: -1.5, max: 1.5, step: 0.01, value: 0.1, format: (v) => show(v) }, update);
button(box, "best straight line", () => { angle.set(best[1]); shift.set(best[2]); update(); });
const say = readout(beside);
const share = (a, s) => {
  const [c, d] = [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)];
  return data.points.reduce((sum, [x, y, label]) => sum + ((c * (x - 0.5) + d * (y - 0.25) > s) === (label > 0.5)), 0) / data.points.length;
};
let best = [0, 0, 0];
for (let a = 0; a < 360; a += 3) for (let s = -1.5; s <= 1.5; s += 0.05) if (share(a, s) > best[0]) best = [share(a, s), a, s];
for (let a = best[1] - 3; a <= best[1] + 3; a++) for (let s = best[2] - 0.05; s <= best[2] + 0.05; s += 0.01) if (share(a, s) > best[0]) best = [share(a, s), a, s];
function update() {
  const [c, d] = [Math.cos((angle.value * Math.PI) / 180), Math.sin((angle.value * Math.PI) / 180)];
  const at = (t, s) => [0.5 + s * c - t * d, 0.25 + s * d + t * c];
  line.set([at(-9, shift.value), at(9, shift.value)]);
  side.setAttribute("d", plot.path([at(-9, shift.value), at(9, shift.value), at(9, shift.value + 18), at(-9, shift.value + 18)]) + "Z");
  say(`your line has <b>${(100 * share(angle.value, shift.value)).toFixed(1)} %</b> of the ${data.points.length} points on the right side; the best straight line ${(100 * best[0]).toFixed(1)} %`);
}
update();
