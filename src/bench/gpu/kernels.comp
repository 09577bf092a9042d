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
layout(binding = 1) readonly buffer X { float x[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };
shared float part[GROUP];
void main() {   // rows, units, first, step, matrices
  const int matrix = int((uint(n[2]) + uint(BLOCK_Y) * uint(n[3])) % uint(n[4])), row = BLOCK_X;
  float sum = 0;
  for (int u = THREAD; u < n[1]; u += GROUP) {
    float v[32];
    decode((matrix * n[0] + row) * n[1] + u, v);
    for (int i = 0; i < 32; ++i) sum += v[i] * x[u * 32 + i];
  }
  part[THREAD] = sum;
  barrier();
  for (int left = GROUP / 2; left > 0; left /= 2) {
    if (THREAD < left) part[THREAD] += part[THREAD + left];
    barrier();
  }
  if (THREAD == 0) y[BLOCK_Y * n[0] + row] = part[0];
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
layout(binding = 0) readonly buffer Cache { uint16_t cache[]; };
layout(binding = 1) readonly buffer Q { float q[]; };
layout(binding = 2) writeonly buffer Partial { float partial[]; };
shared float scores[GROUP];
void main() {   // heads, kv_heads, dim, depth, parts, layer
  const int kv_heads = n[1], dim = n[2], depth = n[3], parts = n[4], head = BLOCK_X, part = BLOCK_Y, kv = head / (n[0] / kv_heads);
  const int first = int(uint(depth) * uint(part) / uint(parts)), last = int(uint(depth) * uint(part + 1) / uint(parts));
  const int keys = (n[5] * 2 * kv_heads + kv) * depth * dim, values = keys + kv_heads * depth * dim;
  float top = -1e30, sum = 0, result[4] = float[4](0, 0, 0, 0);
  for (int at = first; at < last; at += GROUP) {
    const int token = at + THREAD;
    float score = -1e30;
    if (token < last) {
      score = 0;
      for (int i = 0; i < dim; ++i) score += q[head * dim + i] * half_of(uint(cache[keys + token * dim + i]));
      score *= inversesqrt(float(dim));
    }
    scores[THREAD] = score;
    barrier();
    const int here = min(last - at, GROUP);
    float best = top;
    for (int t = 0; t < here; ++t) best = max(best, scores[t]);
    const float shrink = exp(top - best);
    sum *= shrink;
    for (int k = 0; k < 4; ++k) result[k] *= shrink;
    top = best;
    for (int t = 0; t < here; ++t) {
      const float weight = exp(scores[t] - top);
      sum += weight;
      for (int k = 0; k < 4; ++k) {
        const int i = THREAD + k * GROUP;
        if (i < dim) result[k] += weight * half_of(uint(cache[values + (at + t) * dim + i]));
      }
    }
    barrier();
  }
  const int to = (head * parts + part) * (dim + 2);
  for (int k = 0; k < 4; ++k)
    if (THREAD + k * GROUP < dim) partial[to + THREAD + k * GROUP] = result[k];
  if (THREAD == 0) partial[to + dim] = top, partial[to + dim + 1] = sum;
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
