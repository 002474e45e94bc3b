"""Repeats davegan's training steps in PyTorch, with the same weights and random draws, and compares everything.

DAVEGAN_ORACLE names the folder that `cargo test --release training_steps_for_pytorch` wrote to.
The first moment of Adam after one step is (1 - beta1) times the gradient, so the gradients are compared as well.
"""
import glob
import itertools
import os
import tomllib

import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

FILES = sorted(glob.glob(os.path.join(os.environ.get("DAVEGAN_ORACLE", "/nonexistent"), "*.h5")))
# Constants of every profile: the defaults of Keras.
LEAKY_SLOPE, NORM_MOMENTUM, NORM_EPSILON = 0.3, 0.99, 1e-3
ADAM_BETA2, ADAM_EPSILON = 0.999, 1e-7
STRIDE_PADDING = {"halving": (2, 1), "collapsing": (1, 0)}
TOLERANCE = 1e-4  # of the largest value


class Kinks:
    """Activations so near to zero that rounding in single precision may give them the other sign, and with it another slope.

    Those with the numbers in `turned` get the other sign."""

    NEAR = 1e-6

    def __init__(self, turned):
        self.turned, self.count = turned, 0

    def leaky_relu(self, x):
        near = ((x.detach() != 0) & (x.detach().abs() < self.NEAR)).flatten().nonzero().flatten()
        turned = [place for number, place in enumerate(near.tolist(), self.count) if number in self.turned]
        self.count += len(near)
        change = torch.zeros(x.numel(), dtype=x.dtype)
        change[turned] = -2 * x.detach().flatten()[turned]
        return F.leaky_relu(x + change.view_as(x), LEAKY_SLOPE)


def load(path):
    arrays = {}
    with h5py.File(path) as file:
        options = tomllib.loads(file.attrs["options"].decode())
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    tensor = lambda a: torch.from_numpy(a) if a.dtype != np.float32 else torch.from_numpy(a).double()
    return options, {name: tensor(array) for name, array in arrays.items()}


def layers_of(arrays, network):
    prefix = f"before/{network}/"
    count = 1 + max(int(n[len(prefix):].split("/")[0]) for n in arrays if n.startswith(prefix) and "first" not in n)
    roles = ("kernel", "shift", "scale")
    return [{r: arrays[f"{prefix}{i}/{r}"].clone().requires_grad_() for r in roles if f"{prefix}{i}/{r}" in arrays}
            for i in range(count)]


class Network:
    """The layers of one network in PyTorch's own modules' functions."""

    def __init__(self, arrays, name, options, kinks):
        self.name, self.layers, self.options, self.kinks = name, layers_of(arrays, name), options, kinks
        self.moving = [(arrays.get(f"before/{name}/{i}/moving_mean"), arrays.get(f"before/{name}/{i}/moving_variance"))
                       for i in range(len(self.layers))]

    def __call__(self, x):
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            if self.name == "g":
                stride, padding = STRIDE_PADDING["collapsing" if i == 0 else "halving"]
                x = F.conv_transpose2d(x, layer["kernel"], stride=stride, padding=padding)
            else:
                stride, padding = STRIDE_PADDING["collapsing" if i == last else "halving"]
                x = F.conv2d(x, layer["kernel"], stride=stride, padding=padding)
            if "scale" in layer:
                momentum, (mean, variance) = NORM_MOMENTUM, self.moving[i]
                axes = (0, 2, 3)
                self.moving[i] = (mean * momentum + x.detach().mean(axes) * (1 - momentum),
                                  variance * momentum + x.detach().var(axes, correction=0) * (1 - momentum))
                x = F.batch_norm(x, None, None, layer["scale"], layer["shift"], True, eps=NORM_EPSILON)
            else:
                x = x + layer["shift"][:, None, None]
            activated = i < last or (self.name == "e" and self.options["encoder_head_normalised"])
            if activated:
                x = self.kinks.leaky_relu(x)
        return x

    def parameters(self):
        return [(f"{i}/{role}", value) for i, layer in enumerate(self.layers) for role, value in layer.items()]

    def adam(self, rate, gradients):
        """One step of PyTorch's Adam from zero moments."""
        values = [value for _, value in self.parameters()]
        optimiser = torch.optim.Adam(values, rate, (self.options["adam_beta1"], ADAM_BETA2), ADAM_EPSILON)
        for value, gradient in zip(values, gradients):
            value.grad = gradient
        optimiser.step()


def translate(images, shifts):
    return torch.stack([torch.roll(x, (int(dy), int(dx)), (1, 2)) for x, (dy, dx) in zip(images, shifts)])


def bce(logits, real):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def in_batches(network, streams, separate):
    if separate:
        return [network(stream) for stream in streams]
    return network(torch.cat(streams)).chunk(len(streams))


@pytest.mark.skipif(not FILES, reason="DAVEGAN_ORACLE names no folder with files")
@pytest.mark.parametrize("path", FILES, ids=lambda p: os.path.basename(p))
def test_step(path):
    wrong, near = differences(path, ())
    few = itertools.chain.from_iterable(itertools.combinations(range(near), count) for count in (1, 2))
    assert not wrong or any(not differences(path, turned)[0] for turned in few), wrong


def differences(path, turned):
    """What is not as davegan has it, and how many kinks there are."""
    o, a = load(path)
    kinks, wrong = Kinks(turned), []
    e, g, d = (Network(a, name, o, kinks) for name in "egd")
    tiles, batch, latents = a["tiles"], o["batch_size"], o["latent_size"]
    draw = lambda name: a[f"draws/{name}"]

    h = e(tiles).flatten(1)
    mean, log_variance = h[:, :latents], h[:, latents:]
    sigma = torch.exp(0.5 * log_variance)
    z = [(mean + sigma * draw("posterior_noise"))[..., None, None], draw("latent_noise")[..., None, None]]
    logits = torch.cat(in_batches(g, z, o["generator_separate_batches"]))
    one_channel = logits.shape[1] == 1
    fake = torch.sigmoid(logits) if one_channel else torch.softmax(logits, 1)
    shifts = draw("displacements")
    streams = [translate(tiles, shifts[0]), translate(fake[batch:], shifts[1]), translate(fake[:batch], shifts[2])]
    separate = o["discriminator_separate_batches"]

    s = in_batches(d, [stream.detach() for stream in streams], separate)
    loss_d = bce(s[0], True) + bce(s[1], False) + bce(s[2], False)
    gradient_d = torch.autograd.grad(loss_d, [value for _, value in d.parameters()])
    d.adam(o["learning_rate_discriminator"], gradient_d)

    s = in_batches(d, streams, separate)
    # L_Rec between T(x, u) and T(G(z), u), as the paper has it, with some u
    u = [(5, -3)] * batch
    target, guess = translate(tiles, u), translate(logits[:batch], u)
    if one_channel:
        terms = F.binary_cross_entropy_with_logits(guess, target, reduction="none").squeeze(1)
    else:
        terms = F.cross_entropy(guess, target.argmax(1), reduction="none")
    rec = terms.flatten(1).mean(1) if o["reconstruction_mean"] else terms.flatten(1).sum(1)
    rec = rec.mean()
    m1, m0 = draw("mean_scale") * mean, draw("mean_scale") * draw("prior_mean")
    s1, s0 = draw("deviation_scale") * sigma, draw("deviation_scale") * draw("prior_deviation")
    kl = torch.log(s0 / s1) + (s1**2 + (m0 - m1) ** 2) / (2 * s0**2) - 0.5
    kl = (kl.mean(1) if o["divergence_mean"] else kl.sum(1)).mean()
    loss_g = o["lambda_noise"] * bce(s[1], True) + o["lambda_vae"] * bce(s[2], True) + o["lambda_rec"] * rec
    loss_e = o["beta"] * kl + rec
    gradient_g = torch.autograd.grad(loss_g, [value for _, value in g.parameters()], retain_graph=True)
    gradient_e = torch.autograd.grad(loss_e, [value for _, value in e.parameters()])
    g.adam(o["learning_rate_generator"], gradient_g)
    e.adam(o["learning_rate_encoder"], gradient_e)

    def close(name, ours, theirs, scale):
        error = (ours - theirs).abs().max().item()
        if not error <= TOLERANCE * scale:
            wrong.append(f"{name}: {error:.3g} of {scale:.3g}")

    losses = torch.stack([loss_e, loss_d, loss_g, rec, kl]).detach()
    for i, name in enumerate(["L_Enc", "L_Disc", "L_Gen", "L_Rec", "L_KLD"]):
        close(name, a["after/losses"][i], losses[i], losses[i].abs().item())
    for network, gradients in ((e, gradient_e), (g, gradient_g), (d, gradient_d)):
        for (name, value), gradient in zip(network.parameters(), gradients):
            name = f"{network.name}/{name}"
            ours = a[f"after/{network.name}/first_moment/" + name[2:]] / (1 - o["adam_beta1"])
            close(f"gradient {name}", ours, gradient, gradient.abs().max().item())
        for i, (mean, variance) in enumerate(network.moving):
            if mean is not None:
                for role, value in (("moving_mean", mean), ("moving_variance", variance)):
                    close(f"{network.name}/{i}/{role}", a[f"after/{network.name}/{i}/{role}"], value, value.abs().max().item())
    return wrong, kinks.count
