"""Periodic layers of two or three axes in PyTorch, as in profiles standard and volume. Needs torch.

Two forms of a transposed convolution with kernels of side 4 and stride 2 do the same: PyTorch's own, and one convolution with kernels of
side 2 that has channels for even and for odd places along each axis.
"""
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
NORMS = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def clock():
    """The time at which all work that was begun on the default device is done."""
    if torch.get_default_device().type == 'cuda':
        torch.cuda.synchronize()
    return time.perf_counter()


def padded(x, axes):
    return F.pad(x, (1,) * 2 * axes, mode='circular')


class Transposed(nn.Module):
    def __init__(self, axes, inputs, outputs):
        super().__init__()
        self.axes, self.convolution = axes, TRANSPOSED[axes](inputs, outputs, 4, 2, 3, bias=False)

    def forward(self, x):
        # One more coarse value on each side is two more fine ones, which the padding of 3 takes away.
        return self.convolution(padded(x, self.axes))


class Parities(nn.Module):
    def __init__(self, axes, inputs, outputs):
        super().__init__()
        self.axes, self.convolution = axes, CONVOLUTIONS[axes](inputs, 2**axes * outputs, 2, bias=False)

    def forward(self, x):
        y = self.convolution(padded(x, self.axes)).unflatten(1, (2,) * self.axes + (-1,))
        for axis in reversed(range(self.axes)):
            # Without its parity, this is the dimension of the axis: those of the other parities and the channels are before it.
            along, side = 2 * axis + 2, x.shape[2 + axis]
            even, odd = (half.narrow(along, p, side) for p, half in enumerate(y.unbind(1 + axis)))
            y = torch.stack([even, odd], along + 1).flatten(along, along + 1)
        return y


FORMS = (Transposed, Parities)


class Halved(nn.Module):
    def __init__(self, axes, inputs, outputs):
        super().__init__()
        self.axes, self.convolution = axes, CONVOLUTIONS[axes](inputs, outputs, 4, 2, bias=False)

    def forward(self, x):
        return self.convolution(padded(x, self.axes))


class Layer(nn.Module):
    """A convolution, noise, batch normalisation and leaky ReLU."""

    def __init__(self, convolution, axes, inputs, outputs):
        super().__init__()
        self.convolution = convolution(axes, inputs, outputs)
        self.norm = NORMS[axes](outputs, eps=1e-3, momentum=.01)
        self.gain = nn.Parameter(torch.full((1, outputs) + (1,) * axes, .1))

    def forward(self, x):
        x = self.convolution(x)
        return F.leaky_relu(self.norm(x + self.gain * torch.randn_like(x[:, :1])), .3)


class Biased(nn.Module):
    """The last layer: a convolution and a bias."""

    def __init__(self, convolution, axes, inputs, outputs):
        super().__init__()
        self.convolution = convolution(axes, inputs, outputs)
        self.bias = nn.Parameter(torch.zeros((1, outputs) + (1,) * axes))

    def forward(self, x):
        return self.convolution(x) + self.bias


def discriminator(widths):
    """Of windows of 64 x 64 pixels, with spectral normalisation."""
    normalised = nn.utils.parametrizations.spectral_norm
    layers, inputs = [], 1
    for width in widths:
        layers += [normalised(nn.Conv2d(inputs, width, 4, 2, 1)), nn.LeakyReLU(.3)]
        inputs = width
    return nn.Sequential(*layers, normalised(nn.Conv2d(inputs, 1, 4)))


def shown(probabilities):
    """What a discriminator sees: the phase going forward, the probability going backward."""
    return (probabilities > .5).float() + probabilities - probabilities.detach()


def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def adam(network, rate):
    return torch.optim.Adam(network.parameters(), rate, (.5, .999), 1e-7)


@torch.no_grad()
def move_average(average, network, weight):
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), weight)
