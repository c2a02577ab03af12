"""Where the parts of a graph stand: layers from left to right, few crossings, nothing over anything else.

The method of K. Sugiyama, S. Tagawa, M. Toda: Methods for visual understanding of hierarchical system
structures, IEEE Trans. SMC 11 (1981). Layers by the longest path; order within a layer by barycentres;
heights by least squares under the distances that must be kept. An edge's label is a box of its own in the
layer behind the edge's start, so labels cannot overlap. Read next: _graph_svg.py.
"""

GAP_X, GAP_Y = 16, 12
SWEEPS = 12
EMPTY, STEEP = 4, 24


class Box:
    """A rectangle with a place: x, y are its middle."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.layer = self.order = 0
        self.x = self.y = 0.0
        self.before, self.after = [], []  # boxes it is joined with in the layers left and right


class Way(Box):
    """A place that an edge passes: a label, or nothing."""


class Edge:
    """From box to box, through a label and the empty boxes that keep its way free."""

    def __init__(self, source, target, label):
        self.source, self.target, self.label = source, target, label
        self.path = []


def arrange(boxes, edges):
    """Gives every box and label its place; returns (width, height) of all."""
    _layers(boxes, edges)
    layers = _fill(boxes, edges)
    _order(layers)
    return _place(layers)


def _layers(boxes, edges):
    """The longest way to an end tells the layer, so that inputs stand close to where they are used."""
    after = {id(box): [] for box in boxes}
    for edge in edges:
        after[id(edge.source)].append(edge.target)
    depth = {}
    for start in boxes:  # depth first, without recursion
        waiting = [start]
        while waiting:
            box = waiting[-1]
            missing = [b for b in after[id(box)] if id(b) not in depth]
            if missing and id(box) not in depth:
                waiting += missing
                continue
            waiting.pop()
            depth[id(box)] = max((depth[id(b)] + 1 for b in after[id(box)]), default=0)
    deepest = max(depth.values())
    for box in boxes:
        box.layer = 2 * (deepest - depth[id(box)])


def _fill(boxes, edges):
    """The layers, with a label and empty boxes along every edge."""
    layers = [[] for _ in range(max(box.layer for box in boxes) + 1)]
    for box in boxes:
        layers[box.layer].append(box)
    for edge in edges:
        last = edge.source
        for layer in range(edge.source.layer + 1, edge.target.layer):
            box = edge.label if layer == edge.source.layer + 1 else Way(0, EMPTY)
            box.layer = layer
            layers[layer].append(box)
            edge.path.append(box)
            _join(last, box)
            last = box
        _join(last, edge.target)
    return layers


def _join(left, right):
    left.after.append(right)
    right.before.append(left)


# ---- order within the layers ---------------------------------------------------------------------------


def _number(layer):
    for i, box in enumerate(layer):
        box.order = i


def _crossings(layers):
    total = 0
    for layer in layers:
        ends = [sorted(b.order for b in box.after) for box in layer]
        flat = [end for group in ends for end in group]
        total += sum(flat[i] > flat[j] for i in range(len(flat)) for j in range(i + 1, len(flat)))
    return total


def _crossed(upper, lower):
    """How often the edges of two neighbours cross as they stand."""
    sides = ((upper.before, lower.before), (upper.after, lower.after))
    return sum(a.order > b.order for above, below in sides for a in above for b in below)


def _swap(layer):
    """Neighbours change places while that saves crossings."""
    better = True
    while better:
        better = False
        for i in range(len(layer) - 1):
            upper, lower = layer[i], layer[i + 1]
            if _crossed(upper, lower) > _crossed(lower, upper):
                layer[i], layer[i + 1] = lower, upper
                better = True
    _number(layer)


def _order(layers):
    """Sweeps right and left: each box goes to the mean place of its neighbours; the best order is kept."""
    for layer in layers:
        _number(layer)
    best, kept = _crossings(layers), [list(layer) for layer in layers]
    for sweep in range(SWEEPS if best else 0):
        to_left = sweep % 2 == 0
        for layer in reversed(layers) if to_left else layers:
            near = {id(box): (box.after if to_left else box.before) for box in layer}
            layer.sort(
                key=lambda box, near=near: (
                    sum(b.order for b in near[id(box)]) / len(near[id(box)]) if near[id(box)] else box.order
                )
            )
            _number(layer)
            _swap(layer)
        crossings = _crossings(layers)
        if crossings < best:
            best, kept = crossings, [list(layer) for layer in layers]
    for layer, order in zip(layers, kept, strict=True):
        layer[:] = order
        _number(layer)


# ---- coordinates ---------------------------------------------------------------------------------------


def _settle(layer, wanted):
    """The heights nearest to the wanted ones, in least squares, that keep order and distance: neighbours that
    want to overlap form a block at the mean of what its members want."""
    offsets, offset = [], 0.0
    for i, box in enumerate(layer):
        if i:
            offset += (layer[i - 1].height + box.height) / 2 + GAP_Y
        offsets.append(offset)
    blocks = []  # [sum of wanted places of the block's start, members]
    for want, offset in zip(wanted, offsets, strict=True):
        blocks.append([want - offset, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, members = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += members
    place = [total / members for total, members in blocks for _ in range(members)]
    for box, start, offset in zip(layer, place, offsets, strict=True):
        box.y = start + offset


def _mean(boxes, otherwise):
    return sum(box.y for box in boxes) / len(boxes) if boxes else otherwise


def _steep(way):
    return any(abs(box.y - way.y) > STEEP for box in way.before + way.after)


def _place(layers):
    for layer in layers:
        _settle(layer, [0.0] * len(layer))
    for sweep in range(SWEEPS):
        to_left = sweep % 2 == 0
        for layer in reversed(layers) if to_left else layers:
            near = [(box.after if to_left else box.before) for box in layer]
            if sweep >= SWEEPS - 2:
                near = [box.before + box.after for box in layer]
            _settle(layer, [_mean(boxes, box.y) for boxes, box in zip(near, layer, strict=True)])
    x = 0.0
    for layer in layers:
        width = max((box.width for box in layer), default=0)
        for box in layer:
            box.x = x + width / 2
            if isinstance(box, Way) and (box.height > EMPTY or _steep(box)):
                box.width = width  # level all along its layer: what stands above and below stays free
        x += width + GAP_X
    top = min(box.y - box.height / 2 for layer in layers for box in layer)
    bottom = max(box.y + box.height / 2 for layer in layers for box in layer)
    for layer in layers:
        for box in layer:
            box.y -= top
    return x - GAP_X, bottom - top
