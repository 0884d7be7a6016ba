"""The flow model's definition, token by token and key by key, in plain loops: slow, and nothing shared.

Takes weights from a model in float64; every score is a sum over pairs of the difference of two positions.
"""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

from engine.flow.config import FlowConfig
from engine.flow.model import FlowModel
from engine.flow.positions import period

Axes = tuple[int, int, int]


def logits(model: FlowModel, ids: list[int], flags: list[int], places: list[Axes]) -> Tensor:
    """(T, V) by docs/flow-model.md."""
    weights = {name: one.double() for name, one in model.state_dict().items()}
    return _Reference(model.config, weights, flags, places).logits(ids)


class _Reference:
    def __init__(
        self, config: FlowConfig, weights: dict[str, Tensor], flags: list[int], places: list[Axes]
    ) -> None:
        self.c, self.w, self.flags, self.places = config, weights, flags, places
        pairs = config.head_dim // 2
        shares = (pairs // 4, pairs // 8, pairs // 8) if config.axes else (0, 0, 0)
        order, self.circle = pairs - sum(shares), period(config.window)
        steps: list[int] = []  # from one step of the circle to a radian, no two alike
        for pair in range(order):
            wanted = round((self.circle / (2 * pi)) ** (pair / (order - 1)))
            steps.append(max(wanted, steps[-1] + 1 if steps else 1))
        self.steps = steps[::-1]
        self.others = [
            (axis, slowest ** -(pair / shares[axis]))
            for axis, slowest in enumerate((65536.0, 256.0, 256.0))
            for pair in range(shares[axis])
        ]

    def logits(self, ids: list[int]) -> Tensor:
        x = [self.w["model.embed_tokens.weight"][token] for token in ids]
        first: list[list[list[tuple[Tensor, Tensor, Tensor]]]] = []
        for loop in range(self.c.loops):
            for layer in range(self.c.layers):
                x, seen = self.layer(layer, x, first[layer] if loop else None)
                if not loop:
                    first.append(seen)
        head = self.w.get("lm_head.weight", self.w["model.embed_tokens.weight"])
        return torch.stack([head @ self.norm("model.norm", one) for one in x])

    def norm(self, name: str, x: Tensor) -> Tensor:
        return x / (x.square().mean() + self.c.rms_norm_eps).sqrt() * self.w[f"{name}.weight"]

    def gap(self, i: int, j: int, distance: int) -> Tensor:
        """By how much each pair of a query at i turns against a key at j, ``distance`` tokens away."""
        order = [2 * pi * distance * step / self.circle for step in self.steps]
        others = [(self.places[i][axis] - self.places[j][axis]) * speed for axis, speed in self.others]
        return torch.tensor([*order, *others], dtype=torch.float64)

    def score(self, q: Tensor, k: Tensor, gap: Tensor) -> Tensor:
        q1, q2 = q.chunk(2)
        k1, k2 = k.chunk(2)
        return ((q1 * k1 + q2 * k2) * gap.cos() + (q1 * k2 - q2 * k1) * gap.sin()).sum()

    def layer(
        self, number: int, x: list[Tensor], first: list[list[tuple[Tensor, Tensor, Tensor]]] | None
    ) -> tuple[list[Tensor], list[list[tuple[Tensor, Tensor, Tensor]]]]:
        """``first``: what the first loop saw; a list a token, of keys (K, D), values (K, D) and gaps."""
        c, name = self.c, f"model.layers.{number}"
        h = [self.norm(f"{name}.input_layernorm", one) for one in x]
        q, k, v = (
            [(self.w[f"{name}.self_attn.{part}_proj.weight"] @ one).view(-1, c.head_dim) for one in h]
            for part in "qkv"
        )
        far, slots, after = number in c.far_layers, None, []
        pool: list[int] = []
        y, seen = [], []
        if far and c.memory_slots:
            slots = self.w[f"{name}.memory.first"]
        for i in range(len(x)):
            window = i // c.window
            if i and i % c.window == 0:
                finished = range(i - c.window, i)
                ranked = [*pool, *(j for j in finished if self.flags[j])]
                pool = sorted(ranked, key=lambda j: (self.flags[j], j))[-c.pinned_tokens or len(ranked) :]
                if slots is not None:
                    slots = self.written(f"{name}.memory", slots, [after[j] for j in finished])
            near = range(max(0, i - c.window + 1), i + 1)
            looked_at = [(k[j], v[j], self.gap(i, j, i - j)) for j in near]
            if far and c.pinned_tokens:
                assert all(j // c.window < window for j in pool)
                looked_at += [(k[j], v[j], self.gap(i, j, c.window)) for j in pool if j <= i - c.window]
            if slots is not None:
                looked_at += self.read(f"{name}.memory", slots)
            seen.append(looked_at)
            heads = []
            for head in range(c.heads):
                group = head // (c.heads // c.kv_heads)
                mixed = self.mixed(q[i][head], group, looked_at if first is None else first[i])
                if first is not None:
                    own = range(max(0, i - c.loop_window + 1), i + 1)
                    near_only = [(k[j], v[j], self.gap(i, j, i - j)) for j in own]
                    gate = self.gate(number, head, q[i][head], i)
                    mixed = gate * mixed + (1 - gate) * self.mixed(q[i][head], group, near_only)
                heads.append(mixed)
            y.append(x[i] + self.w[f"{name}.self_attn.o_proj.weight"] @ torch.cat(heads))
            after.append(self.norm(f"{name}.post_attention_layernorm", y[-1]))
        gate, up, down = (self.w[f"{name}.mlp.{part}_proj.weight"] for part in ("gate", "up", "down"))
        fed = [down @ (torch.nn.functional.silu(gate @ one) * (up @ one)) for one in after]
        return [one + other for one, other in zip(y, fed, strict=True)], seen

    def mixed(self, q: Tensor, group: int, looked_at: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
        scores = torch.stack([self.score(q, k[group], gap) for k, _, gap in looked_at])
        shares = (scores * self.c.head_dim**-0.5).softmax(0)
        return sum((share * v[group] for share, (_, v, _) in zip(shares, looked_at, strict=True)), 0 * q)

    def gate(self, number: int, head: int, q: Tensor, i: int) -> Tensor:
        """Made from the query as it is turned to its place."""
        at = self.places[i]
        order = [2 * pi * i * step / self.circle for step in self.steps]
        angles = torch.tensor(
            [*order, *(at[axis] * speed for axis, speed in self.others)], dtype=torch.float64
        )
        q1, q2 = q.chunk(2)
        turned = torch.cat((q1 * angles.cos() - q2 * angles.sin(), q2 * angles.cos() + q1 * angles.sin()))
        name = f"model.gate_projections.{number}"
        return torch.sigmoid(turned @ self.w[f"{name}.weight"][head] + self.w[f"{name}.bias"][head])

    def read(self, name: str, slots: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        still = torch.zeros(self.c.head_dim // 2, dtype=torch.float64)
        found = []
        for number, slot in enumerate(slots):
            k, v = (
                (self.w[f"{name}.read_{part}.weight"] @ slot).view(self.c.kv_heads, -1)
                for part in ("keys", "values")
            )
            found.append((k + self.w[f"{name}.places"][:, number], v, still))
        return found

    def written(self, name: str, slots: Tensor, window: list[Tensor]) -> Tensor:
        """Each slot asks the window by attention, and a GRU cell (Cho et al. 2014) takes the answer in."""
        heads, size, new = self.c.kv_heads, self.c.memory_size, []
        part = size // heads
        for slot in slots:
            asked = self.w[f"{name}.ask.weight"] @ slot
            heard = []
            for head in range(heads):
                at = slice(head * part, (head + 1) * part)
                keys = [(self.w[f"{name}.window_keys.weight"] @ one)[at] for one in window]
                values = [(self.w[f"{name}.window_values.weight"] @ one)[at] for one in window]
                shares = (torch.stack([asked[at] @ key for key in keys]) * part**-0.5).softmax(0)
                heard.append(sum((s * one for s, one in zip(shares, values, strict=True)), 0 * values[0]))
            x = torch.cat(heard)
            i = self.w[f"{name}.cell.weight_ih"] @ x + self.w[f"{name}.cell.bias_ih"]
            h = self.w[f"{name}.cell.weight_hh"] @ slot + self.w[f"{name}.cell.bias_hh"]
            (ri, zi, ni), (rh, zh, nh) = i.chunk(3), h.chunk(3)
            z = torch.sigmoid(zi + zh)
            new.append((1 - z) * torch.tanh(ni + torch.sigmoid(ri + rh) * nh) + z * slot)
        return torch.stack(new)
