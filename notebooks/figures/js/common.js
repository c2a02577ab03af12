// What all pages share: theme, plots in SVG, sliders and buttons, coloured surfaces. Read a figure's script next.

const data = JSON.parse(document.getElementById("data").textContent);
const root = document.getElementById("figure");
root.setAttribute("role", "group");
root.setAttribute("aria-label", root.dataset.alt);
const redraws = [];

// ---- theme: that of JupyterLab where the page stands in one, else that of the system

function theme() {
  let dark = matchMedia("(prefers-color-scheme: dark)").matches;
  try {
    const lab = window.parent !== window && window.parent.document.body.dataset.jpThemeLight;
    if (lab) dark = lab === "false";
  } catch (error) { /* the page stands in a frame that tells nothing */ }
  const wanted = new URLSearchParams(location.search).get("theme");
  if (wanted) dark = wanted === "dark";
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}
theme();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { theme(); redraws.forEach((f) => f()); });
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const ink = (name) => (name ? `var(--${name})` : "var(--ink)");

// ---- elements

function make(tag, attributes, parent, text) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

function draw(tag, attributes, parent, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

const row = () => make("div", { class: "row" }, root);
const controls = (parent) => make("div", { class: "controls", role: "group", "aria-label": "controls" }, parent || root);
const minus = (text) => text.replace("-", "\u2212");
const show = (value, places = 2) => minus((Math.abs(value) < 0.5 * 10 ** -places ? 0 : value).toFixed(places));
const brief = (value) => (Math.abs(value) >= 0.001 || value === 0 ? value.toFixed(3) : value < 0.0001 ? "below 0.0001" : value.toFixed(4));
const signed = (value, places = 2) => (value < 0 ? "\u2212 " : "+ ") + Math.abs(value).toFixed(places);
const percent = (share) => (100 * share).toFixed(share > 0.995 && share < 1 ? 1 : 0) + " %";
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// Text under a figure that follows the controls; a screen reader is told it once it has come to rest.
function readout(parent) {
  const line = make("p", { class: "readout" }, parent || root);
  const spoken = make("p", { class: "hidden", role: "status" }, parent || root);
  let timer = 0;
  return (markup) => {
    line.innerHTML = markup;
    clearTimeout(timer);
    timer = setTimeout(() => { spoken.textContent = line.textContent; }, 700);
  };
}

function legend(parent, entries) {
  const list = make("ul", { class: "legend" }, parent);
  for (const { text, key, kind } of entries) {
    const item = make("li", {}, list);
    if (kind === "ramp") { make("span", { class: "ramp", "aria-hidden": "true" }, item); item.append(text); continue; }
    const mark = draw("svg", { viewBox: "0 0 26 12", "aria-hidden": "true" }, item);
    if (kind === "dot") draw("circle", { cx: 13, cy: 6, r: 4.5, fill: ink(key) }, mark);
    else if (kind === "ring") draw("circle", { cx: 13, cy: 6, r: 4.5, fill: "none", stroke: ink(key), "stroke-width": 2 }, mark);
    else if (kind === "area") draw("rect", { x: 2, y: 1, width: 22, height: 10, fill: ink(key), opacity: 0.3 }, mark);
    else draw("path", { d: "M1 6H25", class: "line " + (kind || ""), stroke: ink(key) }, mark);
    item.append(text);
  }
  return list;
}

// ---- controls

function slider(parent, label, options, changed) {
  const box = make("label", { class: options.wide ? "wide" : "" }, parent);
  make("span", {}, box, label);
  const input = make("input", { type: "range", min: options.min, max: options.max, step: options.step || 1, "aria-label": label }, box);
  const output = make("output", {}, box);
  if (options.chars) output.style.minWidth = options.chars + "ch";
  const format = options.format || ((value) => minus(String(value)));
  const told = () => {
    output.textContent = format(+input.value);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.value = options.value;
  input.addEventListener("input", () => { told(); changed(+input.value); });
  told();
  return {
    input,
    get value() { return +input.value; },
    set(value) { input.value = value; told(); },
    limit(max) { input.max = max; told(); },
    tell: told,
  };
}

function button(parent, label, pressed) {
  const element = make("button", { type: "button" }, parent, label);
  element.addEventListener("click", pressed);
  return element;
}

function choice(parent, label, entries, chosen) {
  const box = make("label", {}, parent);
  make("span", {}, box, label);
  const select = make("select", { "aria-label": label }, box);
  entries.forEach((entry, i) => make("option", { value: i }, select, entry));
  select.addEventListener("change", () => chosen(+select.value));
  return { select, get value() { return +select.value; }, set(i) { select.value = i; } };
}

function tick(parent, label, on, changed) {
  const box = make("label", {}, parent);
  const input = make("input", { type: "checkbox" }, box);
  input.checked = on;
  make("span", {}, box, label);
  input.addEventListener("change", () => changed(input.checked));
  return input;
}

// A slider over frames with a button that plays them.
function player(parent, label, options, changed) {
  let timer = 0;
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = "\u25b6 Play"; };
  const play = button(parent, "\u25b6 Play", () => {
    if (timer) return stop();
    play.textContent = "\u275a\u275a Pause";
    if (frames.value >= +frames.input.max) { frames.set(0); changed(0); }
    timer = setInterval(() => {
      const next = Math.min(frames.value + 1, +frames.input.max);
      frames.set(next);
      changed(next);
      if (next >= +frames.input.max) stop();
    }, options.pause || 90);
  });
  play.style.minWidth = "88px";
  const frames = slider(parent, label, { step: 1, wide: true, min: 0, chars: 6, ...options }, (value) => { stop(); changed(value); });
  frames.stop = stop;
  return frames;
}

// ---- plots

function ticks(low, high, count = 6) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough * 0.999);
  const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) found.push([i * step, minus(i && step >= 5000 ? `${(i * step) / 1000}k` : (i * step).toFixed(places))]);
  return found;
}

class Plot {
  // options: x, y (ranges), xlabel, ylabel, title, alt, width, height, log ("x", "y" or "xy"), marks (own ticks), equal
  constructor(parent, options) {
    this.o = { width: 420, height: 300, log: "", left: 48, right: 10, top: 8, bottom: 40, ...options };
    const { width, height } = this.o;
    this.panel = make("div", { class: "panel" }, parent);
    this.panel.style.maxWidth = width * (this.o.zoom || 1.15) + "px";
    this.panel.style.flexBasis = Math.min(width, 0.72 * width + 60) + "px";
    if (this.o.title) make("h2", {}, this.panel, this.o.title);
    this.stack = make("div", { class: "stack" }, this.panel);
    const alt = this.o.alt || this.o.title || `${this.o.ylabel} by ${this.o.xlabel}`;
    this.svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": alt }, this.stack);
    const clip = "inside" + document.querySelectorAll("clipPath").length;
    const inside = { x: this.o.left, y: this.o.top, width: width - this.o.left - this.o.right, height: height - this.o.top - this.o.bottom };
    this.inside = inside;
    draw("rect", inside, draw("clipPath", { id: clip }, draw("defs", {}, this.svg)));
    this.frame = draw("g", {}, this.svg);
    this.body = draw("g", { "clip-path": `url(#${clip})` }, this.svg);
    this.top = draw("g", {}, this.svg);
    this.range(this.o.x, this.o.y);
  }

  range(x, y) {
    this.o.x = x;
    this.o.y = y;
    const { width, height } = this.inside;
    const scale = (low, high, from, to, log) => (log
      ? (v) => from + (to - from) * (Math.log(Math.max(v, 1e-12) / low) / Math.log(high / low))
      : (v) => from + (to - from) * ((v - low) / (high - low)));
    this.X = scale(...x, this.inside.x, this.inside.x + width, this.o.log.includes("x"));
    this.Y = scale(...y, this.inside.y + height, this.inside.y, this.o.log.includes("y"));
    this.axes();
  }

  axes() {
    const { x, y, width, height } = this.inside;
    const g = this.frame;
    g.replaceChildren();
    const decades = ([low, high]) => {
      const found = [];
      for (let e = Math.ceil(Math.log10(low) - 1e-9); 10 ** e <= high * 1.0001; e++) found.push([10 ** e, e < -3 ? "1e" + minus(String(e)) : String(+(10 ** e).toFixed(4))]);
      return found;
    };
    const xs = this.o.xticks || (this.o.log.includes("x") ? decades(this.o.x) : ticks(...this.o.x, width / 55));
    const ys = this.o.yticks || (this.o.log.includes("y") ? decades(this.o.y) : ticks(...this.o.y, height / 42));
    for (const [v, text] of xs) {
      if (!this.o.plain) draw("path", { d: `M${this.X(v)} ${y}V${y + height}`, class: "grid" }, g);
      draw("text", { x: this.X(v), y: y + height + 16, class: "tick", "text-anchor": "middle" }, g, text);
    }
    for (const [v, text] of ys) {
      if (!this.o.plain) draw("path", { d: `M${x} ${this.Y(v)}H${x + width}`, class: "grid" }, g);
      draw("text", { x: x - 6, y: this.Y(v) + 4, class: "tick", "text-anchor": "end" }, g, text);
    }
    draw("path", { d: `M${x} ${y}V${y + height}H${x + width}`, class: "axis" }, g);
    if (this.o.xlabel) draw("text", { x: x + width / 2, y: y + height + 34, "text-anchor": "middle" }, g, this.o.xlabel);
    if (this.o.ylabel) {
      const at = `translate(12 ${y + height / 2}) rotate(-90)`;
      draw("text", { transform: at, "text-anchor": "middle" }, g, this.o.ylabel);
    }
  }

  path(points) {
    let d = "";
    let pen = "M";
    for (const [a, b] of points) {
      if (!Number.isFinite(a) || !Number.isFinite(b)) { pen = "M"; continue; }
      d += pen + clamp(this.X(a), -9e3, 9e3).toFixed(1) + " " + clamp(this.Y(b), -9e3, 9e3).toFixed(1);
      pen = "L";
    }
    return d;
  }

  line(points, key, kind = "") {
    const element = draw("path", { d: this.path(points), class: "line " + kind, stroke: ink(key) }, this.body);
    return { element, set: (next) => element.setAttribute("d", this.path(next)), hide: (off) => { element.style.display = off ? "none" : ""; } };
  }

  // Closed area between two curves given as [x, low, high].
  band(points, key, opacity = 0.2) {
    const outline = (all) => this.path([...all.map((p) => [p[0], p[2]]), ...all.slice().reverse().map((p) => [p[0], p[1]])]) + "Z";
    const element = draw("path", { d: outline(points), fill: ink(key), opacity, stroke: "none" }, this.body);
    return { element, set: (next) => element.setAttribute("d", outline(next)) };
  }

  dots(points, key, r = 4, extra = {}) {
    const group = draw("g", { fill: ink(key), ...extra }, this.body);
    const set = (next) => group.replaceChildren(...next.map(([a, b]) => draw("circle", { cx: this.X(a).toFixed(1), cy: this.Y(b).toFixed(1), r })));
    set(points);
    return { element: group, set, hide: (off) => { group.style.display = off ? "none" : ""; } };
  }

  text(a, b, words, options = {}) {
    const element = draw("text", { "text-anchor": options.anchor || "start", class: "halo", fill: ink(options.key) }, this.top);
    if (options.key) element.style.fill = ink(options.key);
    const set = (x, y, next) => {
      element.setAttribute("x", this.X(x) + (options.dx || 0));
      element.setAttribute("y", this.Y(y) + (options.dy || 0));
      element.textContent = next;
    };
    set(a, b, words);
    return { element, set };
  }

  // Canvas under the plot, in the place of its inside.
  canvas(zoom = 1.5) {
    const { x, y, width, height } = this.inside;
    const canvas = make("canvas", { "aria-hidden": "true" });
    canvas.width = Math.round(width * zoom);
    canvas.height = Math.round(height * zoom);
    const share = (part, whole) => (100 * part) / whole + "%";
    canvas.style.left = share(x, this.o.width);
    canvas.style.top = share(y, this.o.height);
    canvas.style.width = share(width, this.o.width);
    canvas.style.height = share(height, this.o.height);
    this.stack.prepend(canvas);
    this.o.plain = true;
    this.axes();
    return canvas;
  }

  // Data coordinates of a click or a drag.
  at(event) {
    const box = this.svg.getBoundingClientRect();
    const [px, py] = [((event.clientX - box.left) / box.width) * this.o.width, ((event.clientY - box.top) / box.height) * this.o.height];
    const { x, y, width, height } = this.inside;
    const inverse = (v, from, to, low, high) => low + ((v - from) / (to - from)) * (high - low);
    return [inverse(clamp(px, x, x + width), x, x + width, ...this.o.x), inverse(clamp(py, y, y + height), y + height, y, ...this.o.y)];
  }
}

// ---- surfaces: values on a grid, drawn in bands of colour with a line where they pass a level

function rgb(text) {
  const hex = text.replace("#", "");
  return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

// The colours of n bands, through the stops given by name.
function ramp(n, stops) {
  const parts = stops.map((name) => rgb(colour(name)));
  return Array.from({ length: n }, (_, i) => {
    const at = (i / (n - 1)) * (parts.length - 1);
    const k = Math.min(Math.floor(at), parts.length - 2);
    return parts[k].map((c, j) => Math.round(c + (at - k) * (parts[k + 1][j] - c)));
  });
}

// values: rows from below, ny x nx at the corners of the grid's cells; band(value) gives a number in 0..1.
function paint(canvas, values, nx, ny, colours, band) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const image = context.createImageData(width, height);
  const pixels = image.data;
  let k = 0;
  for (let r = 0; r < height; r++) {
    const v = (1 - (r + 0.5) / height) * (ny - 1);
    const j = Math.min(Math.floor(v), ny - 2);
    const fv = v - j;
    for (let q = 0; q < width; q++) {
      const u = ((q + 0.5) / width) * (nx - 1);
      const i = Math.min(Math.floor(u), nx - 2);
      const fu = u - i;
      const p = j * nx + i;
      const z = (values[p] * (1 - fu) + values[p + 1] * fu) * (1 - fv) + (values[p + nx] * (1 - fu) + values[p + nx + 1] * fu) * fv;
      const c = colours[clamp(Math.floor(band(z) * colours.length), 0, colours.length - 1)] || colours[0];
      pixels[k++] = c[0];
      pixels[k++] = c[1];
      pixels[k++] = c[2];
      pixels[k++] = 255;
    }
  }
  context.putImageData(image, 0, 0);
}

// The line where the values pass a level, as the d of a path: marching squares, a piece in each cell.
function contour(plot, values, nx, ny, level) {
  const [x0, x1] = plot.o.x;
  const [y0, y1] = plot.o.y;
  let d = "";
  for (let j = 0; j < ny - 1; j++) {
    for (let i = 0; i < nx - 1; i++) {
      const p = j * nx + i;
      const corner = [[i, j, values[p]], [i + 1, j, values[p + 1]], [i + 1, j + 1, values[p + nx + 1]], [i, j + 1, values[p + nx]]];
      const cuts = [];
      for (let e = 0; e < 4; e++) {
        const [a, b] = [corner[e], corner[(e + 1) % 4]];
        if (a[2] < level === b[2] < level) continue;
        const t = (level - a[2]) / (b[2] - a[2]);
        cuts.push([a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]);
      }
      for (let c = 0; c + 1 < cuts.length; c += 2) {
        const at = ([u, v]) => plot.X(x0 + (u / (nx - 1)) * (x1 - x0)).toFixed(1) + " " + plot.Y(y0 + (v / (ny - 1)) * (y1 - y0)).toFixed(1);
        d += "M" + at(cuts[c]) + "L" + at(cuts[c + 1]);
      }
    }
  }
  return d;
}

// ---- the frame in a notebook is made as high as the page

function ready() {
  const fit = () => {
    try {
      if (window.frameElement) window.frameElement.style.height = Math.ceil(document.querySelector("main").getBoundingClientRect().height + 4) + "px";
    } catch (error) { /* the frame belongs to another page and keeps its height */ }
  };
  fit();
  new ResizeObserver(fit).observe(document.querySelector("main"));
  document.documentElement.dataset.ready = "yes";
}
