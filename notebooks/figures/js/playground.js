// The playground: data, net and optimizer to choose, training here or in the kernel.

const NX = 73;
const NY = 55;
const RANGE = { x: [-2, 2], y: [-1.5, 1.5] };
const DATA = {
  "half moons": (t, label) => (label ? [0.5 - Math.cos(Math.PI * t), 0.25 - Math.sin(Math.PI * t)] : [Math.cos(Math.PI * t) - 0.5, Math.sin(Math.PI * t) - 0.25]),
  circles: (t, label) => { const r = label ? 0.4 : 1.1; return [r * Math.cos(2 * Math.PI * t), r * Math.sin(2 * Math.PI * t)]; },
  "four squares": (t, label, random) => { const [x, y] = [1.2 * random.uniform(), 1.2 * random.uniform()]; const side = random.uniform() < 0.5 ? -1 : 1; return [side * x, (label ? side : -side) * y]; },
  spirals: (t, label) => { const a = 0.6 + 9 * Math.sqrt(t) + (label ? Math.PI : 0); const r = 0.14 + 1.15 * Math.sqrt(t); return [r * Math.cos(a), r * Math.sin(a)]; },
  "two clouds": (t, label, random) => [(label ? 0.75 : -0.75) + 0.3 * random.normal(), (label ? 0.45 : -0.45) + 0.3 * random.normal()],
};
const DATA_NAMES = Object.keys(DATA);
const ACTS = ["tanh", "sigmoid", "relu", "linear"];
const OPTIMIZERS = ["SGD", "momentum", "Adam"];
const RATES = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];
const BATCHES = [1, 8, 32, 200];

// ---- the picture

const panels = row();
const plot = new Plot(panels, { ...RANGE, xlabel: "x\u2081", ylabel: "x\u2082", width: 520, height: 396, zoom: 1.02 });
const canvas = plot.canvas(1);
const boundary = draw("path", { class: "line", stroke: "var(--ink)" }, plot.body);
const clouds = [0, 1].flatMap((part) => [0, 1].map((label) => plot.dots([], label ? "k1" : "k0", part ? 4.4 : 3, { stroke: "var(--bg)", "stroke-width": part ? 1.4 : 0.7 })));
const side = make("div", { class: "panel" }, panels);
side.style.flexBasis = "280px";
side.style.maxWidth = "350px";
const wire = diagram(side, { width: 340, height: 170, title: "the net and its weights" });
const costs = new Plot(side, { width: 340, height: 185, x: [0, 100], y: [0, 0.8], xlabel: "step", title: "loss", right: 18, zoom: 1.06 });
const trainLine = costs.line([], "k3");
const testLine = costs.line([], "k4", "dash");
legend(root, [{ text: "class 0", key: "k0", kind: "dot" }, { text: "class 1", key: "k1", kind: "dot" }, { text: "large: test points", key: "grey", kind: "dot" }, { text: "output 0 \u2026 1", kind: "ramp" }, { text: "training loss", key: "k3" }, { text: "test loss", key: "k4", kind: "dash" }]);
let colours = ramp(20, ["low", "mid", "high"]);
redraws.push(() => { colours = ramp(20, ["low", "mid", "high"]); redraw(); });
const inputs = grid(plot, NX, NY);

// ---- controls

const first = controls();
const go = button(first, "\u25b6 Train", () => (running ? pause() : play()));
go.style.minWidth = "88px";
button(first, "one step", () => { pause(); once(); });
button(first, "start anew", () => { seed++; restart(); });
const where = choice(first, "trained", ["in the page (JavaScript)", "in the kernel (C core)"], () => { kernelReady = false; renew(); });
const pace = choice(first, "pace", ["gathering speed", "5 steps a picture", "full speed"], () => { pictures = 0; });
where.select.options[1].disabled = !data.kernel;
const second = controls();
const kind = choice(second, "data", DATA_NAMES, () => { fresh(); restart(); });
const noise = slider(second, "noise", { min: 0, max: 0.4, step: 0.02, value: 0.1, format: (v) => v.toFixed(2) }, () => { fresh(); restart(); });
const layers = slider(second, "hidden layers", { min: 0, max: 4, value: 2 }, restart);
const neurons = slider(second, "neurons in each", { min: 1, max: 16, value: 8, chars: 2 }, restart);
const act = choice(second, "activation", ACTS, restart);
const optimizer = choice(second, "optimizer", OPTIMIZERS, renew);
const rate = slider(second, "learning rate", { min: 0, max: RATES.length - 1, value: 5, format: (i) => String(RATES[i]), chars: 6 }, renew);
const batch = choice(second, "mini-batch", BATCHES.map((n) => (n === 200 ? "all 200" : String(n))), renew);
batch.set(1);
for (const { input } of [noise, layers, neurons, rate]) input.style.width = "110px";
const say = readout();
const warning = make("p", { class: "alert", role: "alert" }, root);

// ---- state

let seed = 1;
let points = [];
let trainer = null;
let running = false;
let steps = 0;
let speed = 0;
let history = [];
let kernelReady = false;
let serial = 0;
let pictures = 0;

function fresh() {
  const random = generator(7);
  points = Array.from({ length: 300 }, (_, i) => {
    const label = i % 2;
    const [x, y] = DATA[DATA_NAMES[kind.value]](random.uniform(), label, random);
    return [x + noise.value * random.normal(), y + noise.value * random.normal(), label];
  });
  [0, 1].forEach((part) => [0, 1].forEach((label) => clouds[2 * part + label].set((part ? points.slice(200) : points.slice(0, 200)).filter((p) => p[2] === label))));
}
const sizesNow = () => [2, ...Array(layers.value).fill(neurons.value), 1];
const asked = (weights) => ({
  points: points.slice(0, 200), sizes: sizesNow(), hidden: ACTS[act.value], optimizer: OPTIMIZERS[optimizer.value],
  rate: RATES[rate.value], batch: BATCHES[batch.value], weights: Array.from(weights),
});

// A new net: weights drawn anew, no history.
function restart() {
  steps = 0;
  speed = 0;
  history = [];
  trainer = new Trainer(asked(initial(sizesNow(), generator(100 + seed))), seed);
  kernelReady = false;
  serial++;
  record();
  redraw();
}

// The same net goes on with other settings.
function renew() {
  trainer = new Trainer(asked(trainer.weights), seed + steps);
  kernelReady = false;
  serial++;
  redraw();
}

function lossOf(some) {
  const out = outputs(net(), trainer.weights, Float64Array.from(some.flatMap((p) => [p[0], p[1]])), some.length);
  let [sum, good] = [0, 0];
  some.forEach((p, r) => {
    sum -= Math.log(Math.max(1e-9, p[2] ? out[r] : 1 - out[r]));
    good += (out[r] > 0.5) === (p[2] > 0.5);
  });
  return [sum / some.length, good / some.length];
}
const net = () => ({ sizes: trainer.sizes, hidden: trainer.hidden, last: "sigmoid" });

let scores = [[0, 0], [0, 0]];
function record() {
  scores = [lossOf(points.slice(0, 200)), lossOf(points.slice(200))];
  history.push([steps, scores[0][0], scores[1][0]]);
  if (history.length > 400) history = history.filter((_, i) => i % 2 === 0 || i === history.length - 1);
}

function redraw() {
  const values = outputs(net(), trainer.weights, inputs, NX * NY);
  paint(canvas, values, NX, NY, colours, (z) => z);
  boundary.setAttribute("d", contour(plot, values, NX, NY, 0.5));
  wire(net(), trainer.weights);
  const most = Math.max(...history.map((h) => Math.min(h[1], 1.5)), 0.2);
  costs.range([0, Math.max(100, steps)], [0, most * 1.08]);
  trainLine.set(history.map((h) => [h[0], h[1]]));
  testLine.set(history.map((h) => [h[0], h[2]]));
  const rounded = speed ? `<b>${Math.round(speed / 100) * 100 >= 1000 ? (Math.round(speed / 100) * 100).toLocaleString("en-US") : Math.round(speed)} steps per second</b>` : "not training";
  const broken = trainer.weights.some((w) => !Number.isFinite(w));
  say(broken ? "The weights have run away: take a smaller learning rate, and start anew." : `step ${steps.toLocaleString("en-US")}, ${rounded}; loss ${brief(scores[0][0])} (test ${brief(scores[1][0])}); <b>${percent(scores[0][1])}</b> of the training points right, <b>${percent(scores[1][1])}</b> of the test points; ${countOf(trainer.sizes)} parameters`);
}

function pause() { running = false; speed = 0; go.textContent = "\u25b6 Train"; redraw(); }
function play() { running = true; pictures = 0; go.textContent = "\u275a\u275a Pause"; turn(); }
// Steps per second, of some milliseconds at least: single steps are too short for the clock.
let [madeLately, secondsLately] = [0, 0];
function faster(made, seconds) {
  madeLately += made;
  secondsLately += seconds;
  if (secondsLately < 0.004) return;
  const now = madeLately / secondsLately;
  speed = speed ? 0.8 * speed + 0.2 * now : now;
  [madeLately, secondsLately] = [0, 0];
}

// Train for a while, in the page or in the kernel.
async function work(seconds, atMost = Infinity) {
  if (where.value === 1) return inKernel(seconds, atMost);
  const start = performance.now();
  let made = 0;
  do trainer.step(); while (++made < atMost && (made % 8 || performance.now() - start < 1000 * seconds));
  steps += made;
  if (running) faster(made, (performance.now() - start) / 1000);
}

async function ask(what, content) {
  const answer = await fetch(`${data.kernel}/${what}`, { method: "POST", body: JSON.stringify(content) });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

async function inKernel(seconds, atMost) {
  const mine = serial;
  try {
    if (!kernelReady) {
      await ask("start", asked(trainer.weights));
      if (mine !== serial) return;
      kernelReady = true;
    }
    const done = await ask("train", Number.isFinite(atMost) ? { seconds: seconds || 1, steps: atMost } : { seconds });
    if (mine !== serial) return;
    trainer.weights = Float64Array.from(done.weights);
    steps += done.steps;
    if (running) faster(done.steps, done.seconds);
    warning.textContent = "";
  } catch (error) {
    warning.textContent = `The kernel does not answer (${error.message}): the page trains on by itself. Run the cell again to connect.`;
    where.set(0);
    renew();
  }
}

async function turn() {
  if (!running) return;
  const most = [Math.ceil(2 * 1.06 ** pictures++), 5, Infinity][pace.value];
  await work(where.value === 1 ? 0.04 : 0.014, most);
  if (!running) return;
  record();
  redraw();
  requestAnimationFrame(turn);
}

async function once() {
  await work(0, 1);
  record();
  redraw();
}

fresh();
if (data.kernel) where.set(1);
restart();
// opened with ?steps=n it has learnt already: for the still
const ahead = +(new URLSearchParams(location.search).get("steps") || 0);
if (ahead) {
  for (let i = 0; i < ahead; i++) {
    trainer.step();
    if (++steps % 50 === 0) record();
  }
  redraw();
}
