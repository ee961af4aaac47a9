#!/usr/bin/env python3
"""Computes every sample of the op table with PyTorch in f64; see README.md beside this file."""

import json
import math
import pathlib
import struct
import sys

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

ALL = None  # every axis
pair = lambda a, b: (a, b)


def axes_of(x, axes):
    return tuple(range(x.dim())) if axes is ALL else axes


def reduced(f):
    """f over (axes, keep) of a sample's label; over no axis at all it is the identity."""
    settings = {
        "all": (ALL, False), "all, kept": (ALL, True), "first": ((0,), False), "middle": ((1,), False),
        "middle, kept": ((1,), True), "last": ((2,), False), "last, kept": ((2,), True),
        "two ends": ((0, 2), False), "two ends, kept": ((0, 2), True), "no axis": ((), False),
        "scalar": (ALL, False), "unpacked": ((0, 1), False), "long": (ALL, False),
        "empty": ((0,), False), "large": ((1,), False),
    }

    def run(label, x):
        axes, keep = settings[label]
        axes = axes_of(x, axes)
        return f(x, axes, keep) if axes else x * 1.0
    return run


def logsumexp(label, x):
    if label == "unpacked":
        return torch.logsumexp(x, 1)
    if label == "no axis":
        return x * 1.0
    return reduced(lambda y, axes, keep: torch.logsumexp(y, axes, keepdim=keep))(label, x)


def by_label(table):
    return lambda label, *inputs: table[label](*inputs)


def along_axis(f):
    axes = {"last": -1, "first": 0, "middle": 1, "large": 1, "unpacked": 1}
    return lambda label, x: f(x, axes[label])


def sum_to(shape):
    return lambda x: x.sum_to_size(shape)


def labels(*values, shape=None):
    made = torch.tensor(values)
    return made if shape is None else made.reshape(shape)


def scatter(axis, extent, picks):
    """Adds the slices of x, whose axes from `axis` on are those of picks, to zeros."""
    def run(x):
        flat = x.reshape(x.shape[:axis] + (picks.numel(),) + x.shape[axis + picks.dim():])
        shape = list(flat.shape)
        shape[axis] = extent
        return torch.zeros(shape).index_add(axis, picks.reshape(-1), flat)
    return run


def take(axis, picks):
    """The slices of x that picks name along an axis."""
    def run(x):
        at = axis % x.dim()
        flat = torch.index_select(x, at, picks.reshape(-1))
        return flat.reshape(x.shape[:at] + picks.shape + x.shape[at + 1:])
    return run


def unfold(kernel, **options):
    return lambda x: F.unfold(x, kernel, **options)


def fold(kernel, **options):
    return lambda x: F.fold(x, (4, 5), kernel, **options)


def batch_norm(label, x, weight, bias):
    eps = 0.5 if label == "a large epsilon" else 1e-5
    return F.batch_norm(x, None, None, weight, bias, training=True, eps=eps)


def batch_norm_eval(label, x, weight, bias, mean, variance):
    # F.batch_norm does not differentiate in the running statistics: as its documentation defines it.
    eps = 0.5 if label == "a large epsilon" else 1e-5
    shape = (1, -1) + (1,) * (x.dim() - 2)
    a = lambda v: v.reshape(shape)
    return (x - a(mean)) / torch.sqrt(a(variance) + eps) * a(weight) + a(bias)


def where(label, m, x, y):
    return torch.where(m.detach() != 0, x, y)


def mask(label, x, m):
    return torch.where(m.detach() != 0, x, torch.zeros(()))


def max_pool(kernel, **options):
    return lambda x: F.max_pool2d(x, kernel, **options)


def avg_pool(kernel, **options):
    return lambda x: F.avg_pool2d(x, kernel, **options)


def pools(pool):
    return by_label({
        "plain": pool(2), "overlapping": pool((3, 2), stride=1), "padding": pool((2, 3), padding=1),
        "the whole image": pool((4, 5)), "unpacked": pool(2)})


def conv(**options):
    return lambda x, w: F.conv2d(x, w, **options)


CONVOLUTIONS = {
    "plain": {}, "stride": dict(stride=(2, 1)), "padding": dict(padding=(1, 2)),
    "dilation": dict(dilation=(2, 3)), "groups": dict(groups=2),
    "all options": dict(stride=2, padding=1, dilation=(2, 1), groups=2), "unpacked": {},
    "no image": {}}


def conv_image(label, g, w):
    return torch.nn.grad.conv2d_input((2, 2, 4, 5), w, g, **CONVOLUTIONS[label])


def conv_filters(label, x, g):
    shapes = {"dilation": (3, 2, 2, 2), "groups": (4, 1, 2, 2), "all options": (2, 1, 2, 2)}
    return torch.nn.grad.conv2d_weight(x, shapes.get(label, (3, 2, 3, 2)), g, **CONVOLUTIONS[label])


odd = dict(dilation=(2, 1), padding=(1, 1), stride=(2, 1))
GRID = (1, 0, 2, 2, 1, 0)
SENTENCE = labels(2, 0, 2)
plain = lambda f: lambda label, *inputs: f(*inputs)

OPS = {
    "abs": plain(torch.abs), "add": plain(torch.add), "add_scalar": plain(lambda x: x + 0.75),
    "avg_pool2d": pools(avg_pool), "batch_norm": batch_norm, "batch_norm_eval": batch_norm_eval,
    "bce_with_logits": plain(lambda x, t: F.binary_cross_entropy_with_logits(
        *torch.broadcast_tensors(x, t), reduction="none")),
    "clamp": plain(lambda x: torch.clamp(x, -0.75, 1.25)),
    "col2im": by_label({"plain": fold((3, 2)), "all options": fold((2, 3), **odd),
                        "unpacked": fold((3, 2))}),
    "concat": lambda label, *parts: torch.cat(
        parts, -1 if label == "columns, from the end" else 0),
    "conv2d": by_label({label: conv(**options) for label, options in CONVOLUTIONS.items()}),
    "conv2d_filters": conv_filters, "conv2d_image": conv_image,
    "cos": plain(torch.cos),
    "cross_entropy": by_label({
        "plain": lambda x: F.cross_entropy(x, SENTENCE, reduction="none"),
        "large": lambda x: F.cross_entropy(x, SENTENCE, reduction="none"),
        "unpacked": lambda x: F.cross_entropy(x, SENTENCE, reduction="none"),
        "one example": lambda x: F.cross_entropy(x, torch.tensor(1), reduction="none"),
        "a grid": lambda x: F.cross_entropy(
            x.transpose(1, 2), labels(*GRID, shape=(2, 3)), reduction="none")}),
    "cumsum": by_label({
        "first": lambda x: torch.cumsum(x, 0), "middle": lambda x: torch.cumsum(x, 1),
        "last, from the end": lambda x: torch.flip(torch.cumsum(torch.flip(x, (2,)), 2), (2,)),
        "one element": lambda x: torch.cumsum(x, 0),
        "unpacked": lambda x: torch.flip(torch.cumsum(torch.flip(x, (1,)), 1), (1,))}),
    "div": plain(torch.div),
    "div_or_zero": plain(torch.div),  # no sample divides by 0: that is tested apart
    "dot": plain(lambda x, y: torch.dot(x.reshape(-1), y.reshape(-1))),
    "elu": plain(lambda x: F.elu(x, 1.5)),
    "embedding": by_label({
        "a sentence": lambda t: F.embedding(labels(4, 0, 4), t),
        "a batch of them": lambda t: F.embedding(labels(1, 0, 4, 4, 1, 0, shape=(2, 3)), t),
        "unpacked": lambda t: F.embedding(labels(1, 1), t)}),
    "erf": plain(torch.erf), "exp": plain(torch.exp),
    "expand": by_label({
        "row": lambda x: x.expand(2, 3, 4), "column": lambda x: x.expand(3, 4),
        "scalar": lambda x: x.expand(2, 3), "unpacked": lambda x: x.expand(2, 4, 3)}),
    "expm1": plain(torch.expm1),
    "gather": by_label({
        "rows": take(0, labels(2, 0, 2, 1)), "columns": take(1, labels(2, 0, 2, 1)),
        "from the end": take(-1, labels(2, 0, 2, 1)),
        "a grid of rows": take(0, labels(*GRID, shape=(2, 3))),
        "one label": take(0, torch.tensor(1)), "unpacked": take(1, labels(2, 0, 2, 1))}),
    "gelu": plain(F.gelu),
    "huber": plain(lambda x, y: F.huber_loss(
        *torch.broadcast_tensors(x, y), reduction="none", delta=0.75)),
    "hypot": plain(torch.hypot),
    "im2col": by_label({
        "plain": unfold((3, 2)), "all options": unfold((2, 3), **odd), "one place": unfold((4, 5)),
        "unpacked": unfold(2)}),
    "layer_norm": lambda label, x, w, b: F.layer_norm(
        x, w.shape, w, b, eps=0.5 if label == "a vector" else 1e-5),
    "leaky_relu": plain(lambda x: F.leaky_relu(x, 0.1)), "linear": plain(F.linear),
    "linear_relu": plain(lambda x, w, b: F.relu(F.linear(x, w, b))),
    "log": plain(torch.log), "log1p": plain(torch.log1p),
    "log_softmax": along_axis(F.log_softmax), "logsumexp": logsumexp, "mask": mask,
    "matmul": plain(torch.matmul),
    "matmul_to": by_label({label: lambda a, b, s=shape: torch.matmul(a, b).sum_to_size(s)
                           for label, shape in {
                               "all": (3, 2), "the first axis": (3, 3, 2), "the second": (2, 1, 3, 2),
                               "none": (2, 3, 3, 2), "one repeats": (3, 2), "unpacked": (3, 3, 2)}.items()}),
    "max": reduced(lambda x, axes, keep: torch.amax(x, axes, keepdim=keep)),
    "max_pool2d": pools(max_pool), "maximum": plain(torch.maximum),
    "min": reduced(lambda x, axes, keep: torch.amin(x, axes, keepdim=keep)),
    "minimum": plain(torch.minimum), "mul": plain(torch.mul), "neg": plain(torch.neg),
    "norm": plain(lambda x: torch.linalg.vector_norm(x)),
    "pad": by_label({
        "before": lambda x: F.pad(x, (0, 0, 2, 0)), "after, from the end": lambda x: F.pad(x, (0, 1)),
        "both": lambda x: F.pad(x, (1, 2)), "nothing": lambda x: x * 1.0,
        "empty": lambda x: F.pad(x, (0, 0, 1, 1)), "unpacked": lambda x: F.pad(x, (0, 0, 1, 1))}),
    "permute": by_label({
        "cycle": lambda x: x.permute(2, 0, 1), "from the end": lambda x: x.permute(-1, 0, 1),
        "scalar": lambda x: x * 1.0, "unpacked": lambda x: x.permute(1, 2, 0)}),
    "pow_scalar": plain(lambda x: torch.pow(x, 1.7)),
    "preference": plain(lambda x, y: torch.heaviside((x - y).detach(), torch.tensor(0.5))),
    "relu": plain(torch.relu),
    "relu_grad": plain(lambda g, x: torch.where(x.detach() > 0, g, torch.zeros(()))),
    "reshape": by_label({
        "split": lambda x: x.reshape(2, 3, 2), "flat": lambda x: x.reshape(12),
        "scalar": lambda x: x.reshape(()), "unpacked": lambda x: x.reshape(3, 4),
        "transposed": lambda x: x.reshape(3, 4)}),
    "rsqrt": plain(torch.rsqrt), "scale": plain(lambda x: x * -2.5),
    "scaled_difference": plain(lambda s, x, y: s * (x - y)),
    "scatter_add": by_label({
        "rows": scatter(0, 4, SENTENCE), "columns": scatter(1, 3, SENTENCE),
        "from the end": scatter(1, 3, SENTENCE),
        "a grid": scatter(0, 3, labels(*GRID, shape=(2, 3))),
        "one label": scatter(0, 2, torch.tensor(1)),
        "no label": scatter(0, 3, torch.zeros(0, dtype=torch.int64)),
        "unpacked": scatter(0, 3, SENTENCE)}),
    "sigmoid": plain(torch.sigmoid), "sigmoid_grad": plain(lambda g, y: g * y * (1 - y)),
    "sign": plain(torch.sign), "sin": plain(torch.sin),
    "slice": by_label({
        "first axis": lambda x: x[1:2], "middle axis": lambda x: x[:, 0:2],
        "last axis": lambda x: x[..., 1:4], "all": lambda x: x * 1.0,
        "unpacked": lambda x: x[..., 1:3]}),
    "softmax": along_axis(F.softmax), "softplus": plain(F.softplus), "sqrt": plain(torch.sqrt),
    "square": plain(torch.square),
    "squared_error": plain(lambda x, y: F.mse_loss(x, y, reduction="sum")), "sub": plain(torch.sub),
    "sum": reduced(lambda x, axes, keep: torch.sum(x, axes, keepdim=keep)),
    "sum_to": by_label({
        "to a row": sum_to((4,)), "to a column": sum_to((3, 1)), "to two ends": sum_to((2, 1, 4)),
        "to a scalar": lambda x: x.sum(), "to itself": lambda x: x * 1.0,
        "from an empty one": sum_to((3,)), "from an unpacked one": sum_to((2, 1, 1))}),
    "tanh": plain(torch.tanh), "tanh_grad": plain(lambda g, y: g * (1 - y * y)), "where": where,
}

LACKING = {"dropout": "its random numbers are its own"}


def read(path):
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = struct.unpack(f"<{(end - begin) // 8}d", data[begin:end])
        tensors[name] = torch.tensor(values).reshape(entry["shape"])
    return tensors


def write(path, tensors, text):
    header, data = {"__metadata__": text}, b""
    for name in sorted(tensors):
        values = tensors[name]
        begin = len(data)
        data += struct.pack(f"<{len(values)}d", *values)
        header[name] = {"dtype": "F64", "shape": [len(values)], "data_offsets": [begin, len(data)]}
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)


def flat(parts):
    return [value for part in parts for value in (part.detach() + 0.0).reshape(-1).tolist()]


def gradients(y, inputs, cotangent=None):
    if not y.requires_grad:
        return [torch.zeros_like(x) for x in inputs]
    found = torch.autograd.grad(y, inputs, cotangent, create_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, inputs)]


def derivatives(f, label, inputs, cotangent, along):
    x = [value.clone().requires_grad_() for value in inputs]
    u = cotangent.clone().requires_grad_()
    y = f(label, *x)
    first = gradients(y, x, u)
    second = gradients(sum((g * p).sum() for g, p in zip(first, along)), x + [u])
    return {"x": flat(inputs), "value": flat([y]), "first": flat(first), "second": flat(second)}


def main():
    samples = read(sys.argv[1])
    out = {}
    for name in sorted({key.rsplit("/", 1)[0] for key in samples}):
        op, label = name.split("/", 1)
        if op in LACKING:
            continue
        count = sum(key.startswith(f"{name}/x") for key in samples)
        inputs = [samples[f"{name}/x{i}"] for i in range(count)]
        along = [samples[f"{name}/p{i}"] for i in range(count)]
        parts = derivatives(OPS[op], label, inputs, samples[f"{name}/u"], along)
        if not all(math.isfinite(value) for part in parts.values() for value in part):
            sys.exit(f"{name}: PyTorch gave a number that is not finite")
        out.update({f"{name}/{part}": values for part, values in parts.items()})
    text = {"torch": torch.__version__.split("+")[0]}
    text.update({f"lacking/{op}": reason for op, reason in LACKING.items()})
    target = pathlib.Path(__file__).with_name("ops.safetensors")
    write(target, out, text)
    print(f"{target}: {len(out)} tensors, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
