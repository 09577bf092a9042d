// Reads the header of a GGUF file in the browser: what the model is and which tensors it has, never a weight. From it a "shape" is
// made, a GGUF header of some hundred kB without vocabulary, which is all the estimator needs; the file itself never leaves the machine.

export type GgufValue = number | bigint | boolean | string | GgufArray;
export interface GgufArray { type: number; length: number; values: GgufValue[] | null }   // values: null where the array was skipped

export interface GgufTensor { name: string; shape: bigint[]; type: number; offset: bigint }
export interface GgufHeader {
  version: number;
  metadata: Map<string, { type: number; value: GgufValue }>;
  tensors: GgufTensor[];
  bytes: number;         // length of the header
}

export class GgufFault extends Error {
  constructor(readonly code: 'magic' | 'version' | 'truncated' | 'count' | 'type' | 'length', readonly at: number) { super(`${code} at byte ${at}`); }
}

const U8 = 0, I8 = 1, U16 = 2, I16 = 3, U32 = 4, I32 = 5, F32 = 6, BOOL = 7, STRING = 8, ARRAY = 9, U64 = 10, I64 = 11, F64 = 12;
const SIZES: Record<number, number> = { [U8]: 1, [I8]: 1, [U16]: 2, [I16]: 2, [U32]: 4, [I32]: 4, [F32]: 4, [BOOL]: 1, [U64]: 8, [I64]: 8, [F64]: 8 };
const CHUNK = 4 << 20;
const MOST_HEADER = 256 << 20;
const MOST_TENSORS = 200_000;
const MOST_KEYS = 100_000;
const MOST_STRING = 16 << 20;
const KEPT_ARRAY = 4096;   // longer arrays are vocabularies

// Reads forward through a Blob by chunks, so that a 400 GB file costs what its header does.
class Source {
  private chunk = new DataView(new ArrayBuffer(0));
  private start = 0;
  at = 0;
  constructor(private readonly file: Blob) {}

  async need(bytes: number): Promise<void> {
    if (this.at - this.start + bytes <= this.chunk.byteLength) return;
    if (this.at + bytes > this.file.size) throw new GgufFault('truncated', this.at);
    if (this.at + bytes > MOST_HEADER) throw new GgufFault('length', this.at);
    this.chunk = new DataView(await this.file.slice(this.at, Math.min(this.file.size, this.at + Math.max(CHUNK, bytes))).arrayBuffer());
    this.start = this.at;
  }
  private take(bytes: number): number {
    const here = this.at - this.start;
    this.at += bytes;
    return here;
  }
  u8(): number { return this.chunk.getUint8(this.take(1)); }
  u32(): number { return this.chunk.getUint32(this.take(4), true); }
  u64(): bigint { return this.chunk.getBigUint64(this.take(8), true); }
  async count(most: number): Promise<number> {
    await this.need(8);
    const at = this.at;
    const value = this.u64();
    if (value > BigInt(most)) throw new GgufFault('count', at);
    return Number(value);
  }
  async string(): Promise<string> {
    const length = await this.count(MOST_STRING);
    await this.need(length);
    const here = this.take(length);
    return new TextDecoder().decode(new Uint8Array(this.chunk.buffer, here, length));
  }
  async skip(bytes: number): Promise<void> {
    if (this.at + bytes > this.file.size) throw new GgufFault('truncated', this.at);
    this.at += bytes;
    if (this.at - this.start > this.chunk.byteLength) { this.chunk = new DataView(new ArrayBuffer(0)); this.start = this.at; }
  }
  async scalar(type: number): Promise<GgufValue> {
    const size = SIZES[type];
    if (size === undefined) throw new GgufFault('type', this.at);
    await this.need(size);
    const here = this.take(size), view = this.chunk;
    switch (type) {
      case U8: return view.getUint8(here);
      case I8: return view.getInt8(here);
      case U16: return view.getUint16(here, true);
      case I16: return view.getInt16(here, true);
      case U32: return view.getUint32(here, true);
      case I32: return view.getInt32(here, true);
      case F32: return view.getFloat32(here, true);
      case BOOL: return view.getUint8(here) !== 0;
      case U64: return view.getBigUint64(here, true);
      case I64: return view.getBigInt64(here, true);
      default: return view.getFloat64(here, true);
    }
  }
  async value(type: number, depth = 0): Promise<GgufValue> {
    if (type === STRING) return this.string();
    if (type !== ARRAY) return this.scalar(type);
    if (depth > 2) throw new GgufFault('type', this.at);
    await this.need(12);
    const inner = this.u32();
    const length = await this.count(1 << 28);
    const keep = length <= KEPT_ARRAY;
    if (!keep && inner !== STRING && inner !== ARRAY) {
      const size = SIZES[inner];
      if (size === undefined) throw new GgufFault('type', this.at);
      await this.skip(length * size);
      return { type: inner, length, values: null };
    }
    const values: GgufValue[] = [];
    for (let i = 0; i < length; ++i) {
      if (keep) values.push(await this.value(inner, depth + 1));
      else if (inner === STRING) await this.skip(await this.count(MOST_STRING));
      else await this.value(inner, depth + 1);
    }
    return { type: inner, length, values: keep ? values : null };
  }
}

export async function readGguf(file: Blob): Promise<GgufHeader> {
  const source = new Source(file);
  await source.need(24);
  if (source.u32() !== 0x46554747) throw new GgufFault('magic', 0);
  const version = source.u32();
  if (version !== 2 && version !== 3) throw new GgufFault('version', 4);
  const tensorCount = await source.count(MOST_TENSORS);
  const keyCount = await source.count(MOST_KEYS);
  const metadata = new Map<string, { type: number; value: GgufValue }>();
  for (let i = 0; i < keyCount; ++i) {
    const key = await source.string();
    await source.need(4);
    const type = source.u32();
    metadata.set(key, { type, value: await source.value(type) });
  }
  const tensors: GgufTensor[] = [];
  for (let i = 0; i < tensorCount; ++i) {
    const name = await source.string();
    await source.need(4);
    const dimensions = source.u32();
    if (dimensions > 4) throw new GgufFault('count', source.at - 4);
    await source.need(dimensions * 8 + 12);
    const shape = Array.from({ length: dimensions }, () => source.u64());
    tensors.push({ name, shape, type: source.u32(), offset: source.u64() });
  }
  return { version, metadata, tensors, bytes: source.at };
}

// Grows as it is written to.
class Sink {
  private view = new DataView(new ArrayBuffer(1 << 16));
  private length = 0;
  private room(bytes: number): number {
    const at = this.length;
    this.length += bytes;
    if (this.length > this.view.byteLength) {
      const wider = new Uint8Array(Math.max(this.length, this.view.byteLength * 2));
      wider.set(new Uint8Array(this.view.buffer));
      this.view = new DataView(wider.buffer);
    }
    return at;
  }
  u32(value: number): void { const at = this.room(4); this.view.setUint32(at, value, true); }
  u64(value: bigint | number): void { const at = this.room(8); this.view.setBigUint64(at, BigInt(value), true); }
  string(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.u64(bytes.length);
    const at = this.room(bytes.length);
    new Uint8Array(this.view.buffer).set(bytes, at);
  }
  value(type: number, value: GgufValue): void {
    if (type === STRING) return this.string(value as string);
    if (type === ARRAY) {
      const array = value as GgufArray;
      this.u32(array.type);
      this.u64(array.values ? array.length : 0);
      for (const one of array.values ?? []) this.value(array.type, one);
      return;
    }
    const at = this.room(SIZES[type]!);
    switch (type) {
      case U8: return this.view.setUint8(at, value as number);
      case I8: return this.view.setInt8(at, value as number);
      case U16: return this.view.setUint16(at, value as number, true);
      case I16: return this.view.setInt16(at, value as number, true);
      case U32: return this.view.setUint32(at, value as number, true);
      case I32: return this.view.setInt32(at, value as number, true);
      case F32: return this.view.setFloat32(at, value as number, true);
      case BOOL: return this.view.setUint8(at, value ? 1 : 0);
      case U64: return this.view.setBigUint64(at, value as bigint, true);
      case I64: return this.view.setBigInt64(at, value as bigint, true);
      default: return this.view.setFloat64(at, value as number, true);
    }
  }
  pad(alignment: number): void { this.room((alignment - (this.length % alignment)) % alignment); }
  blob(): Blob { return new Blob([new Uint8Array(this.view.buffer, 0, this.length)]); }
}

// Weights begin at a multiple of this.
function alignmentOf(header: GgufHeader): number {
  const told = header.metadata.get('general.alignment')?.value;
  return typeof told === 'number' && told > 0 && told <= 1 << 20 ? told : 32;
}

// Bytes of weights behind a header.
export function weightsOf(header: GgufHeader, fileSize: number): number {
  const alignment = alignmentOf(header);
  return Math.max(0, fileSize - Math.ceil(header.bytes / alignment) * alignment);
}

// The parts of a split model (-00001-of-0000N) as one header: their tensors one after the other.
export function joined(parts: { header: GgufHeader; weights: number }[]): GgufHeader {
  const first = parts[0]!.header;
  if (parts.length === 1) return first;
  const metadata = new Map([...first.metadata].filter(([key]) => !key.startsWith('split.')));
  const tensors: GgufTensor[] = [];
  let before = 0n;
  for (const part of parts) {
    tensors.push(...part.header.tensors.map((tensor) => ({ ...tensor, offset: tensor.offset + before })));
    before += BigInt(part.weights);
  }
  return { version: first.version, metadata, tensors, bytes: parts.reduce((sum, part) => sum + part.header.bytes, 0) };
}

// The header without what only a tokenizer needs.
export function shapeOf(header: GgufHeader): Blob {
  const sink = new Sink();
  const kept = [...header.metadata].filter(([key]) => !key.startsWith('tokenizer.'));
  sink.u32(0x46554747);
  sink.u32(header.version);
  sink.u64(header.tensors.length);
  sink.u64(kept.length);
  for (const [key, { type, value }] of kept) {
    sink.string(key);
    sink.u32(type);
    sink.value(type, value);
  }
  for (const tensor of header.tensors) {
    sink.string(tensor.name);
    sink.u32(tensor.shape.length);
    for (const size of tensor.shape) sink.u64(size);
    sink.u32(tensor.type);
    sink.u64(tensor.offset);
  }
  sink.pad(alignmentOf(header));
  return sink.blob();
}
