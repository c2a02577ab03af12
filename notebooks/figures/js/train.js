// Training in the page: backpropagation and three optimizers for nets with one sigmoid output.

const SLOPES = {
  // slopes of the activations, from their values
  linear: () => 1,
  sigmoid: (a) => a * (1 - a),
  tanh: (a) => 1 - a * a,
  relu: (a) => (a > 0 ? 1 : 0),
};

// Random numbers with a seed: the same net for the same seed on every machine.
function generator(seed) {
  let state = (seed * 2654435761 + 12345) >>> 0;
  const uniform = () => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return state / 4294967296; };
  uniform();
  return { uniform, normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()) };
}

const countOf = (sizes) => sizes.slice(1).reduce((sum, b, l) => sum + (sizes[l] + 1) * b, 0);

// Weights as nn.Linear draws them: uniform within 1 / sqrt(inputs).
function initial(sizes, random) {
  const weights = [];
  for (let l = 0; l + 1 < sizes.length; l++) {
    for (let i = 0; i < (sizes[l] + 1) * sizes[l + 1]; i++) weights.push((2 * random.uniform() - 1) / Math.sqrt(sizes[l]));
  }
  return Float64Array.from(weights);
}

class Trainer {
  // asked: points [x1, x2, label], sizes, hidden, optimizer, rate, batch, weights
  constructor(asked, seed = 1) {
    Object.assign(this, asked);
    this.weights = Float64Array.from(asked.weights);
    this.gradient = new Float64Array(this.weights.length);
    this.first = new Float64Array(this.weights.length);
    this.second = new Float64Array(this.weights.length);
    this.random = generator(seed);
    this.order = this.points.map((_, i) => i);
    this.at = this.order.length;
    this.time = 0;
    this.values = this.sizes.map((n) => new Float64Array(n));
    this.deltas = this.sizes.map((n) => new Float64Array(n));
  }

  // One step on the next mini-batch; after the last one the points are shuffled.
  step() {
    if (this.at >= this.order.length) {
      for (let i = this.order.length - 1; i > 0; i--) {
        const j = Math.floor(this.random.uniform() * (i + 1));
        [this.order[i], this.order[j]] = [this.order[j], this.order[i]];
      }
      this.at = 0;
    }
    const end = Math.min(this.at + this.batch, this.order.length);
    this.gradient.fill(0);
    for (let r = this.at; r < end; r++) this.backpropagate(this.points[this.order[r]], 1 / (end - this.at));
    this.at = end;
    this.update();
  }

  // Adds the gradient of one point's loss, times share.
  backpropagate(point, share) {
    const { sizes, weights, gradient, values, deltas } = this;
    const last = sizes.length - 1;
    const act = ACTIVATIONS[this.hidden];
    const slope = SLOPES[this.hidden];
    values[0][0] = point[0];
    values[0][1] = point[1];
    let k = 0;
    for (let l = 0; l < last; l++) {
      const [a, b, from, to] = [sizes[l], sizes[l + 1], values[l], values[l + 1]];
      for (let j = 0; j < b; j++) {
        let z = weights[k + a * b + j];
        for (let i = 0; i < a; i++) z += from[i] * weights[k + i * b + j];
        to[j] = l + 1 < last ? act(z) : ACTIVATIONS.sigmoid(z);
      }
      k += (a + 1) * b;
    }
    // the slope of cross entropy and sigmoid together: prediction minus label
    deltas[last][0] = (values[last][0] - point[2]) * share;
    for (let l = last - 1; l >= 0; l--) {
      const [a, b, from, delta, back] = [sizes[l], sizes[l + 1], values[l], deltas[l + 1], deltas[l]];
      k -= (a + 1) * b;
      for (let j = 0; j < b; j++) gradient[k + a * b + j] += delta[j];
      for (let i = 0; i < a; i++) {
        let sum = 0;
        for (let j = 0; j < b; j++) {
          gradient[k + i * b + j] += from[i] * delta[j];
          sum += weights[k + i * b + j] * delta[j];
        }
        if (l > 0) back[i] = sum * slope(from[i]);
      }
    }
  }

  update() {
    const { weights, gradient, first, second, rate } = this;
    this.time++;
    if (this.optimizer === "SGD") {
      for (let i = 0; i < weights.length; i++) weights[i] -= rate * gradient[i];
    } else if (this.optimizer === "momentum") {
      for (let i = 0; i < weights.length; i++) {
        first[i] = 0.9 * first[i] + gradient[i];
        weights[i] -= rate * first[i];
      }
    } else {
      const [c1, c2] = [1 - 0.9 ** this.time, Math.sqrt(1 - 0.999 ** this.time)];
      for (let i = 0; i < weights.length; i++) {
        first[i] = 0.9 * first[i] + 0.1 * gradient[i];
        second[i] = 0.999 * second[i] + 0.001 * gradient[i] * gradient[i];
        weights[i] -= ((rate / c1) * first[i]) / (Math.sqrt(second[i]) / c2 + 1e-8);
      }
    }
  }
}
