"""The kernels compute what the plain versions do: on a GPU, or else in Triton's interpreter."""

from __future__ import annotations

import importlib.util

import pytest
import torch
from torch import Tensor

if importlib.util.find_spec("triton") is None:
    pytest.skip("Triton is not installed", allow_module_level=True)

from engine.loop.cache import LoopCache
from engine.loop.config import LoopConfig
from engine.loop.eager import Eager
from engine.loop.int4 import Int4Linear, pack
from engine.loop.kernels import gemv, int4
from engine.loop.kernels.elementwise import Fused
from engine.loop.paged import PagedAttention
from engine.loop.rotary import rotary_table
from engine.loop.shapes import Gates
from engine.loop.spans import Span, SpanAttention

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")  # conftest sees to the interpreter
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, in the interpreter's -inf - -inf


def config(window: int = 64) -> LoopConfig:
    return LoopConfig(
        vocabulary_size=32,
        hidden_size=48,
        intermediate_size=40,
        layers=2,
        heads=10,
        kv_heads=2,
        head_dim=16,
        rms_norm_eps=1e-5,
        rope_theta=5e5,
        loops=2,
        window=window,
        trained_context=4096,
        tied=False,
        stop_tokens=(2,),
        begin_token=None,
    )


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def assert_close(found: Tensor, wanted: Tensor, within: float = 2e-5) -> None:
    assert found.shape == wanted.shape
    assert not found.isnan().any()
    assert (found - wanted).abs().max() < within


def test_add_norm() -> None:
    x, delta, weight = random(3, 48), random(3, 48, seed=1), random(48, seed=2)
    for change in (None, delta):
        wanted = Eager().add_norm(x, change, weight, 1e-5)
        found = Fused().add_norm(x.clone(), change, weight, 1e-5)
        assert_close(found[0], wanted[0])
        assert_close(found[1], wanted[1])


def test_gated() -> None:
    x = random(3, 2 * 1500)
    assert_close(Fused().gated(x), Eager().gated(x))


def test_rotate_and_store() -> None:
    form = config()
    qkv = random(3, (form.heads + 2 * form.kv_heads) * form.head_dim)
    rotary = rotary_table(form, 64, dtype=torch.float32, device=DEVICE)
    positions, cells = torch.tensor([5, 0, 63], device=DEVICE), torch.tensor([7, 2, 9], device=DEVICE)
    results = []
    for operations in (Eager(), Fused()):
        to = (
            torch.zeros(12, form.kv_heads, form.head_dim, device=DEVICE),
            torch.zeros(12, form.kv_heads, form.head_dim, device=DEVICE),
        )
        results.append((operations.rotate_and_store(qkv, rotary, positions, cells, to), *to))
    for found, wanted in zip(results[1], results[0], strict=True):
        assert_close(found, wanted)


@pytest.mark.parametrize("window", [1, 8, 64, 100])
@pytest.mark.parametrize("rows", [1, 5])
def test_paged_attention_equals_the_plain_one_in_both_loops_whatever_pages_are_shared(
    rows: int, window: int
) -> None:
    form = config(window=window)
    rotary = rotary_table(form, 1024, dtype=torch.float32, device=DEVICE)
    width = (form.heads + 2 * form.kv_heads) * form.head_dim
    gates = Gates(random(form.heads, form.head_dim), random(form.heads, seed=3))
    caches = [
        LoopCache(form, tokens=1024, sequences=3, chunk=512, dtype=torch.float32, device=DEVICE)
        for _ in range(2)
    ]
    results = []
    for cache, is_paged in zip(caches, (False, True), strict=True):
        for sequence, length in ((0, 140), (1, 70)):
            cache.reserve(sequence, length)
            begin = SpanAttention(cache, Eager(), rotary, [Span(sequence, 0, length)])
            for loop, layer in ((0, 1), (1, 1)):
                begin(loop, layer, random(length, width, seed=10 * loop + sequence), gates)
            cache.commit(sequence, length)
        cache.fork(0, 2, 100)
        count = rows if rows == 1 else rows - 2  # the last ones are left empty
        spans = [Span(0, 140, count), Span(2, 100, count)]
        for span in spans:
            cache.reserve(span.sequence, span.count)
        if is_paged:
            attention = PagedAttention(cache, Fused(), rotary, groups=2, rows=rows, tokens=1024, splits=4)
            attention.fill(spans, [0] * 2 * count)
        else:
            attention = SpanAttention(cache, Eager(), rotary, spans)
        for loop in (0, 1):
            qkv = random(2 * count, width, seed=20 + loop)
            if is_paged:
                padded = random(2 * rows, width, seed=30)
                padded.view(2, rows, width)[:, :count] = qkv.view(2, count, width)
                out = attention(loop, 1, padded, gates if loop else None)
                results.append(out.view(2, rows, -1)[:, :count].flatten(0, 1))
            else:
                results.append(attention(loop, 1, qkv, gates if loop else None))
    assert_close(results[2], results[0])
    assert_close(results[3], results[1])


@pytest.mark.parametrize("shape", [(32, 256), (40, 384), (5, 128)])
def test_int4_tiles_are_made_whole(shape: tuple[int, int]) -> None:
    linear, _ = int4_matrix(*shape)
    found = int4.tiled(linear.packed, linear.scale, linear.zero).dequantised()
    assert_close(found.float(), linear.dequantised().float(), 2**-4)  # the last bit of values up to 8


@pytest.mark.skipif(DEVICE.type == "cpu", reason="there is no CUDA GPU: the INT4 kernel cannot run")
@pytest.mark.parametrize("shape", [(24, 256), (40, 1920), (2100, 5120), (16400, 1280)])
@pytest.mark.parametrize("count", [1, 3, 8, 9, 16, 17, 32, 40])
def test_int4_products_are_those_of_the_whole_matrix(count: int, shape: tuple[int, int]) -> None:
    linear, _ = int4_matrix(*shape)
    x = random(count, shape[1], seed=2).bfloat16()
    wanted = x.double() @ linear.dequantised().double().T
    fast = linear.fastest()
    assert isinstance(fast, int4.TiledInt4)
    ways = [fast(x), *(fast.product(x, tiles=t, warps=w) for t in (1, 2) for w in (4, 8) if count <= 32)]
    for found in ways:
        assert not found.isnan().any()
        assert (found.double() - wanted).norm() / wanted.norm() < 4e-3


def int4_matrix(rows: int, columns: int, group: int = 128) -> tuple[Int4Linear, Tensor]:
    """A random one in bfloat16, and its codes."""
    generator = torch.Generator().manual_seed(4)
    codes = torch.randint(0, 16, (rows, columns), generator=generator).to(DEVICE)
    scale, zero = random(rows, columns // group).abs() / 8, random(rows, columns // group, seed=1)
    return Int4Linear(pack(codes), scale.bfloat16(), zero.bfloat16()), codes


@pytest.mark.parametrize("count", [1, 2])
def test_dense_products(count: int) -> None:
    x, weight = random(count, 1500), random(21, 1500, seed=1)
    assert_close(gemv.product(x, weight), x @ weight.T, 1e-3)
