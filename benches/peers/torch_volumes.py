#!/usr/bin/env python3
"""Layers and a generator of three axes in PyTorch, as in benches/networks.rs: ms of CPU time, the best of some calls.

    torch_volumes.py [--threads 1] [--seconds 1]

A layer doubles the sides: a periodic transposed convolution 4 x 4 x 4 of stride 2, noise, batch normalisation and leaky ReLU. Two
forms of it are timed, PyTorch's own transposed convolution and one convolution 2 x 2 x 2 with eight times the channels,
and the better one is to be compared. Needs torch. With several threads the time is that of the clock.
"""
import argparse
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

LAYERS = (((48, 24), 8), ((48, 24), 16), ((24, 12), 32), ((12, 6), 64))
GENERATOR = (16, 48, 24, 12, 6)
SIDES = (48, 64)


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--seconds', type=float, default=1., help='for each time')
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clock = time.thread_time if arguments.threads == 1 else time.perf_counter
    for what, widths, side in [('layer', *layer) for layer in LAYERS] + [('generator', GENERATOR, side) for side in SIDES]:
        for convolution in (Transposed, Parities):
            found = times(convolution, widths, side, clock, arguments.seconds)
            name = f"volume {what} {'-'.join(map(str, widths))} to {side}^3"
            print(f'{name}\t{convolution.__name__}\t' + '\t'.join(f'{ms:.2f}' for ms in found), flush=True)


if __name__ == '__main__':
    main()
