// One epoch, point by point, then thirty, epoch by epoch: the line, and the path of (w, b).

const frames = [...data.path, ...data.epochs.slice(1)];
const seen = data.path.length - 1;
const panels = row();
const left = cloud(panels, { title: "the line" });
const right = new Plot(panels, { x: [-1, 5], y: [-1.2, 2.2], xlabel: "w", ylabel: "b", title: "the path of (w, b)" });
legend(root, [KEYS.points, { text: "least squares", key: "", kind: "dash thin" }, { text: "the guess", key: "k2" }, { text: "the model", key: "k1" }, { text: "the point just seen", key: "k4", kind: "ring" }, { text: "equal mean squared error", key: "edge", kind: "thin" }]);
left.line(ends(...frames[0]), "k2");
const model = left.line([], "k1");
const ring = left.dots([], "", 6, { fill: "none", stroke: "var(--k4)", "stroke-width": 2.5 });
// mean squared error is a quadratic form around the least-squares solution: its level lines are ellipses
const n = data.points.length;
const mean = (f) => data.points.reduce((sum, [x]) => sum + f(x), 0) / n;
const [xx, x1] = [mean((x) => x * x), mean((x) => x)];
for (const level of [0.05, 0.25, 0.7, 2, 5, 12, 30, 70]) {
  const ring = [];
  for (let i = 0; i <= 96; i++) {
    const [c, s] = [Math.cos((i * Math.PI) / 48), Math.sin((i * Math.PI) / 48)];
    const r = Math.sqrt(level / (xx * c * c + 2 * x1 * c * s + s * s));
    ring.push([data.ols[0] + r * c, data.ols[1] + r * s]);
  }
  right.line(ring, "edge", "thin");
}
const path = right.line([], "k1");
right.dots([frames[0]], "k2", 5);
right.dots([data.ols], "ink", 4.5);
right.text(...data.ols, "least squares", { dx: 8, dy: -8 });
right.text(...frames[0], "guess", { dx: -2, dy: 20, anchor: "middle" });
const now = right.dots([], "k1", 6);
const name = (i) => (i <= seen ? `${i} points` : `${i - seen + 1} epochs`);
const box = controls();
const at = player(box, "seen", { max: frames.length - 1, value: seen, format: name, chars: 10, pause: 60 }, update);
button(box, "one epoch", () => { at.stop(); at.set(seen); update(); });
const say = readout();
function update() {
  const i = at.value;
  const [w, b] = frames[i];
  model.set(ends(w, b));
  ring.set(i >= 1 && i <= seen ? [data.points[i - 1]] : []);
  path.set(frames.slice(0, i + 1));
  now.set([[w, b]]);
  say(`after ${i <= seen ? `${i} of ${seen} points of the first epoch` : `${i - seen + 1} epochs`}: <b>${formula(w, b)}</b>, mean squared error <b>${show(square(w, b))}</b> (least squares: ${show(square(...data.ols))}); learning rate ${data.rate}`);
}
update();
