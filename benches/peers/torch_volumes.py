#!/usr/bin/env python3
"""Volumes in PyTorch, beside benches/networks.rs and benches/rows.rs. Needs torch.

    torch_volumes.py layers [--threads 1] [--seconds 1]     layers and a generator of three axes: ms, the best of some calls
    torch_volumes.py step [--threads 2] [--steps 20]        median time of a training step of profile volume
    torch_volumes.py generate [--threads 2] [--side 256]    time of a volume, the generator alone
    torch_volumes.py slicegan [--threads 2] [--side 256]    the same voxels by the layers that SliceGAN has published

A layer doubles the sides: a periodic transposed convolution 4 x 4 x 4 of stride 2, noise, batch normalisation and leaky ReLU. Both
forms of torch_periodic.py are timed; `step` and `generate` print the better one. Layers on one thread: CPU time; else the time of the
clock. `step` and `generate` take --device cpu (the default) or cuda, where a time is that of all work done, not of its launch.
"""
import argparse
import statistics
import time

import torch
import torch.nn as nn

from torch_periodic import FORMS, Biased, Halved, Layer, adam, bce, clock, discriminator, move_average, shown

LAYERS = (((48, 24), 8), ((48, 24), 16), ((24, 12), 32), ((12, 6), 64))
GENERATOR = (16, 48, 24, 12, 6)
SIDES = (48, 64)
SLICEGAN, PADDINGS = (32, 1024, 512, 128, 32, 3), (2, 2, 2, 2, 3)  # channels (Kench and Cooper 2021, Table 1), and of each layer
SIDE, LATENTS, PLANES = 64, 16, 8  # of a training volume: its side, latent channels, planes shown across each axis
WARM_UP = 3


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
    network = nn.Sequential(*(Layer(convolution, 3, *pair) for pair in zip(widths, widths[1:])))
    x = torch.randn(1, widths[0], *(side >> len(widths) - 1,) * 3, requires_grad=True)
    y = network(x)
    gradient = torch.randn_like(y)
    backward = lambda by: torch.autograd.grad(y, by, gradient, retain_graph=True)
    return [best(call, clock, seconds) for call in
            (lambda: network(x), lambda: backward(list(network.parameters())), lambda: backward([x]))]


def generator(convolution):
    growing = [Layer(convolution, 3, *pair) for pair in zip(GENERATOR, GENERATOR[1:])]
    return nn.Sequential(*growing, Layer(Halved, 3, 6, 12), Biased(convolution, 3, 12, 1))


class Trainer:
    def __init__(self, convolution):
        self.g, self.average = generator(convolution), generator(convolution)
        self.d = discriminator((8, 16, 32, 64))
        self.adam_g, self.adam_d = adam(self.g, 1e-3), adam(self.d, 5e-4)

    def step(self, windows):
        logits = self.g(torch.randn(1, LATENTS, *(SIDE // 16,) * 3))[0, 0]
        planes = torch.cat([logits.movedim(axis, 0)[torch.randperm(SIDE)[:PLANES]] for axis in range(3)])
        real, made = (x + .2 * torch.randn_like(x) for x in (windows, shown(torch.sigmoid(planes)[:, None])))
        self.adam_d.zero_grad()
        (bce(self.d(real), 1.) + bce(self.d(made.detach()), 0.)).backward()
        self.adam_d.step()
        self.d.requires_grad_(False)
        self.adam_g.zero_grad()
        bce(self.d(made), 1.).backward()
        self.d.requires_grad_(True)
        self.adam_g.step()
        move_average(self.average, self.g, .002)


def time_of_step(convolution, steps):
    trainer, times = Trainer(convolution), []
    windows = (torch.rand(3 * PLANES, 1, SIDE, SIDE) > .6).float()
    for _ in range(WARM_UP + steps):
        start = clock()
        trainer.step(windows)
        times.append(clock() - start)
    return statistics.median(times[WARM_UP:])


@torch.inference_mode()
def time_of_volume(convolution, side):
    g, cells = generator(convolution).eval(), side // 16
    start = clock()
    phases = (g(torch.randn(1, LATENTS, cells, cells, cells)) > 0).to(torch.uint8).cpu()
    assert phases.shape[-3:] == (side,) * 3
    return clock() - start


@torch.inference_mode()
def time_by_slicegan(side):
    """Volumes of 64 x 64 x 64, as many as have these voxels: more at once only take more memory."""
    layers = []
    for inputs, outputs, padding in zip(SLICEGAN, SLICEGAN[1:], PADDINGS):
        last = outputs == SLICEGAN[-1]
        layers += [nn.ConvTranspose3d(inputs, outputs, 4, 2, padding, bias=False)]
        layers += [nn.Softmax(1)] if last else [nn.BatchNorm3d(outputs), nn.ReLU()]
    g = nn.Sequential(*layers).eval()
    start = time.perf_counter()
    phases = g(torch.randn(1, SLICEGAN[0], 4, 4, 4)).argmax(1)
    taken = time.perf_counter() - start
    assert phases.shape[-3:] == (SIDE,) * 3
    return taken * (side / SIDE) ** 3


def print_layers(threads, seconds):
    clock = time.thread_time if threads == 1 else time.perf_counter
    for what, widths, side in [('layer', *layer) for layer in LAYERS] + [('generator', GENERATOR, side) for side in SIDES]:
        for convolution in FORMS:
            found = times(convolution, widths, side, clock, seconds)
            name = f"volume {what} {'-'.join(map(str, widths))} to {side}^3"
            print(f'{name}\t{convolution.__name__}\t' + '\t'.join(f'{ms:.2f}' for ms in found), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('verb', choices=('layers', 'step', 'generate', 'slicegan'))
    parser.add_argument('--threads', type=int, help='by default 1 for layers, else 2')
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--seconds', type=float, default=1., help='for each time of layers')
    parser.add_argument('--steps', type=int, default=20)
    parser.add_argument('--side', type=int, default=256)
    arguments = parser.parse_args()
    threads = arguments.threads or (1 if arguments.verb == 'layers' else 2)
    torch.set_num_threads(threads)
    torch.set_default_device(arguments.device)
    if arguments.verb == 'layers':
        return print_layers(threads, arguments.seconds)
    if arguments.verb == 'step':
        print(f'{1e3 * min(time_of_step(form, arguments.steps) for form in FORMS):.4f} ms')
    elif arguments.verb == 'slicegan':
        print(f'{time_by_slicegan(arguments.side):.4f} s')
    else:
        print(f'{min(time_of_volume(form, arguments.side) for form in FORMS):.4f} s')


if __name__ == '__main__':
    main()
