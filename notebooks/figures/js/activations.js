// Six activation functions with their derivatives, and one z for all.

const panels = row();
const plots = data.functions.map((f) => {
  const plot = new Plot(panels, { width: 285, height: 205, left: 34, right: 8, zoom: 1.02, x: [-6, 6], y: [-1.4, 3], xlabel: "", bottom: 24, title: f.name, alt: `${f.name}: ${f.formula}, and its derivative` });
  plot.line([[-6, 0], [6, 0]], "grey", "thin");
  plot.line(along(f.slopes), "k0", "dash");
  plot.line(along(f.values), "k1");
  const place = plot.text(-5.8, 2.55, f.formula, { anchor: "start" });
  place.element.style.fontSize = f.formula.length > 30 ? "10.5px" : "12.5px";
  return { f, upright: plot.line([], "grey", "dots thin"), value: plot.dots([], "k1", 4.5), slope: plot.dots([], "k0", 4.5) };
});
legend(root, [{ text: "\u03c6(z)", key: "k1" }, { text: "its derivative", key: "k0", kind: "dash" }]);
const z = slider(controls(), "z", { min: -6, max: 6, step: 0.125, value: -2, wide: true, format: (v) => show(v) }, update);
const say = readout();
function update() {
  const words = plots.map(({ f, upright, value, slope }) => {
    const [y, d] = [valueAt(f.values, z.value), valueAt(f.slopes, z.value)];
    upright.set([[z.value, -9], [z.value, 9]]);
    value.set([[z.value, y]]);
    slope.set([[z.value, d]]);
    return `${f.name} ${show(y)} (<b>${show(d, 3)}</b>)`;
  });
  say(`at z = ${show(z.value)}, value and slope: ${words.join(", ")}`);
}
update();
