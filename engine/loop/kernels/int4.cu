// y = x W^T for up to 8 * NT rows of x and a matrix of 4 bits a weight, on the tensor cores.
//
// The matrix lies in tiles of 16 rows and one group of 128 columns, 1 KiB each, a row of tiles in a row. A warp
// takes MT tiles, one below the other, at a time, and shares their row with the block's other warps. Lane
// 4g + t reads 32 columns of row g (and of row g + 8) and the same columns of x: which columns stand where
// in a product is free as long as both factors agree, so nothing has to be exchanged. Two weights of a word,
// put under the mantissa of 128, are two bfloat16: 128 + q. The 128 goes with the group's zero, times the sum
// of x, which a product with ones finds.

typedef unsigned int u32;

__device__ __forceinline__ void multiply(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ u32 pair(u32 word, int i) { return (word >> (4 * i)) & 0x000F000Fu | 0x43004300u; }

__device__ __forceinline__ unsigned short narrow(float x) {  // to the nearest, ties to even; no NaN comes here
    u32 bits = __float_as_uint(x);
    return (unsigned short)((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

// words (tiles, groups, 2, 32 lanes), terms (tiles, groups, 16 rows): scale and zero; x (count, columns), out
// (count, rows)
template <int MT, int NT, int WARPS>
__device__ __forceinline__ void product(
    const uint4 *words, const u32 *terms, const uint4 *x, unsigned short *out, int count, int rows, int groups) {
    __shared__ float found[WARPS][MT * 16][NT * 8];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    const int first = blockIdx.x * MT * 16, last = (rows + 15) / 16 - 1;
    const u32 ones[4] = {0x3F803F80u, 0x3F803F80u, 0x3F803F80u, 0x3F803F80u};
    float total[MT][NT][4] = {};
    uint4 next[MT][2];
    u32 next_terms[MT][2];
    const auto fetch = [&](int group) {
#pragma unroll
        for (int m = 0; m < MT; m++) {
            const long long tile = (long long)min((int)blockIdx.x * MT + m, last) * groups + group;
#pragma unroll
            for (int half = 0; half < 2; half++) {
                next[m][half] = __ldcs(words + tile * 64 + half * 32 + lane);
                next_terms[m][half] = __ldcs(terms + tile * 16 + half * 8 + g);
            }
        }
    };
    if (warp < groups) fetch(warp);
    for (int group = warp; group < groups; group += WARPS) {
        uint4 w[MT][2];
        float s[MT][2], z[MT][2];
#pragma unroll
        for (int m = 0; m < MT; m++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                w[m][half] = next[m][half];
                s[m][half] = __uint_as_float(next_terms[m][half] << 16);
                z[m][half] = __uint_as_float(next_terms[m][half] & 0xFFFF0000u) + 128.0f * s[m][half];
            }
        if (group + WARPS < groups) fetch(group + WARPS);
        float dot[MT][NT][4] = {}, sum[NT][4] = {};
#pragma unroll
        for (int word = 0; word < 4; word++) {
            uint4 b[NT];
#pragma unroll
            for (int n = 0; n < NT; n++)
                b[n] = n * 8 + g < count ? x[((long long)(n * 8 + g) * groups + group) * 16 + t * 4 + word]
                                         : make_uint4(0, 0, 0, 0);
#pragma unroll
            for (int n = 0; n < NT; n++) {
                multiply(sum[n], ones, b[n].x, b[n].y);
                multiply(sum[n], ones, b[n].z, b[n].w);
            }
#pragma unroll
            for (int m = 0; m < MT; m++) {
                const u32 top = word == 0 ? w[m][0].x : word == 1 ? w[m][0].y : word == 2 ? w[m][0].z : w[m][0].w;
                const u32 low = word == 0 ? w[m][1].x : word == 1 ? w[m][1].y : word == 2 ? w[m][1].z : w[m][1].w;
                const u32 a[4] = {pair(top, 0), pair(low, 0), pair(top, 1), pair(low, 1)};
                const u32 c[4] = {pair(top, 2), pair(low, 2), pair(top, 3), pair(low, 3)};
#pragma unroll
                for (int n = 0; n < NT; n++) {
                    multiply(dot[m][n], a, b[n].x, b[n].y);
                    multiply(dot[m][n], c, b[n].z, b[n].w);
                }
            }
        }
#pragma unroll
        for (int m = 0; m < MT; m++)
#pragma unroll
            for (int n = 0; n < NT; n++)
#pragma unroll
                for (int i = 0; i < 4; i++)
                    total[m][n][i] += s[m][i / 2] * dot[m][n][i] - z[m][i / 2] * sum[n][i % 2];
    }
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int n = 0; n < NT; n++)
#pragma unroll
            for (int i = 0; i < 4; i++)
                found[warp][m * 16 + i / 2 * 8 + g][n * 8 + t * 2 + i % 2] = total[m][n][i];
    __syncthreads();
    for (int at = threadIdx.x; at < MT * 16 * NT * 8; at += WARPS * 32) {
        const int row = at % (MT * 16), n = at / (MT * 16);
        if (n < count && first + row < rows) {
            float y = 0.0f;
            for (int one = 0; one < WARPS; one++) y += found[one][row][n];
            out[(long long)n * rows + first + row] = narrow(y);
        }
    }
}

#define KERNEL(MT, NT, WARPS)                                                                                  \
    extern "C" __global__ void __launch_bounds__(WARPS * 32) int4_##MT##_##NT##_##WARPS(                       \
        const uint4 *words, const u32 *terms, const uint4 *x, unsigned short *out, int count, int rows,        \
        int groups) {                                                                                          \
        product<MT, NT, WARPS>(words, terms, x, out, count, rows, groups);                                     \
    }
