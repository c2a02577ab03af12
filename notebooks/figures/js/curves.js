// Curves fitted by nets, epoch by epoch, with their losses. Options: patience (early stopping), shares (dropout).

const drops = Boolean(data.shares);
const panels = row();
const size = drops ? { width: 290, height: 280, left: 40, zoom: 1.01 } : { height: 320 };
const wire = drops && diagram(panels, { width: 262, height: 270, title: "one mini-batch", alt: "the net with the neurons that dropout leaves out crossed" });
const plot = new Plot(panels, { ...size, x: data.x, y: data.y, xlabel: "x", title: "the fit" });
const costs = new Plot(panels, { ...size, x: [0, 1], y: [data.bottom, data.top], log: "y", xlabel: "epoch", title: "loss", right: 16 });
const several = data.points.length > 1;
if (several) plot.dots(data.points[1], "k4", 2, { opacity: 0.45 });
plot.line(data.truth, "grey", "dash");
if (several) plot.dots(data.points[0], "ink", 4);
const late = data.patience ? plot.line([], "k0", "thin") : null;
const model = plot.line([], "k1");
const key = [{ text: several ? "what the points come from" : "the curve to learn", key: "grey", kind: "dash" }, { text: data.patience ? "the net that is kept" : "the net", key: "k1" }];
if (several) key.push({ text: "points to learn from", key: "", kind: "dot" }, { text: "points to test on", key: "k4", kind: "dot" });
if (late) key.push({ text: "the net of the last epoch", key: "k0", kind: "thin" });
key.push({ text: several ? "training loss" : "loss", key: "k3" });
if (several) key.push({ text: "test loss", key: "k4", kind: "dash" });
legend(root, key);
const train = costs.line([], "k3");
const test = several && costs.line([], "k4", "dash");
const cursor = costs.line([], "ink", "thin");
const best = costs.dots([], "k1", 5);
const end = data.patience && costs.line([], "k0", "thin dots");

let current = data.opens || 0;
const bar = controls();
if (data.nets.length > 1) {
  choice(bar, drops ? "dropout" : "net", data.nets.map((net) => net.name), (i) => { frame.stop(); current = i; restart(); }).set(current);
}
const net = () => data.nets[current];
let patience = null;
let frame;
if (data.patience) {
  patience = slider(bar, "patience", { min: 2, max: 200, step: 2, value: data.patience, wide: true, chars: 10, format: (v) => `${v} epochs` }, update);
  frame = { value: 0, stop() {}, set() {}, limit() {} };
} else {
  frame = player(bar, "epoch", { max: net().steps.length - 1, value: net().steps.length - 1, format: (i) => String(net().steps[i]) }, update);
}
let seed = 3;
const random = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };
let predicting = null;
if (drops) {
  button(bar, "next mini-batch", () => { predicting.checked = false; mask(); });
  predicting = tick(bar, "predicting", false, mask);
}
const say = readout();

function mask() {
  const share = predicting.checked ? 0 : data.shares[current];
  const off = data.sizes.map((n, l) => Array.from({ length: n }, () => l > 0 && l + 1 < data.sizes.length && random() < share));
  wire({ sizes: data.sizes }, null, off);
}

const least = (values, to = values.length) => values.slice(0, to).reduce((at, v, i, all) => (v < all[at] ? i : at), 0);

function restart() {
  costs.range([0, net().steps[net().steps.length - 1]], costs.o.y);
  train.set(net().steps.map((step, i) => [step, net().train[i]]));
  if (test) test.set(net().steps.map((step, i) => [step, net().test[i]]));
  if (drops) mask();
  update();
}

function update() {
  const { steps, fits } = net();
  let i = frame.value;
  let words;
  if (patience) {
    // the first epoch by which the best one lies more than the patience behind
    let stop = steps.findIndex((step, k) => step - steps[least(net().test, k + 1)] >= patience.value);
    if (stop < 0) stop = steps.length - 1;
    i = least(net().test, stop + 1);
    late.set(data.xs.map((x, k) => [x, fits[fits.length - 1][k]]));
    best.set([[steps[i], net().test[i]]]);
    end.set([[steps[stop], data.bottom], [steps[stop], data.top]]);
    const last = steps.length - 1;
    words = `stops after epoch <b>${steps[stop]}</b> and keeps the net of epoch <b>${steps[i]}</b>: test loss <b>${brief(net().test[i])}</b>; without stopping ${brief(net().test[last])} after epoch ${steps[last]}`;
  } else {
    cursor.set([[steps[i], data.bottom], [steps[i], data.top]]);
    words = several
      ? `epoch ${steps[i]}: training loss <b>${brief(net().train[i])}</b>, test loss <b>${brief(net().test[i])}</b>; the least test loss was ${brief(Math.min(...net().test))}, at epoch ${steps[least(net().test)]}`
      : `epoch ${steps[i]}: mean squared error <b>${brief(net().train[i])}</b>; ${net().parameters} parameters`;
    if (several) best.set([[steps[least(net().test)], Math.min(...net().test)]]);
  }
  model.set(data.xs.map((x, k) => [x, fits[i][k]]));
  say(words);
}
restart();
