"""Cases of recurrent layers: one direction of one layer, and cells."""
import torch

from basics import Case, integers, real, rng, size

GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def weights(kind, features, hidden):
    rows = GATES[kind] * hidden
    return [real([rows, features], -1, 1), real([rows, hidden], -1, 1), real([rows], -1, 1), real([rows], -1, 1)]


def layer(kind):
    def make():
        steps, batch, features, hidden = size(1, 7), size(1, 5), size(1, 6), size(1, 9)
        relu, reverse, packed = bool(rng.random() < 0.5) and kind == "rnn", bool(rng.random() < 0.5), bool(rng.random() < 0.5)
        lengths = integers([batch], 1, steps + 1)
        lengths[0] = steps
        states = [real([batch, hidden], -1, 1) for _ in range(2 if kind == "lstm" else 1)]

        def f(x, given, *operands):
            own, h = operands[:4], operands[4:]
            both = torch.nn.LSTM if kind == "lstm" else torch.nn.GRU if kind == "gru" else torch.nn.RNN
            options = {"nonlinearity": "relu"} if relu else {}
            module = both(features, hidden, bidirectional=reverse, dtype=x.dtype, **options)
            names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
            # A reverse layer is the second half of a bidirectional one.
            set_to = {n + ("_reverse" if reverse else ""): t for n, t in zip(names, own)}
            set_to |= {n: torch.zeros_like(t) for n, t in zip(names, own)} if reverse else {}
            first = [torch.stack([torch.zeros_like(s), s]) if reverse else s[None] for s in h]
            sequence = torch.nn.utils.rnn.pack_padded_sequence(x, given, enforce_sorted=False) if packed else x
            y, last = torch.func.functional_call(module, set_to, (sequence, tuple(first) if kind == "lstm" else first[0]))
            if packed:
                y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=steps)
            last = last if kind == "lstm" else (last,)
            return [y[..., hidden:] if reverse else y, *(s[-1] for s in last)]

        return Case(f, [real([steps, batch, features]), lengths, *weights(kind, features, hidden), *states], [reverse, packed, relu])

    return make


def cell(kind):
    def make():
        batch, features, hidden = size(1, 5), size(1, 6), size(1, 9)
        states = [real([batch, hidden], -1, 1) for _ in range(2 if kind == "lstm" else 1)]

        def f(x, wi, ws, bi, bs, *h):
            if kind == "lstm":
                return list(torch.lstm_cell(x, h, wi, ws, bi, bs))
            return (torch.gru_cell if kind == "gru" else torch.rnn_tanh_cell)(x, h[0], wi, ws, bi, bs)

        return Case(f, [real([batch, features]), *weights(kind, features, hidden), *states])

    return make


OPS = {**{kind: layer(kind) for kind in GATES}, **{f"{kind}_cell": cell(kind) for kind in GATES}}
