#!/usr/bin/env python3
"""Profile standard in PyTorch, beside benches/rows.rs. Needs torch.

    torch_fields.py step [--threads 2] [--batch 8] [--steps 60]     median time of a training step
    torch_fields.py generate [--threads 2] [--side 1024]            time of an image, the generator alone

Both print the better of two forms of a transposed convolution (torch_periodic.py), and take --device cpu (the default) or cuda, where a
time is that of all work done, not of its launch. An image is made in one pass.
"""
import argparse
import statistics

import torch
import torch.nn as nn
import torch.nn.functional as F

from torch_periodic import FORMS, Biased, Halved, Layer, adam, bce, clock, discriminator, move_average, shown

SIDE, CELL, LATENTS = 64, 16, 16  # of a training tile, of a cell, channels of a cell
WARM_UP = 10
REPEATS = 3


def encoder():
    halved = lambda inputs, outputs: nn.Conv2d(inputs, outputs, 4, 2, 1, padding_mode='circular')
    layers = [halved(1, 16), nn.LeakyReLU(.3)]
    for inputs, outputs in ((16, 32), (32, 64)):
        layers += [halved(inputs, outputs), nn.BatchNorm2d(outputs, eps=1e-3, momentum=.01), nn.LeakyReLU(.3)]
    return nn.Sequential(*layers, halved(64, 2 * LATENTS))


def generator(transposed):
    doubled = lambda *widths: [Layer(transposed, 2, *pair) for pair in zip(widths, widths[1:])]
    halved = lambda inputs, outputs: [Layer(Halved, 2, inputs, outputs)]
    layers = doubled(LATENTS, 64, 32) + halved(32, 64) + doubled(64, 32, 16, 8) + halved(8, 16)
    return nn.Sequential(*layers, Biased(transposed, 2, 16, 1))


def translated(images):
    shifts = torch.round(torch.randn(len(images), 2, device='cpu') * SIDE / 8).long().tolist()
    return torch.stack([torch.roll(image, shift, (1, 2)) for image, shift in zip(images, shifts)])


class Trainer:
    def __init__(self, transposed):
        self.e, self.g, self.average = encoder(), generator(transposed), generator(transposed)
        self.d = discriminator((16, 32, 64, 128))
        self.adam_e, self.adam_g, self.adam_d = adam(self.e, 1e-3), adam(self.g, 1e-3), adam(self.d, 5e-4)

    def step(self, tiles, windows):
        mean, log_variance = self.e(tiles).chunk(2, 1)
        posterior = mean + torch.exp(.5 * log_variance) * torch.randn_like(mean)
        logits = self.g(torch.cat([posterior, torch.randn_like(mean)]))
        reconstructed, drawn = logits.chunk(2)
        real, made = (translated(x) + .2 * torch.randn_like(x) for x in (windows, shown(torch.sigmoid(drawn))))
        self.adam_d.zero_grad()
        (bce(self.d(real), 1.) + bce(self.d(made.detach()), 0.)).backward()
        self.adam_d.step()

        # Encoder and generator: each takes the gradient of its own loss only.
        self.d.requires_grad_(False)
        adversarial = bce(self.d(made), 1.)
        self.d.requires_grad_(True)
        reconstruction = F.binary_cross_entropy_with_logits(reconstructed, tiles, reduction='sum') / len(tiles)
        divergence = .5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum() / len(tiles)
        by_generator = torch.autograd.grad(adversarial + 1e-2 * reconstruction, list(self.g.parameters()), retain_graph=True)
        by_encoder = torch.autograd.grad(.3 * divergence + reconstruction, list(self.e.parameters()))
        for network, optimiser, gradients in ((self.g, self.adam_g, by_generator), (self.e, self.adam_e, by_encoder)):
            for parameter, gradient in zip(network.parameters(), gradients):
                parameter.grad = gradient
            optimiser.step()
        move_average(self.average, self.g, .001)


def time_of_step(transposed, batch, steps):
    trainer, times = Trainer(transposed), []
    tiles, windows = ((torch.rand(batch, 1, SIDE, SIDE) > .6).float() for _ in range(2))
    for _ in range(WARM_UP + steps):
        start = clock()
        trainer.step(tiles, windows)
        times.append(clock() - start)
    return statistics.median(times[WARM_UP:])


@torch.inference_mode()
def time_of_image(transposed, side):
    network, times = generator(transposed).eval(), []
    for _ in range(1 + REPEATS):
        start = clock()
        phases = (network(torch.randn(1, LATENTS, side // CELL, side // CELL)) > 0).to(torch.uint8).cpu()
        times.append(clock() - start)
    assert phases.shape[-2:] == (side, side)
    return statistics.median(times[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('verb', choices=('step', 'generate'))
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--steps', type=int, default=60)
    parser.add_argument('--side', type=int, default=1024)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_default_device(arguments.device)
    if arguments.verb == 'step':
        print(f'{1e3 * min(time_of_step(form, arguments.batch, arguments.steps) for form in FORMS):.4f} ms')
    else:
        print(f'{min(time_of_image(form, arguments.side) for form in FORMS):.4f} s')


if __name__ == '__main__':
    main()
