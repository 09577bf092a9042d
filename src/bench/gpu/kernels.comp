#version 450
// The kernels of Vulkan, one program each: compiled with -DKERNEL_name, and for matrices with -DDECODE_format. They are those of
// kernels.cl, with the same buffers and numbers in the same order; numbers are 32 bits here.
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_control_flow_attributes : enable

#define GROUP 64
#define TILE 64
layout(local_size_x = GROUP) in;
layout(push_constant) uniform Numbers { int n[8]; };

#define THREAD int(gl_LocalInvocationID.x)
#define BLOCK_X int(gl_WorkGroupID.x)
#define BLOCK_Y int(gl_WorkGroupID.y)
#define BLOCKS_X int(gl_NumWorkGroups.x)

float half_of(uint bits) { return unpackHalf2x16(bits).x; }

#if defined(DECODE_f32) || defined(DECODE_f16) || defined(DECODE_bf16) || defined(DECODE_q8_0) || defined(DECODE_q4_0) || defined(DECODE_mxfp4) || defined(DECODE_q4_k) || defined(DECODE_q6_k)
layout(binding = 0) readonly buffer W8 { uint8_t w8[]; };
layout(binding = 0) readonly buffer W16 { uint16_t w16[]; };
layout(binding = 0) readonly buffer W32 { uint w32[]; };
uint byte_at(int i) { return uint(w8[i]); }
uint pair_at(int i) { return uint(w16[i]); }   // index in 16-bit words
int whole(uint byte) { return int(byte << 24) >> 24; }

// 32 elements of each format, as floats; `unit` counts them.
void decode(int unit, out float v[32]) {
#if defined(DECODE_f32)
  for (int i = 0; i < 32; ++i) v[i] = uintBitsToFloat(w32[unit * 32 + i]);
#elif defined(DECODE_f16)
  for (int i = 0; i < 32; ++i) v[i] = half_of(pair_at(unit * 32 + i));
#elif defined(DECODE_bf16)
  for (int i = 0; i < 32; ++i) v[i] = uintBitsToFloat(pair_at(unit * 32 + i) << 16);
#elif defined(DECODE_q8_0)
  const float d = half_of(pair_at(unit * 17));
  for (int i = 0; i < 16; ++i) {
    const uint pair = pair_at(unit * 17 + 1 + i);
    v[2 * i] = d * float(whole(pair & 255)), v[2 * i + 1] = d * float(whole(pair >> 8));
  }
#elif defined(DECODE_q4_0)
  const float d = half_of(pair_at(unit * 9));
  for (int i = 0; i < 8; ++i) {
    const uint four = pair_at(unit * 9 + 1 + i);
    v[2 * i] = d * float(int(four & 15) - 8), v[2 * i + 1] = d * float(int(four >> 8 & 15) - 8);
    v[2 * i + 16] = d * float(int(four >> 4 & 15) - 8), v[2 * i + 17] = d * float(int(four >> 12) - 8);
  }
#elif defined(DECODE_mxfp4)
  const uint e8 = byte_at(unit * 17);
  const float d = e8 < 2 ? uintBitsToFloat(0x00200000u << e8) : uintBitsToFloat((e8 - 1) << 23);
  for (int i = 0; i < 32; ++i) {
    const uint both = byte_at(unit * 17 + 1 + i % 16), q = i < 16 ? both & 15 : both >> 4;
    const uint e = q >> 1 & 3, m = q & 1;
    const float size = e == 0 ? float(m) : float((2 + m) << (e - 1));
    v[i] = d * ((q & 8) != 0 ? -size : size);
  }
#elif defined(DECODE_q4_k)
  const int b = unit / 8 * 144, j = unit % 8, s = b + 4;
  const int scale = int(j < 4 ? byte_at(s + j) & 63 : (byte_at(s + j + 4) & 15) | (byte_at(s + j - 4) >> 6) << 4);
  const int least = int(j < 4 ? byte_at(s + j + 4) & 63 : (byte_at(s + j + 4) >> 4) | (byte_at(s + j) >> 6) << 4);
  const float d = half_of(pair_at(b / 2)) * float(scale), m = half_of(pair_at(b / 2 + 1)) * float(least);
  for (int i = 0; i < 8; ++i) {
    const uint eight = w32[b / 4 + 4 + j / 2 * 8 + i] >> (j % 2 * 4);
    for (int k = 0; k < 4; ++k) v[4 * i + k] = d * float(eight >> 8 * k & 15) - m;
  }
#elif defined(DECODE_q6_k)
  const int b = unit / 8 * 210, part = unit % 8 / 4, quarter = unit % 4;
  const float d = half_of(pair_at(b / 2 + 104));
  for (int i = 0; i < 32; ++i) {
    const uint packed = byte_at(b + part * 64 + quarter % 2 * 32 + i);
    const uint low = quarter < 2 ? packed & 15 : packed >> 4;
    const int q = int(low | (byte_at(b + 128 + part * 32 + i) >> 2 * quarter & 3) << 4) - 32;
    v[i] = d * float(whole(byte_at(b + 192 + part * 8 + quarter * 2 + i / 16)) * q);
  }
#endif
}
#endif

#if defined(KERNEL_sum_words)
layout(binding = 0) readonly buffer From { uvec4 from[]; };
layout(binding = 1) writeonly buffer Out { uint result[]; };
shared uint part[GROUP];
void main() {
  uint sum = 0;
  for (int i = BLOCK_X * GROUP + THREAD; i < n[0]; i += BLOCKS_X * GROUP) {
    const uvec4 four = from[i];
    sum += four.x + four.y + four.z + four.w;
  }
  part[THREAD] = sum;
  barrier();
  if (THREAD == 0) {
    for (int i = 1; i < GROUP; ++i) sum += part[i];
    result[BLOCK_X] = sum;
  }
}
#elif defined(KERNEL_copy_words)
layout(binding = 0) readonly buffer From { uvec4 from[]; };
layout(binding = 1) writeonly buffer To { uvec4 to[]; };
void main() {
  for (int i = BLOCK_X * GROUP + THREAD; i < n[0]; i += BLOCKS_X * GROUP) to[i] = from[i];
}
#elif defined(KERNEL_triad)
layout(binding = 0) readonly buffer B { float b[]; };
layout(binding = 1) readonly buffer C { float c[]; };
layout(binding = 2) writeonly buffer A { float a[]; };
void main() {
  for (int i = BLOCK_X * GROUP + THREAD; i < n[0]; i += BLOCKS_X * GROUP) a[i] = b[i] + 0.5 * c[i];
}
#elif defined(KERNEL_nothing)
layout(binding = 0) writeonly buffer Out { uint result[]; };
void main() {
  if (n[0] < 0) result[0] = 1;
}
#elif defined(KERNEL_matvec)
// Quantised rows multiply activations of 8 bits: four a word, then a scale for 32 of them. Other rows multiply floats.
layout(binding = 1) readonly buffer X { uint x[]; };
layout(binding = 1) readonly buffer XF { vec4 xf[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };
layout(binding = 0) readonly buffer W128 { uvec4 w128[]; };
layout(binding = 0) readonly buffer W64 { uvec2 w64[]; };
shared float part[GROUP];

int dot4(uint a, uint b, int sum) {
  for (int i = 0; i < 32; i += 8) sum += bitfieldExtract(int(a), i, 8) * bitfieldExtract(int(b), i, 8);
  return sum;
}
uint four_at(int i) { return pair_at(i) | pair_at(i + 1) << 16; }   // four bytes from 16-bit word i on
float scale_at(int units, int unit) { return uintBitsToFloat(x[units * 8 + unit]); }
uint e2m1_bytes(uint q) {
  uint result = 0;
  for (int i = 0; i < 32; i += 8) {
    const uint four = q >> i & 15, e = four >> 1 & 3, m = four & 1, size = e == 0 ? m : (2 + m) << (e - 1);
    result |= (((four & 8) != 0 ? 0u - size : size) & 255u) << i;
  }
  return result;
}

// The sum of 16 products: piece `p` of a row that begins with unit `row`. The same as in kernels.cl.
float dot16(int row, int p, int units) {
#if defined(DECODE_f32)
  float sum = 0;
  for (int i = 0; i < 4; ++i) sum += dot(uintBitsToFloat(w128[row * 8 + p * 4 + i]), xf[p * 4 + i]);
  return sum;
#elif defined(DECODE_f16)
  float sum = 0;
  for (int i = 0; i < 2; ++i) {
    const uvec4 m = w128[row * 4 + p * 2 + i];
    sum += dot(vec4(unpackHalf2x16(m.x), unpackHalf2x16(m.y)), xf[p * 4 + 2 * i]) + dot(vec4(unpackHalf2x16(m.z), unpackHalf2x16(m.w)), xf[p * 4 + 2 * i + 1]);
  }
  return sum;
#elif defined(DECODE_bf16)
  float sum = 0;
  for (int i = 0; i < 2; ++i) {
    const uvec4 m = w128[row * 4 + p * 2 + i];
    sum += dot(uintBitsToFloat(uvec4(m.x << 16, m.x & 0xffff0000u, m.y << 16, m.y & 0xffff0000u)), xf[p * 4 + 2 * i]);
    sum += dot(uintBitsToFloat(uvec4(m.z << 16, m.z & 0xffff0000u, m.w << 16, m.w & 0xffff0000u)), xf[p * 4 + 2 * i + 1]);
  }
  return sum;
#elif defined(DECODE_q8_0)
  const int b = (row + p / 2) * 17;
  int sum = 0;
  for (int i = 0; i < 4; ++i) sum = dot4(four_at(b + 1 + 8 * (p % 2) + 2 * i), x[p * 4 + i], sum);
  return half_of(pair_at(b)) * scale_at(units, p / 2) * float(sum);
#elif defined(DECODE_q4_0)
  const int b = (row + p / 2) * 9;
  int sum = 0;
  for (int i = 0; i < 2; ++i) {
    const uint eight = four_at(b + 1 + 4 * (p % 2) + 2 * i), low = x[p / 2 * 8 + p % 2 * 2 + i], high = x[p / 2 * 8 + 4 + p % 2 * 2 + i];
    sum = dot4(eight & 0x0f0f0f0fu, low, dot4(0xf8f8f8f8u, low, sum));
    sum = dot4(eight >> 4 & 0x0f0f0f0fu, high, dot4(0xf8f8f8f8u, high, sum));
  }
  return half_of(pair_at(b)) * scale_at(units, p / 2) * float(sum);
#elif defined(DECODE_mxfp4)
  const int b = (row + p / 2) * 17, q = b + 1 + 8 * (p % 2);
  const uint e8 = byte_at(b);
  const float d = e8 < 2 ? uintBitsToFloat(0x00200000u << e8) : uintBitsToFloat((e8 - 1) << 23);
  int sum = 0;
  for (int i = 0; i < 2; ++i) {
    const uint eight = byte_at(q + 4 * i) | byte_at(q + 4 * i + 1) << 8 | byte_at(q + 4 * i + 2) << 16 | byte_at(q + 4 * i + 3) << 24;
    sum = dot4(e2m1_bytes(eight & 0x0f0f0f0fu), x[p / 2 * 8 + p % 2 * 2 + i], sum);
    sum = dot4(e2m1_bytes(eight >> 4 & 0x0f0f0f0fu), x[p / 2 * 8 + 4 + p % 2 * 2 + i], sum);
  }
  return d * scale_at(units, p / 2) * float(sum);
#elif defined(DECODE_q4_k)
  const int b = (row / 8 + p / 16) * 144, t = p % 16, part_of = t / 4 * 2, unit = p / 16 * 8 + part_of, at = unit * 8 + t % 4 * 2;
  const uvec2 q = w64[b / 8 + 2 + t];
  const uint a0 = x[at], a1 = x[at + 1], b0 = x[at + 8], b1 = x[at + 9];
  vec2 scale, least;
  for (int k = 0; k < 2; ++k) {
    const int j = part_of + k, s = b + 4;
    scale[k] = float(j < 4 ? byte_at(s + j) & 63 : (byte_at(s + j + 4) & 15) | (byte_at(s + j - 4) >> 6) << 4) * scale_at(units, unit + k);
    least[k] = float(j < 4 ? byte_at(s + j + 4) & 63 : (byte_at(s + j + 4) >> 4) | (byte_at(s + j) >> 6) << 4) * scale_at(units, unit + k);
  }
  const vec2 sums = vec2(dot4(q.y & 0x0f0f0f0fu, a1, dot4(q.x & 0x0f0f0f0fu, a0, 0)), dot4(q.y >> 4 & 0x0f0f0f0fu, b1, dot4(q.x >> 4 & 0x0f0f0f0fu, b0, 0)));
  const vec2 ones = vec2(dot4(0x01010101u, a1, dot4(0x01010101u, a0, 0)), dot4(0x01010101u, b1, dot4(0x01010101u, b0, 0)));
  return half_of(pair_at(b / 2)) * dot(scale, sums) - half_of(pair_at(b / 2 + 1)) * dot(least, ones);
#elif defined(DECODE_q6_k)
  const int b = (row / 8 + p / 16) * 105, t = p % 16, upper = t / 8, l = t % 8 * 4, unit = p / 16 * 8 + upper * 4;   // b: in 16-bit words
  const uint one = four_at(b + upper * 32 + l / 2), two = four_at(b + upper * 32 + 16 + l / 2), high = four_at(b + 64 + upper * 16 + l / 2);
  uint q[4];
  q[0] = (one & 0x0f0f0f0fu) | (high << 4 & 0x30303030u), q[1] = (two & 0x0f0f0f0fu) | (high << 2 & 0x30303030u);
  q[2] = (one >> 4 & 0x0f0f0f0fu) | (high & 0x30303030u), q[3] = (two >> 4 & 0x0f0f0f0fu) | (high >> 2 & 0x30303030u);
  float sum = 0;
  for (int k = 0; k < 4; ++k) {
    const uint a = x[(unit + k) * 8 + l / 4];
    sum += float(whole(byte_at(2 * b + 192 + upper * 8 + l / 16 + 2 * k))) * scale_at(units, unit + k) * float(dot4(q[k], a, dot4(0xe0e0e0e0u, a, 0)));
  }
  return half_of(pair_at(b + 104)) * sum;
#endif
}
void main() {   // rows, units, first, step, matrices
  const int matrix = int((uint(n[2]) + uint(BLOCK_Y) * uint(n[3])) % uint(n[4])), units = n[1], row = (matrix * n[0] + BLOCK_X) * units;
  float sum = 0;
  int p = THREAD;
  for (; p + 3 * GROUP < units * 2; p += 4 * GROUP) sum += dot16(row, p, units) + dot16(row, p + GROUP, units) + dot16(row, p + 2 * GROUP, units) + dot16(row, p + 3 * GROUP, units);
  for (; p < units * 2; p += GROUP) sum += dot16(row, p, units);
  part[THREAD] = sum;
  barrier();
  for (int left = GROUP / 2; left > 0; left /= 2) {
    if (THREAD < left) part[THREAD] += part[THREAD + left];
    barrier();
  }
  if (THREAD == 0) y[BLOCK_Y * n[0] + BLOCK_X] = part[0];
}
#elif defined(KERNEL_matmul)
layout(binding = 1) readonly buffer X { float x[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };
shared float a[32][TILE + 1];
shared float b[32][TILE + 1];
void main() {   // rows, units, tokens; TILE x TILE of them a group, 8 x 8 a thread
  const int rows = n[0], units = n[1], tokens = n[2], row0 = BLOCK_X * TILE, token0 = BLOCK_Y * TILE, r0 = THREAD % 8, t0 = THREAD / 8;
  float sum[8][8];
  for (int r = 0; r < 8; ++r) for (int t = 0; t < 8; ++t) sum[r][t] = 0;
  for (int u = 0; u < units; ++u) {
    float v[32];
    decode((min(row0 + THREAD, rows - 1)) * units + u, v);
    for (int i = 0; i < 32; ++i) a[i][THREAD] = v[i];
    for (int i = 0; i < 32; ++i) b[i][THREAD] = token0 + THREAD < tokens ? x[(token0 + THREAD) * units * 32 + u * 32 + i] : 0;
    barrier();
    for (int i = 0; i < 32; ++i)
      for (int r = 0; r < 8; ++r)
        for (int t = 0; t < 8; ++t) sum[r][t] += a[i][r0 + 8 * r] * b[i][t0 + 8 * t];
    barrier();
  }
  for (int r = 0; r < 8; ++r)
    for (int t = 0; t < 8; ++t)
      if (row0 + r0 + 8 * r < rows && token0 + t0 + 8 * t < tokens) y[(token0 + t0 + 8 * t) * rows + row0 + r0 + 8 * r] = sum[r][t];
}
#elif defined(KERNEL_attention_part)
// Up to HEADS query heads that share keys and values, so that the cache is read once for them. The same as in kernels.cl.
#define HEADS 4
layout(binding = 0) readonly buffer Cache { uvec4 cache[]; };      // eight halves each
layout(binding = 0) readonly buffer Pairs { uint pairs[]; };
layout(binding = 1) readonly buffer Q { vec4 q[]; };
layout(binding = 2) writeonly buffer Partial { float partial[]; };
shared float scores[HEADS][GROUP];
void main() {   // heads, kv_heads, dim, depth, parts, layer
  const int kv_heads = n[1], dim = n[2], depth = n[3], parts = n[4], part = BLOCK_Y, sharing = n[0] / kv_heads, passes = (sharing + HEADS - 1) / HEADS;
  const int kv = BLOCK_X / passes, head0 = kv * sharing + BLOCK_X % passes * HEADS, used = min((kv + 1) * sharing - head0, HEADS);
  const int first = int(uint(depth) * uint(part) / uint(parts)), last = int(uint(depth) * uint(part + 1) / uint(parts));
  const int keys = (n[5] * 2 * kv_heads + kv) * depth, values = keys + kv_heads * depth;   // in rows of dim halves
  float top[HEADS], sum[HEADS], result[HEADS][4];
  [[unroll]] for (int h = 0; h < HEADS; ++h) {
    top[h] = -1e30, sum[h] = 0;
    [[unroll]] for (int k = 0; k < 4; ++k) result[h][k] = 0;
  }
  for (int at = first; at < last; at += GROUP) {
    const int token = at + THREAD;
    float score[HEADS] = float[HEADS](0, 0, 0, 0);
    if (token < last)
      for (int i = 0; i < dim / 8; ++i) {
        const uvec4 eight = cache[(keys + token) * (dim / 8) + i];
        const vec4 low = vec4(unpackHalf2x16(eight.x), unpackHalf2x16(eight.y)), high = vec4(unpackHalf2x16(eight.z), unpackHalf2x16(eight.w));
        [[unroll]] for (int h = 0; h < HEADS; ++h)
          if (h < used) score[h] += dot(q[((head0 + h) * dim + 8 * i) / 4], low) + dot(q[((head0 + h) * dim + 8 * i) / 4 + 1], high);
      }
    [[unroll]] for (int h = 0; h < HEADS; ++h) scores[h][THREAD] = token < last ? score[h] * inversesqrt(float(dim)) : -1e30;
    barrier();
    const int here = min(last - at, GROUP);
    [[unroll]] for (int h = 0; h < HEADS; ++h) {
      float best = top[h];
      for (int t = 0; t < here; ++t) best = max(best, scores[h][t]);
      const float shrink = exp(top[h] - best);
      sum[h] *= shrink, top[h] = best;
      [[unroll]] for (int k = 0; k < 4; ++k) result[h][k] *= shrink;
    }
    barrier();
    [[unroll]] for (int h = 0; h < HEADS; ++h) scores[h][THREAD] = exp(scores[h][THREAD] - top[h]);
    barrier();
    for (int t = 0; t < here; ++t) {
      vec4 v = vec4(0);   // elements 2 THREAD, 2 THREAD + 1 and those 128 further on
      if (2 * THREAD < dim) v.xy = unpackHalf2x16(pairs[((values + at + t) * dim + 2 * THREAD) / 2]);
      if (2 * THREAD + 128 < dim) v.zw = unpackHalf2x16(pairs[((values + at + t) * dim + 2 * THREAD + 128) / 2]);
      [[unroll]] for (int h = 0; h < HEADS; ++h) {
        const float weight = scores[h][t];
        sum[h] += weight;
        [[unroll]] for (int k = 0; k < 4; ++k) result[h][k] += weight * v[k];
      }
    }
    barrier();
  }
  [[unroll]] for (int h = 0; h < HEADS; ++h) {
    if (h >= used) continue;
    const int to = ((head0 + h) * parts + part) * (dim + 2);
    [[unroll]] for (int k = 0; k < 4; ++k) {
      const int i = 2 * THREAD + 128 * (k / 2) + k % 2;
      if (i < dim) partial[to + i] = result[h][k];
    }
    if (THREAD == 0) partial[to + dim] = top[h], partial[to + dim + 1] = sum[h];
  }
}
#elif defined(KERNEL_attention_join)
layout(binding = 0) readonly buffer Partial { float partial[]; };
layout(binding = 1) writeonly buffer Out { float result[]; };
void main() {   // dim, parts
  const int dim = n[0], parts = n[1], from = BLOCK_X * parts * (dim + 2);
  float top = -1e30, sum = 0;
  for (int p = 0; p < parts; ++p) top = max(top, partial[from + p * (dim + 2) + dim]);
  for (int p = 0; p < parts; ++p) sum += exp(partial[from + p * (dim + 2) + dim] - top) * partial[from + p * (dim + 2) + dim + 1];
  for (int i = THREAD; i < dim; i += GROUP) {
    float value = 0;
    for (int p = 0; p < parts; ++p) value += exp(partial[from + p * (dim + 2) + dim] - top) * partial[from + p * (dim + 2) + i];
    result[BLOCK_X * dim + i] = value / sum;
  }
}
#endif
