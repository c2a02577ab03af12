// A curve given at equal steps of z, and its value between them.

const along = (values) => data.z.map((z, i) => [z, values[i]]);
function valueAt(values, z) {
  const at = clamp(((z - data.z[0]) / (data.z[data.z.length - 1] - data.z[0])) * (data.z.length - 1), 0, data.z.length - 1);
  const i = Math.min(Math.floor(at), data.z.length - 2);
  return values[i] + (at - i) * (values[i + 1] - values[i]);
}
