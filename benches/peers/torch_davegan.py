#!/usr/bin/env python3
"""DA-VEGAN in PyTorch: the peer that a user would write instead.

    torch_davegan.py time     [--profile paper64] [--batch N] [--threads 2] [--steps 100]   median ms of a training step
    torch_davegan.py generate [--profile paper64] [--count 4096]                us a realisation, best batch and threads

Both take --device cpu (the default) or cuda, where a time is that of all work done, not of its launch. Needs torch and numpy. The networks are those of the paper's Tables 2 (paper32) and 3 (paper64).
"""
import argparse
import statistics
import time
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass(frozen=True)
class Profile:
    side: int
    latents: int
    batch: int
    encoder: tuple
    generator: tuple
    discriminator: tuple
    last_normalised: bool  # the generator's last layer
    apart: str  # the network to which reconstructions, realisations and real images are a batch each


PROFILES = {
    "paper32": Profile(32, 5, 32, (16, 32, 64), (64, 32, 16), (8, 16, 32), True, "discriminator"),
    "paper64": Profile(64, 32, 4, (16, 16, 32, 64), (64, 32, 32, 16), (4, 8, 16, 32), False, "generator"),
}
WARM_UP = 30
BATCHES = (16, 32, 64, 128, 256, 512, 1024)
LARGE_BATCHES = (256, 1024, 4096)  # of a GPU
THREADS = (1, 2)


def layer(inputs, outputs, stride, normalised, activated, convolution):
    layers = [convolution(inputs, outputs, 4, stride, 1 if stride == 2 else 0)]
    if normalised:
        layers.append(nn.BatchNorm2d(outputs, eps=1e-3, momentum=.01))
    if activated:
        layers.append(nn.LeakyReLU(.3))
    return layers


def shrinking(widths, outputs, last_normalised):
    """Halving layers down to 4 x 4, the first not normalised, then one that collapses these to a vector."""
    layers, inputs = [], 1
    for i, width in enumerate(widths):
        layers += layer(inputs, width, 2, i > 0, True, nn.Conv2d)
        inputs = width
    return nn.Sequential(*layers, *layer(inputs, outputs, 1, last_normalised, False, nn.Conv2d))


def growing(latents, widths, last_normalised):
    """One layer from a vector to 4 x 4, then doubling ones; the last gives logits."""
    layers, inputs = [], latents
    for i, width in enumerate(widths):
        layers += layer(inputs, width, 2 if i else 1, True, True, nn.ConvTranspose2d)
        inputs = width
    return nn.Sequential(*layers, *layer(inputs, 1, 2, last_normalised, False, nn.ConvTranspose2d))


def networks(profile):
    nets = (shrinking(profile.encoder, 2 * profile.latents, False),
            growing(profile.latents, profile.generator, profile.last_normalised),
            shrinking(profile.discriminator, 1, True))
    for net in nets:
        for module in net.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
    return nets


def translate(images, shifts):
    if images.is_cuda:  # one gather instead of a launch for each image
        n, _, side, _ = images.shape
        place = torch.arange(side, device=images.device)
        rows, columns = ((place - shift[:, None].to(images.device)).long() % side for shift in shifts.T)
        image = torch.arange(n, device=images.device)[:, None, None]
        return images[image, :, rows[:, :, None], columns[:, None, :]].movedim(3, 1)
    return torch.stack([torch.roll(x, (int(i), int(j)), (1, 2)) for x, (i, j) in zip(images, shifts)])


def in_batches(network, streams, batch, apart):
    return torch.cat([network(stream) for stream in streams.split(batch)]) if apart else network(streams)


def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


class Trainer:
    def __init__(self, profile, device, lambda_rec=1e-4, beta=1.):
        self.profile, self.lambda_rec, self.beta = profile, lambda_rec, beta
        self.e, self.g, self.d = (net.to(device) for net in networks(profile))
        adam = lambda net, rate: torch.optim.Adam(net.parameters(), rate, (.9, .999), 1e-7)
        self.adam_e, self.adam_g, self.adam_d = adam(self.e, 1e-4), adam(self.g, 1e-4), adam(self.d, 4e-5)

    def step(self, x):
        b, latents = len(x), self.profile.latents
        h = self.e(x).flatten(1)
        mu, sigma = h[:, :latents], torch.exp(.5 * h[:, latents:])
        z_vae, z_noise = mu + sigma * torch.randn_like(mu), torch.randn_like(mu)
        logits = in_batches(self.g, torch.cat([z_vae, z_noise])[..., None, None], b, self.profile.apart == "generator")
        shift = torch.round(torch.randn(3 * b, 2) * self.profile.side / 8)
        real, fake = translate(x, shift[:b]), translate(torch.sigmoid(logits), shift[b:])
        loss_d = self.step_discriminator(real, fake.detach())

        # Encoder and generator: each takes the gradient of its own loss only.
        rec = F.binary_cross_entropy_with_logits(logits[:b], x, reduction='sum') / b
        self.d.requires_grad_(False)
        s = self.judge(real, fake)
        self.d.requires_grad_(True)
        loss_g = bce(s[b:2 * b], 1.) + bce(s[2 * b:], 1.) + self.lambda_rec * rec
        loss_e = self.beta * self.divergence(mu, sigma) + rec
        gradient_g = torch.autograd.grad(loss_g, list(self.g.parameters()), retain_graph=True)
        gradient_e = torch.autograd.grad(loss_e, list(self.e.parameters()))
        for net, adam, gradient in ((self.g, self.adam_g, gradient_g), (self.e, self.adam_e, gradient_e)):
            for parameter, value in zip(net.parameters(), gradient):
                parameter.grad = value
            adam.step()
        return loss_d, loss_g, loss_e

    def judge(self, real, fake):
        return in_batches(self.d, torch.cat([real, fake]), len(real), self.profile.apart == "discriminator")

    def step_discriminator(self, real, fake):
        b = len(real)
        s = self.judge(real, fake)
        loss = bce(s[:b], 1.) + bce(s[b:2 * b], 0.) + bce(s[2 * b:], 0.)
        self.adam_d.zero_grad()
        loss.backward()
        self.adam_d.step()
        return loss

    @staticmethod
    def divergence(mu, sigma):
        mu_prior, sigma_prior = torch.randn_like(mu), torch.exp(.125 * torch.randn_like(mu))
        t, u = .5 + torch.rand_like(mu), .5 + torch.rand_like(mu)
        m1, m0, s1, s0 = t * mu, t * mu_prior, u * sigma, u * sigma_prior
        return (torch.log(s0 / s1) + (s1**2 + (m0 - m1)**2) / (2 * s0**2) - .5).sum(1).mean()


def finish(device):
    if device == 'cuda':
        torch.cuda.synchronize()


def time_of_step(profile, batch, steps, device):
    trainer = Trainer(profile, device)
    x = (torch.rand(batch, 1, profile.side, profile.side) > .6).float().to(device)
    times = []
    for _ in range(WARM_UP + steps):
        finish(device)
        start = time.perf_counter()
        trainer.step(x)
        finish(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times[WARM_UP:])


@torch.inference_mode()
def generate(g, profile, count, batch, device):
    phases = torch.empty(count, profile.side, profile.side, dtype=torch.uint8)
    for first in range(0, count, batch):
        n = min(batch, count - first)
        phases[first:first + n] = g(torch.randn(n, profile.latents, 1, 1, device=device))[:, 0] > 0
    return phases


def time_of_generation(profile, count, device, repeats=3):
    """The best of all batch sizes and numbers of threads, measured again."""
    g = networks(profile)[1].eval().to(device)
    batches, threads = (BATCHES, THREADS) if device == 'cpu' else (LARGE_BATCHES, (1,))

    def measure(threads, batch, count=count):
        torch.set_num_threads(threads)
        start = time.perf_counter()
        generate(g, profile, count, batch, device)  # ends with a copy to the host, which waits for a GPU
        return time.perf_counter() - start

    for batch in batches if device == 'cuda' else batches[:1]:
        measure(1, batch, batches[-1])
    _, threads, batch = min((measure(t, b, batches[-1]), t, b) for t in threads for b in batches)
    return statistics.median(measure(threads, batch) for _ in range(repeats)), threads, batch


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('verb', choices=('time', 'generate'))
    parser.add_argument('--profile', choices=PROFILES, default='paper64')
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--batch', type=int, help="images in a step, by default the paper's")
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--steps', type=int, default=100)
    parser.add_argument('--count', type=int, default=4096)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    profile = PROFILES[arguments.profile]
    if arguments.verb == 'time':
        print(f'{1e3 * time_of_step(profile, arguments.batch or profile.batch, arguments.steps, arguments.device):.4f} ms')
    else:
        seconds, threads, batch = time_of_generation(profile, arguments.count, arguments.device)
        print(f'{1e6 * seconds / arguments.count:.3f} us (batch {batch}, {threads} threads)')


if __name__ == '__main__':
    main()
