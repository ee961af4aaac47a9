"""Writes the golden trajectories gradnorm_t2, _t3 and _t10.safetensors beside this file.

Ten training steps of GradNorm in float64 on a small version of the paper's toy problem. The
gradient of the weights comes from PyTorch's second order, so neither the closed form nor the engine
under test has a part in it. README.md names the tensors. Needs PyTorch; the tests do not.
"""

import copy
import json
import pathlib
import struct

import torch
from torch import nn

SIGMAS = {2: (1, 100), 3: (1, 10, 100), 10: (48, 3, 54, 16, 9, 30, 52, 26, 47, 81)}
INPUTS, WIDTH, LAYERS, OUTPUTS, BATCH, STEPS = 12, 16, 4, 5, 8, 10
ALPHA, LR, LR_WEIGHTS, BETAS, EPS, FLOOR = 0.12, 1e-3, 0.025, (0.9, 0.999), 1e-8, 1e-4
SEED = 1711


def save(path, tensors, metadata):
    """The safetensors format: header length, JSON header padded to 8 bytes, then the raw data."""
    header, data = {"__metadata__": metadata}, b""
    for name in sorted(tensors):
        value = tensors[name].detach().numpy().astype("<f8")
        begin, data = len(data), data + value.tobytes()
        header[name] = {"dtype": "F64", "shape": value.shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


class Network(nn.Module):
    def __init__(self, tasks):
        super().__init__()
        widths = [INPUTS] + [WIDTH] * LAYERS
        pairs = zip(widths, widths[1:])
        self.trunk = nn.Sequential(*(l for i, o in pairs for l in (nn.Linear(i, o), nn.ReLU())))
        self.head = nn.ModuleList(nn.Linear(WIDTH, OUTPUTS) for _ in range(tasks))

    def forward(self, x):
        shared = self.trunk(x)
        return [head(shared) for head in self.head]

    def tensors(self, prefix):
        return {f"{prefix}/{name}": p.detach().clone() for name, p in self.named_parameters()}


def make_batches(sigmas):
    """x [steps, batch, in] and y [steps, task, batch, out], y_i = sigma_i tanh((B + eps_i) x)."""
    # The spreads 0.5 and 0.2 (10 and 3.5 in the paper) keep tanh out of saturation for 12 inputs.
    base = 0.5 * torch.randn(OUTPUTS, INPUTS)
    teachers = [base + 0.2 * torch.randn(OUTPUTS, INPUTS) for _ in sigmas]
    x = torch.randn(STEPS, BATCH, INPUTS)
    return x, torch.stack([s * torch.tanh(x @ a.T) for s, a in zip(sigmas, teachers)], dim=1)


class WeightAdam:
    """Adam written out: the renormalisation moves the weights between steps, the moments stay."""

    def __init__(self, tasks):
        self.m, self.v, self.t = torch.zeros(tasks), torch.zeros(tasks), 0

    def step(self, value, grad):
        self.t += 1
        self.m = BETAS[0] * self.m + (1 - BETAS[0]) * grad
        self.v = BETAS[1] * self.v + (1 - BETAS[1]) * grad * grad
        m_hat = self.m / (1 - BETAS[0] ** self.t)
        v_hat = self.v / (1 - BETAS[1] ** self.t)
        return value - LR_WEIGHTS * m_hat / (v_hat.sqrt() + EPS)


def update_weights(form, adam, w, grad):
    if form == "linear":
        w = adam.step(w, grad).clamp(min=FLOOR)
    else:  # Adam on log w
        w = adam.step(w.log(), w * grad).exp()
    return w * len(w) / w.sum()


def gradient_norms(losses, shared, **kwargs):
    return torch.stack([torch.autograd.grad(l, shared, **kwargs)[0].norm() for l in losses])


def train(net, form, x, y):
    tasks = y.shape[1]
    params, shared = list(net.parameters()), net.trunk[2 * (LAYERS - 1)].weight
    network_adam = torch.optim.Adam(params, lr=LR, betas=BETAS, eps=EPS)
    weight_adam, w = WeightAdam(tasks), torch.ones(tasks)
    record = {"losses": [], "norms": [], "targets": [], "weight_grads": [], "weights": [w]}

    for step in range(STEPS):
        w = w.detach().requires_grad_()
        losses = torch.stack([((p - t) ** 2).mean() for p, t in zip(net(x[step]), y[step])])
        first = losses.detach() if step == 0 else first
        norms = gradient_norms(w * losses, shared, create_graph=True)
        ratio = losses.detach() / first
        targets = norms.detach().mean() * (ratio / ratio.mean()) ** ALPHA
        grad_loss = (norms - targets).abs().sum()
        weight_grads = torch.autograd.grad(grad_loss, w, retain_graph=True)[0]

        # For w > 0 the second order has a closed form: sign(G_i - target_i) ||grad L_i||.
        closed = (norms - targets).sign() * gradient_norms(losses, shared, retain_graph=True)
        torch.testing.assert_close(weight_grads, closed, rtol=1e-12, atol=0)
        # A difference near zero would leave the sign, and all that follows, to rounding.
        assert ((norms - targets).abs() > 1e-6 * targets).all()

        total = (w.detach() * losses).sum()
        for p, g in zip(params, torch.autograd.grad(total, params)):
            p.grad = g
        network_adam.step()
        w = update_weights(form, weight_adam, w.detach(), weight_grads)

        for name, value in zip(record, (losses, norms, targets, weight_grads, w)):
            record[name].append(value.detach())

    tensors = {f"{form}/{name}": torch.stack(rows) for name, rows in record.items()}
    return tensors | net.tensors(f"{form}/final")


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    for tasks, sigmas in SIGMAS.items():
        torch.manual_seed(SEED + tasks)
        net = Network(tasks)
        x, y = make_batches(sigmas)
        tensors = net.tensors("init") | {"batch/x": x, "batch/y": y}
        for form in ("linear", "log"):
            tensors |= train(copy.deepcopy(net), form, x, y)
        settings = {"sigmas": sigmas, "alpha": ALPHA, "lr": LR, "lr_weights": LR_WEIGHTS,
                    "betas": BETAS, "eps": EPS, "floor": FLOOR}
        save(pathlib.Path(__file__).with_name(f"gradnorm_t{tasks}.safetensors"), tensors,
             {key: json.dumps(value) for key, value in settings.items()})


if __name__ == "__main__":
    main()
