// Many runs: curves of the median with the middle half, and for each run the epoch at which it passed a threshold.

const KEYS = ["grey", "k5", "k0", "k4", "k2", "k1"];
const panels = row();
const left = new Plot(panels, { x: [1, data.epochs], y: [0.5, 0.72], log: "x", xlabel: "epoch", ylabel: "evaluation loss", width: 420, height: 360, title: "median of the runs" });
const right = new Plot(panels, { x: [0, data.epochs * 1.09], y: [-0.6, data.nets.length - 0.4], width: 440, height: 360, left: 92, xlabel: "epochs until the loss passed the threshold", title: "every run", yticks: data.nets.map((net, i) => [i, net.name]), xticks: [...[0, 250, 500, 750, 1000, 1250].map((v) => [v, String(v)]), [data.epochs * 1.05, "never"]] });
legend(root, [...data.nets.map((net, i) => ({ text: `${net.name} (${net.parameters} parameters)`, key: KEYS[i] })), { text: "threshold", key: "", kind: "dash thin" }]);
const curves = data.nets.map((net, i) => [
  left.band(data.steps.map((step, k) => [step, net.loss[k][0], net.loss[k][2]]), KEYS[i], 0.15),
  left.line(data.steps.map((step, k) => [step, net.loss[k][1]]), KEYS[i]),
]);
const level = left.line([], "", "dash thin");
const dots = data.nets.map((_, i) => right.dots([], KEYS[i], 3.2, { opacity: 0.75 }));
const medians = data.nets.map(() => right.line([], "ink"));
const box = controls();
const threshold = slider(box, "threshold", { min: 0, max: data.thresholds.length - 1, value: data.opens, wide: true, format: (i) => data.thresholds[i].toFixed(3) }, update);
const alone = choice(box, "show", ["all sizes", ...data.nets.map((net) => net.name)], update);
const say = readout();
const medianOf = (values) => {
  const sorted = values.map((v) => v || Infinity).sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};
function update() {
  const k = threshold.value;
  level.set([[1, data.thresholds[k]], [data.epochs, data.thresholds[k]]]);
  const words = data.nets.map((net, i) => {
    const shown = alone.value === 0 || alone.value === i + 1;
    for (const part of curves[i]) part.element.style.display = shown ? "" : "none";
    const passed = net.passed[k];
    // dots of one size lie side by side in an order of their own, so that they do not hide each other
    dots[i].set(passed.map((epoch, r) => [epoch || data.epochs * 1.05, i + (((r * 37) % passed.length) / (passed.length - 1) - 0.5) * 0.62]));
    const middle = medianOf(passed);
    medians[i].set(Number.isFinite(middle) ? [[middle, i - 0.4], [middle, i + 0.4]] : []);
    return `${net.name} <b>${Number.isFinite(middle) ? Math.round(middle) : "more than " + data.epochs}</b>`;
  });
  say(`median of the epochs to ${data.thresholds[k].toFixed(3)}: ${words.join(", ")}`);
}
update();
