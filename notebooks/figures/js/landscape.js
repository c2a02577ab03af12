// A loss over two weights, and four rules to descend it, from any start with any learning rate.

const LANDSCAPES = {
  valley: (a, b) => 0.1 * a * a + 4 * (b + 0.3 * Math.sin(a)) ** 2,
  hills: (a, b) => {
    let value = 0.12 * (a * a + b * b) + 2.2;
    for (const [x, y, width, depth] of [[1.3, -0.9, 0.9, 2.2], [-1.5, -0.6, 0.8, 1.4]]) value -= depth * Math.exp(-((a - x) ** 2 + (b - y) ** 2) / (2 * width * width));
    return value;
  },
  saddle: (a, b) => 0.25 * a ** 4 - 0.8 * a * a + 0.6 * b * b + 0.7,
};
// Slopes by central differences: exact to ten digits, and no second set of formulas to get wrong.
const slopes = (f, a, b, h = 1e-5) => [(f(a + h, b) - f(a - h, b)) / (2 * h), (f(a, b + h) - f(a, b - h)) / (2 * h)];
// Each rule takes a weight's gradient g, what it remembers, the rate and the step's number, and gives the change.
const RULES = {
  SGD: (g, m, lr) => lr * g,
  momentum: (g, m, lr) => { m.v = 0.9 * (m.v || 0) + g; return lr * m.v; },
  RMSProp: (g, m, lr) => { m.s = 0.99 * (m.s || 0) + 0.01 * g * g; return (lr * g) / (Math.sqrt(m.s) + 1e-8); },
  Adam: (g, m, lr, t) => {
    m.v = 0.9 * (m.v || 0) + 0.1 * g;
    m.s = 0.999 * (m.s || 0) + 0.001 * g * g;
    return (lr * (m.v / (1 - 0.9 ** t))) / (Math.sqrt(m.s / (1 - 0.999 ** t)) + 1e-8);
  },
};
function descend(name, rule, start, lr, steps) {
  const f = LANDSCAPES[name];
  let [a, b] = start;
  const memory = [{}, {}];
  const path = [[a, b, f(a, b)]];
  for (let t = 1; t <= steps; t++) {
    const g = slopes(f, a, b);
    a -= RULES[rule](g[0], memory[0], lr, t);
    b -= RULES[rule](g[1], memory[1], lr, t);
    if (!(Math.abs(a) < 1e3 && Math.abs(b) < 1e3)) { path.push([clamp(a, -1e3, 1e3) || 0, clamp(b, -1e3, 1e3) || 0, 1e6]); break; }
    path.push([a, b, f(a, b)]);
  }
  return path;
}

const names = ["valley", "hills", "saddle"];
const KEYS = { SGD: "k0", momentum: "k4", RMSProp: "k5", Adam: "ink" };
const STEPS = 120;
const panels = row();
const plot = new Plot(panels, { x: data.x, y: data.y, xlabel: "w\u2081", ylabel: "w\u2082", width: 530, height: 410, zoom: 1.02 });
const canvas = plot.canvas();
const lines = draw("path", { class: "line thin", stroke: "var(--edge)", opacity: 0.7 }, plot.body);
const costs = new Plot(panels, { width: 335, height: 390, x: [0, STEPS], y: [0, 4], xlabel: "step", title: "loss", right: 16, zoom: 1.03 });
const tracks = Object.keys(RULES).map((rule) => ({ rule, halo: plot.line([], "bg"), path: plot.line([], KEYS[rule]), spots: plot.dots([], KEYS[rule], 5, { stroke: "var(--bg)", "stroke-width": 1.5 }), cost: costs.line([], KEYS[rule]), on: true }));
for (const track of tracks) track.halo.element.style.strokeWidth = 4.5;
const origin = plot.dots([], "bg", 6, { stroke: "var(--ink)", "stroke-width": 2 });
legend(root, [...tracks.map(({ rule }) => ({ text: rule, key: KEYS[rule] })), { text: "start", key: "", kind: "ring" }]);
const box = controls();
let name = names[0];
let start = data.starts[name].slice();
choice(box, "landscape", names, (i) => { name = names[i]; start = data.starts[name].slice(); terrain(); update(); });
const factors = [0.1, 0.2, 0.5, 1, 2, 5, 10];
const factor = slider(box, "learning rates \u00d7", { min: 0, max: factors.length - 1, value: 3, format: (i) => String(factors[i]), chars: 3 }, update);
const frame = player(box, "step", { max: STEPS, value: STEPS, pause: 60, chars: 3 }, update);
const which = controls();
for (const track of tracks) tick(which, track.rule, true, (on) => { track.on = on; update(); });
button(which, "random start", () => { start = [-2.8 + 5.6 * Math.random(), -2 + 4 * Math.random()]; update(); });
const say = readout();
const [NX, NY] = [91, 67];
let values = [];
function terrain() {
  const f = LANDSCAPES[name];
  values = Array.from({ length: NX * NY }, (_, k) => f(data.x[0] + ((k % NX) / (NX - 1)) * 6, data.y[0] + (Math.floor(k / NX) / (NY - 1)) * 4.4));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  // levels by the square root: they are closer together where it is deep
  const level = (z) => Math.sqrt(Math.max(0, (z - low) / (high - low)));
  const bands = 24;
  paint(canvas, values, NX, NY, ramp(bands, ["high", "mid", "low"]), level);
  lines.setAttribute("d", Array.from({ length: bands / 2 }, (_, i) => contour(plot, values, NX, NY, low + (high - low) * ((2 * i + 1) / bands) ** 2)).join(""));
  costs.range(costs.o.x, [Math.min(0, Math.floor(low * 4) / 4), Math.max(1.2, LANDSCAPES[name](...data.starts[name]) * 1.25)]);
}
redraws.push(() => { terrain(); update(); });
function update() {
  const words = [];
  for (const track of tracks) {
    const lr = data.rates[track.rule] * factors[factor.value];
    const path = descend(name, track.rule, start, lr, STEPS);
    const seen = track.on ? path.slice(0, frame.value + 1) : [];
    track.path.set(seen);
    track.halo.set(seen);
    track.spots.set(seen.slice(-1));
    track.cost.set(seen.map((p, t) => [t, p[2]]));
    const end = path[Math.min(frame.value, path.length - 1)][2];
    if (track.on) words.push(`${track.rule} (${+lr.toPrecision(2)}) <b>${end > 1e3 ? "has run away" : show(end, 3)}</b>`);
  }
  origin.set([start]);
  say(`loss after step ${frame.value}: ${words.join(", ")}`);
}
plot.svg.setAttribute("tabindex", "0");
plot.svg.style.cursor = "crosshair";
plot.svg.setAttribute("aria-label", "map of the loss; arrow keys move the start");
let dragging = false;
const move = (event) => { start = plot.at(event); update(); };
plot.svg.addEventListener("pointerdown", (event) => { dragging = true; plot.svg.setPointerCapture(event.pointerId); move(event); });
plot.svg.addEventListener("pointermove", (event) => { if (dragging) move(event); });
plot.svg.addEventListener("pointerup", () => { dragging = false; });
plot.svg.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
  if (!by) return;
  event.preventDefault();
  start = [clamp(start[0] + by[0], ...data.x), clamp(start[1] + by[1], ...data.y)];
  update();
});
terrain();
update();
// how far the page's rules are from minitorch's optimizers, for the tests
window.farthest = () => Math.max(...names.flatMap((n) => Object.keys(RULES).map((rule) => {
  const mine = descend(n, rule, data.starts[n], data.rates[rule], STEPS);
  return Math.max(...data.paths[n][rule].map((p, t) => Math.max(Math.abs(p[0] - mine[t][0]), Math.abs(p[1] - mine[t][1]))));
})));
