#!/usr/bin/env python3
"""Volumes in PyTorch, beside benches/networks.rs and benches/rows.rs. Needs torch.

    torch_volumes.py layers [--threads 1] [--seconds 1]     layers and a generator of three axes: ms, the best of some calls
    torch_volumes.py step [--threads 2] [--steps 20]        median time of a training step of profile volume
    torch_volumes.py generate [--threads 2] [--side 256]    time of a volume, the generator alone

A layer doubles the sides: a periodic transposed convolution 4 x 4 x 4 of stride 2, noise, batch normalisation and leaky ReLU. Two
forms of it are timed, PyTorch's own transposed convolution and one convolution 2 x 2 x 2 with eight times the channels;
`step` and `generate` print the better one. Layers on one thread: CPU time; else the time of the clock.
"""
import argparse
import statistics
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

LAYERS = (((48, 24), 8), ((48, 24), 16), ((24, 12), 32), ((12, 6), 64))
GENERATOR = (16, 48, 24, 12, 6)
SIDES = (48, 64)
SIDE, LATENTS, PLANES = 64, 16, 8  # of a training volume: its side, latent channels, planes shown across each axis
WARM_UP = 3


class Transposed(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.convolution = nn.ConvTranspose3d(inputs, outputs, 4, 2, 3, bias=False)

    def forward(self, x):
        # One more coarse voxel on each side is two more fine ones, which the padding of 3 takes away.
        return self.convolution(F.pad(x, (1,) * 6, mode='circular'))


class Parities(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.convolution = nn.Conv3d(inputs, 8 * outputs, 2, bias=False)

    def forward(self, x):
        n, side = x.shape[0], x.shape[2]
        y = self.convolution(F.pad(x, (1,) * 6, mode='circular')).view(n, 2, 2, 2, -1, *(side + 1,) * 3)
        at = lambda p, q, r: y[:, p, q, r, :, p:p + side, q:q + side, r:r + side]
        row = lambda p, q: torch.stack([at(p, q, 0), at(p, q, 1)], -1).flatten(-2)
        layer = lambda p: torch.stack([row(p, 0), row(p, 1)], -2).flatten(-3, -2)
        return torch.stack([layer(0), layer(1)], -3).flatten(-4, -3)


class Layer(nn.Module):
    def __init__(self, convolution, inputs, outputs):
        super().__init__()
        self.convolution, self.norm = convolution(inputs, outputs), nn.BatchNorm3d(outputs, eps=1e-3, momentum=.01)
        self.gain = nn.Parameter(torch.full((1, outputs, 1, 1, 1), .1))

    def forward(self, x):
        x = self.convolution(x)
        return F.leaky_relu(self.norm(x + self.gain * torch.randn_like(x[:, :1])), .3)


def best(call, clock, seconds):
    call()
    times, start = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        before = clock()
        call()
        times.append(clock() - before)
    return 1e3 * min(times)


def times(convolution, widths, side, clock, seconds):
    """Forward, and after it backward by the parameters and by the input."""
    network = nn.Sequential(*(Layer(convolution, *pair) for pair in zip(widths, widths[1:])))
    x = torch.randn(1, widths[0], *(side >> len(widths) - 1,) * 3, requires_grad=True)
    y = network(x)
    gradient = torch.randn_like(y)
    backward = lambda by: torch.autograd.grad(y, by, gradient, retain_graph=True)
    return [best(call, clock, seconds) for call in
            (lambda: network(x), lambda: backward(list(network.parameters())), lambda: backward([x]))]


class Halved(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.convolution = nn.Conv3d(inputs, outputs, 4, 2, bias=False)

    def forward(self, x):
        return self.convolution(F.pad(x, (1,) * 6, mode='circular'))


class Logits(nn.Module):
    def __init__(self, convolution, inputs):
        super().__init__()
        self.convolution, self.bias = convolution(inputs, 1), nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.convolution(x) + self.bias


def generator(convolution):
    growing = [Layer(convolution, *pair) for pair in zip(GENERATOR, GENERATOR[1:])]
    return nn.Sequential(*growing, Layer(Halved, 6, 12), Logits(convolution, 12))


def discriminator():
    layers, inputs = [], 1
    for width in (8, 16, 32, 64):
        layers += [nn.utils.parametrizations.spectral_norm(nn.Conv2d(inputs, width, 4, 2, 1)), nn.LeakyReLU(.3)]
        inputs = width
    return nn.Sequential(*layers, nn.utils.parametrizations.spectral_norm(nn.Conv2d(inputs, 1, 4)))


def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


class Trainer:
    def __init__(self, convolution):
        self.g, self.d, self.average = generator(convolution), discriminator(), generator(convolution)
        adam = lambda net, rate: torch.optim.Adam(net.parameters(), rate, (.5, .999), 1e-7)
        self.adam_g, self.adam_d = adam(self.g, 1e-3), adam(self.d, 5e-4)

    def step(self, windows):
        logits = self.g(torch.randn(1, LATENTS, *(SIDE // 16,) * 3))[0, 0]
        planes = torch.cat([logits.movedim(axis, 0)[torch.randperm(SIDE)[:PLANES]] for axis in range(3)])
        probabilities = torch.sigmoid(planes)[:, None]
        # The phase going forward, the probability going backward.
        shown = (probabilities > .5).float() + probabilities - probabilities.detach()
        real, made = (x + .2 * torch.randn_like(x) for x in (windows, shown))
        self.adam_d.zero_grad()
        (bce(self.d(real), 1.) + bce(self.d(made.detach()), 0.)).backward()
        self.adam_d.step()
        self.d.requires_grad_(False)
        self.adam_g.zero_grad()
        bce(self.d(made), 1.).backward()
        self.d.requires_grad_(True)
        self.adam_g.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.g.parameters()), .002)


def time_of_step(convolution, steps):
    trainer, times = Trainer(convolution), []
    windows = (torch.rand(3 * PLANES, 1, SIDE, SIDE) > .6).float()
    for _ in range(WARM_UP + steps):
        start = time.perf_counter()
        trainer.step(windows)
        times.append(time.perf_counter() - start)
    return statistics.median(times[WARM_UP:])


@torch.inference_mode()
def time_of_volume(convolution, side):
    g, cells = generator(convolution).eval(), side // 16
    start = time.perf_counter()
    phases = (g(torch.randn(1, LATENTS, cells, cells, cells)) > 0).to(torch.uint8)
    assert phases.shape[-3:] == (side,) * 3
    return time.perf_counter() - start


def print_layers(threads, seconds):
    clock = time.thread_time if threads == 1 else time.perf_counter
    for what, widths, side in [('layer', *layer) for layer in LAYERS] + [('generator', GENERATOR, side) for side in SIDES]:
        for convolution in (Transposed, Parities):
            found = times(convolution, widths, side, clock, seconds)
            name = f"volume {what} {'-'.join(map(str, widths))} to {side}^3"
            print(f'{name}\t{convolution.__name__}\t' + '\t'.join(f'{ms:.2f}' for ms in found), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('verb', choices=('layers', 'step', 'generate'))
    parser.add_argument('--threads', type=int, help='by default 1 for layers, else 2')
    parser.add_argument('--seconds', type=float, default=1., help='for each time of layers')
    parser.add_argument('--steps', type=int, default=20)
    parser.add_argument('--side', type=int, default=256)
    arguments = parser.parse_args()
    threads = arguments.threads or (1 if arguments.verb == 'layers' else 2)
    torch.set_num_threads(threads)
    if arguments.verb == 'layers':
        return print_layers(threads, arguments.seconds)
    forms = (Transposed, Parities)
    if arguments.verb == 'step':
        print(f'{1e3 * min(time_of_step(form, arguments.steps) for form in forms):.4f} ms')
    else:
        print(f'{min(time_of_volume(form, arguments.side) for form in forms):.4f} s')


if __name__ == '__main__':
    main()
