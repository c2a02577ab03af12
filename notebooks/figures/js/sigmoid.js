// The sigmoid with a tangent, and a neuron with one input.

const sigma = (z) => 1 / (1 + Math.exp(-z));
const panels = row();
const left = new Plot(panels, { x: [-6, 6], y: [-0.15, 1.15], xlabel: "z", title: "\u03c3(z) = 1 / (1 + exp(\u2212z))" });
const right = new Plot(panels, { x: [-6, 6], y: [-0.15, 1.15], xlabel: "x", title: "a neuron: \u03c3(w x + b)" });
for (const plot of [left, right]) for (const v of [0, 1]) plot.line([[-6, v], [6, v]], "grey", "dots thin");
left.line(along(data.sigmoid.values), "k1");
const tangent = left.line([], "k0");
const here = left.dots([], "ink", 5);
right.line(along(data.sigmoid.values), "k1", "dash thin");
const neuron = right.line([], "k2");
const middle = right.dots([], "ink", 5);
legend(root, [{ text: "\u03c3", key: "k1" }, { text: "tangent", key: "k0" }, { text: "the neuron", key: "k2" }]);
const box = controls();
const z = slider(box, "z", { min: -6, max: 6, step: 0.1, value: 1, format: (v) => show(v, 1) }, update);
const w = slider(box, "w", { min: -5, max: 5, step: 0.1, value: 2.5, format: (v) => show(v, 1) }, update);
const b = slider(box, "b", { min: -5, max: 5, step: 0.1, value: -3, format: (v) => show(v, 1) }, update);
const say = readout();
function update() {
  const [s, slope] = [sigma(z.value), sigma(z.value) * (1 - sigma(z.value))];
  tangent.set([[z.value - 2, s - 2 * slope], [z.value + 2, s + 2 * slope]]);
  here.set([[z.value, s]]);
  neuron.set(Array.from({ length: 241 }, (_, i) => [-6 + i * 0.05, sigma(w.value * (-6 + i * 0.05) + b.value)]));
  const at = -b.value / w.value;
  middle.set(w.value ? [[at, 0.5]] : []);
  const half = w.value === 0 ? "with w = 0 the neuron does not listen to x" : Math.abs(at) <= 6 ? `the neuron is one half at x = \u2212b / w = <b>${show(at)}</b>` : "the neuron is one half outside the picture";
  say(`\u03c3(${show(z.value, 1)}) = <b>${show(s, 3)}</b>, its slope \u03c3 (1 \u2212 \u03c3) = <b>${show(slope, 3)}</b>; ${half}`);
}
update();
