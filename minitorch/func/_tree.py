"""Nested tuples, lists and dicts of values: taken apart and put together again."""


def flatten(tree, leaves):
    """Appends the leaves of tree to the list; returns what `unflatten` needs to know."""
    if isinstance(tree, dict):
        return type(tree), list(tree), [flatten(value, leaves) for value in tree.values()]
    if isinstance(tree, tuple | list):
        return type(tree), None, [flatten(value, leaves) for value in tree]
    leaves.append(tree)
    return None


def unflatten(spec, leaves):
    """The tree again, its leaves from an iterator."""
    if spec is None:
        return next(leaves)
    kind, keys, children = spec
    values = [unflatten(child, leaves) for child in children]
    if keys is not None:
        return kind(zip(keys, values, strict=True))
    return kind(*values) if hasattr(kind, "_fields") else kind(values)


def tree_map(function, tree):
    """The same tree with function(leaf) for every leaf."""
    leaves = []
    spec = flatten(tree, leaves)
    return unflatten(spec, iter([function(leaf) for leaf in leaves]))


def broadcast(prefix, tree):
    """prefix for every leaf of tree; prefix is a leaf or of the same structure, else the result is None."""
    leaves = []
    if isinstance(prefix, tuple | list | dict):
        if type(prefix) is not type(tree) or len(prefix) != len(tree):
            return None
        pairs = (
            [(prefix[key], tree[key]) for key in tree]
            if isinstance(tree, dict)
            else zip(prefix, tree, strict=True)
        )
        for a, b in pairs:
            below = broadcast(a, b)
            if below is None:
                return None
            leaves.extend(below)
        return leaves
    flatten(tree, leaves)
    return [prefix] * len(leaves)
