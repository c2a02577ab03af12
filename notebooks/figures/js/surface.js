// The outputs of nets with two inputs: coloured bands with the boundary at one half, or a surface in three dimensions.
// data: points [x1, x2, label, part], nets [{name, sizes, hidden, last, steps, frames, train, test}], x, y, unit

const NX = 81;
const NY = 52;
const BANDS = 20;
const panels = row();
const wide = 530;
const high = Math.round(((wide - 58) * (data.y[1] - data.y[0])) / (data.x[1] - data.x[0])) + 48;
const plot = new Plot(panels, { x: data.x, y: data.y, xlabel: "x\u2081", ylabel: "x\u2082", width: wide, height: high, zoom: 1.02 });
const canvas = plot.canvas();
const boundary = draw("path", { class: "line", stroke: "var(--ink)" }, plot.body);
const other = draw("path", { class: "line dash", stroke: ink("k2") }, plot.body);
const side = make("div", { class: "panel" }, panels);
side.style.flexBasis = "280px";
side.style.maxWidth = "350px";
const curves = data.nets.some((net) => net.train);
const wire = data.diagram === false ? null : diagram(side, { width: 340, height: curves ? 132 : 260, title: "the net and its weights" });
const lossMax = Math.max(...data.nets.flatMap((net) => [...(net.train || []), ...(net.test || [])]));
const longest = Math.max(...data.nets.map((net) => net.steps[net.steps.length - 1]));
const costs = curves && new Plot(side, { width: 340, height: wire ? 165 : 290, x: [0, longest], y: [0, Math.min(lossMax * 1.05, data.top || 9)], xlabel: data.unit, title: "loss", zoom: 1.06, right: 16 });
const dotsOf = (label, part, r) => plot.dots(data.points.filter((p) => p[2] === label && p[3] === part), label ? "k1" : "k0", r, { stroke: "var(--bg)", "stroke-width": part ? 1.4 : 0.7 });
const clouds = [0, 1].flatMap((part) => [dotsOf(0, part, part ? 4.6 : 2.6), dotsOf(1, part, part ? 4.6 : 2.6)]);
const trainLine = costs && costs.line([], "k3");
const testLine = costs && costs.line([], "k4", "dash");
const cursor = costs && costs.line([], "ink", "thin");
const key = [{ text: "class 0", key: "k0", kind: "dot" }, { text: "class 1", key: "k1", kind: "dot" }, { text: "output 0 \u2026 1", kind: "ramp" }, { text: "decision boundary (0.5)", key: "" }];
if (data.compare) key.push({ text: data.compare.text, key: "k2", kind: "dash" });
if (costs) key.push({ text: "training loss", key: "k3" }, { text: data.evaluation ? "evaluation loss" : "test loss", key: "k4", kind: "dash" });
if (data.evaluation) key.push({ text: "where to stop", key: "k0", kind: "thin" });
legend(root, key);

const inputs = grid(plot, NX, NY);
const places = Float64Array.from(data.points.flatMap((p) => [p[0], p[1]]));
let current = data.shows || 0;
let colours = ramp(BANDS, ["low", "mid", "high"]);
redraws.push(() => { colours = ramp(BANDS, ["low", "mid", "high"]); update(); });

// Values of the net's frame over the grid; a net too large to be run here comes with its values as letters.
function over(net, i) {
  if (net.frames) return [outputs(net, net.frames[i], inputs, NX * NY), NX, NY];
  const [nx, ny] = net.shape;
  const bytes = Uint8Array.from(atob(net.values[i]), (c) => c.charCodeAt(0));
  return [Float64Array.from(bytes, (b) => b / 255), nx, ny];
}

function right(net, i, part) {
  if (!net.frames) return net[part ? "testRight" : "trainRight"][i];
  const out = outputs(net, net.frames[i], places, data.points.length);
  let [good, all] = [0, 0];
  data.points.forEach((p, r) => { if (p[3] === part) { all++; good += (out[r] > 0.5) === (p[2] > 0.5); } });
  return good / all;
}

// ---- the surface in three dimensions, drawn from the far end to the near one

let turn = 0;
let solid = false;
function space(values, nx, ny) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  context.fillStyle = colour("bg");
  context.fillRect(0, 0, width, height);
  const [c, s] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
  const scale = width / 2.02;
  const project = (u, v, z) => {
    const [x, y] = [(u - 0.5) * 1.6, (v - 0.5) * 1.0];
    const [a, b] = [x * c - y * s, x * s + y * c];
    return [width / 2 + a * scale, height * 0.5 - b * scale * 0.4 - (clamp(z, -0.25, 1.25) - 0.5) * scale * 0.42, b];
  };
  const items = [];
  for (let j = 0; j + 1 < ny; j++) {
    for (let i = 0; i + 1 < nx; i++) {
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]].map(([p, q]) => project(p / (nx - 1), q / (ny - 1), values[q * nx + p]));
      const z = (values[j * nx + i] + values[(j + 1) * nx + i + 1]) / 2;
      items.push([corners.reduce((sum, p) => sum + p[2], 0) / 4, corners, colours[clamp(Math.floor(z * BANDS), 0, BANDS - 1)]]);
    }
  }
  for (const [x, y, label] of data.points) {
    const at = project((x - data.x[0]) / (data.x[1] - data.x[0]), (y - data.y[0]) / (data.y[1] - data.y[0]), label);
    items.push([at[2] - 0.02, at, label]);
  }
  items.sort((a, b) => b[0] - a[0]);
  const [orange, blue, line] = [colour("k0"), colour("k1"), colour("edge")];
  // the floor at 0, behind everything
  const floor = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([u, v]) => project(u, v, 0));
  context.beginPath();
  floor.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  context.lineWidth = 1.5;
  context.strokeStyle = line;
  context.stroke();
  context.lineWidth = 0.4;
  for (const [, shape, paint] of items) {
    context.beginPath();
    if (typeof paint === "number") {
      context.arc(shape[0], shape[1], 3.2, 0, 7);
      context.fillStyle = paint ? blue : orange;
      context.fill();
    } else {
      shape.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.closePath();
      context.fillStyle = `rgb(${paint})`;
      context.fill();
      context.strokeStyle = line;
      context.stroke();
    }
  }
}

// ---- controls

const bar = controls();
if (data.nets.length > 1) choice(bar, "net", data.nets.map((net) => net.name), (i) => {
  frame.stop();
  current = i;
  frame.limit(data.nets[i].steps.length - 1);
  frame.set(data.nets[i].steps.length - 1);
  restart();
}).set(current);
const named = (i) => `${data.nets[current].steps[i]}`;
const lastFrame = data.nets[current].steps.length - 1;
const frame = player(bar, data.unit, { max: lastFrame, value: data.opens === undefined ? lastFrame : data.opens, format: named, pause: data.pause || 110 }, update);
let threshold = null;
if (data.threshold) {
  threshold = slider(bar, "stop at loss", { ...data.threshold, format: (v) => v.toFixed(3) }, () => { frame.stop(); frame.set(stopFrame()); update(); });
}
const view = button(bar, "3-D", () => {
  solid = !solid;
  view.setAttribute("aria-pressed", solid);
  around.input.parentNode.style.display = solid ? "" : "none";
  plot.svg.style.visibility = solid ? "hidden" : "";
  update();
});
view.setAttribute("aria-pressed", false);
const around = slider(bar, "turn", { min: -180, max: 180, value: 150, format: (v) => minus(v + "\u00b0") }, (v) => { turn = v; update(); });
around.input.parentNode.style.display = "none";
turn = around.value;
const say = readout();

function stopEpoch() {
  const at = data.evaluation.findIndex((value) => value <= threshold.value + 1e-9);
  return at < 0 ? data.evaluation.length : at + 1;
}
function stopFrame() {
  const steps = data.nets[0].steps;
  const epoch = stopEpoch();
  return steps.reduce((best, step, i) => (Math.abs(step - epoch) < Math.abs(steps[best] - epoch) ? i : best), 0);
}

function restart() {
  const net = data.nets[current];
  if (costs && net.train) {
    const last = net.steps[net.steps.length - 1];
    costs.range([0, last], costs.o.y);
    trainLine.set(net.steps.map((step, i) => [step, net.train[i]]));
    testLine.set(data.evaluation ? data.evaluation.map((value, i) => [i + 1, value]) : net.steps.map((step, i) => [step, net.test[i]]));
  }
  update();
}
const level = data.evaluation && costs.line([], "k0", "thin");

function update() {
  const net = data.nets[current];
  const i = frame.value;
  const [values, nx, ny] = over(net, i);
  if (solid) space(values, nx, ny);
  else paint(canvas, values, nx, ny, colours, (z) => z);
  boundary.setAttribute("d", contour(plot, values, nx, ny, 0.5));
  if (wire) wire(net, net.frames[i]);
  if (cursor) cursor.set([[net.steps[i], costs.o.y[0]], [net.steps[i], costs.o.y[1]]]);
  if (level) level.set([[0, threshold.value], [costs.o.x[1], threshold.value]]);
  if (data.compare) {
    const [v1, v2, c] = data.compare.line;
    const ys = [data.y[0], data.y[1]];
    other.setAttribute("d", plot.path(ys.map((y) => [(0.5 - c - v2 * y) / v1, y])));
  }
  say(sentence(net, i));
}

function sentence(net, i) {
  const parts = [];
  const share = `<b>${percent(right(net, i, 0))}</b> of the training points right, <b>${percent(right(net, i, 1))}</b> of the test points`;
  if (data.evaluation) {
    const epoch = stopEpoch();
    const never = epoch > data.evaluation.length - 1 && data.evaluation[data.evaluation.length - 1] > threshold.value;
    parts.push(never ? `evaluation loss ${threshold.value.toFixed(3)} is not reached in ${data.evaluation.length} epochs` : `evaluation loss \u2264 ${threshold.value.toFixed(3)} after <b>${epoch} epochs</b>`);
  }
  parts.push(`${data.unit} ${net.steps[i]}: ${share}`);
  if (net.train) parts.push(`loss ${brief(net.train[i])} (test ${brief(net.test[i])})`);
  if (net.hidden === "linear" && net.frames) {
    const [w1, w2, c] = collapse(net, net.frames[i]);
    parts.push(`${net.sizes.length > 2 ? "multiplied out, the stack is" : "the plane is"} y = ${show(w1)} x\u2081 ${signed(w2)} x\u2082 ${signed(c)}`);
  }
  return parts.join("; ");
}

// The one linear map that linear layers are: its values at three points tell it.
function collapse(net, weights) {
  const [c, a, b] = outputs(net, weights, Float64Array.of(0, 0, 1, 0, 0, 1), 3);
  return [a - c, b - c, c];
}
restart();
