// Values as people read them, digit for digit as the terminal prints them (src/report/print.cpp).

import type { Interval } from './api/answers';

const KiB = 1024;
const MiB = KiB * 1024;
const GiB = MiB * 1024;

export const DASH = '\u2013';
export const NBSP = '\u00a0';

export function grouped(value: number): string {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

// As printf rounds: an exact half to the even neighbour (1.125 -> "1.12"), where toFixed() goes up. A double's digits all stand within
// a few dozen places, so that what follows the last one shown tells whether it is an exact half.
function fixed(value: number, decimals: number): string {
  const rounded = value.toFixed(decimals);
  if (Math.abs(value) >= 1e15) return rounded;
  const whole = value.toFixed(decimals + 30), shown = whole.slice(0, decimals === 0 ? -31 : -30);
  const rest = whole.slice(-30);
  return rest === '5' + '0'.repeat(29) && Number(shown.slice(-1)) % 2 === 0 ? shown : rounded;
}

function significant(value: number, digits: number): string {
  if (value === 0) return '0';
  const decimals = digits - 1 - Math.floor(Math.log10(Math.abs(value)));
  const text = decimals >= 0 && decimals <= 60 ? Number(fixed(value, decimals)).toPrecision(digits) : value.toPrecision(digits);
  const plain = text.includes('e') ? Number(text).toString() : text;
  return plain.includes('.') ? plain.replace(/\.?0+$/, '') : plain;
}

// Three significant digits, but no digit of a whole part is dropped: 1234.5 -> "1,235", 34.12 -> "34.1".
export function threeDigits(value: number): string {
  const size = Math.abs(value);
  // By what it rounds to: 999.7 is "1,000", like its neighbours.
  if (size >= 999.5) return grouped(value);
  if (size >= 99.95) return fixed(value, 0);
  if (size >= 9.995) return fixed(value, 1);
  return size >= 1 ? fixed(value, 2) : significant(value, 3);
}

export interface Scale { factor: number; unit: string }

// The unit a value of this size is printed in.
export function scaleOf(value: number, unit: string): Scale {
  const size = Math.abs(value);
  switch (unit) {
    case 'B': return size >= GiB ? { factor: GiB, unit: 'GiB' } : size >= MiB || size === 0 ? { factor: MiB, unit: 'MiB' } : { factor: KiB, unit: 'KiB' };
    case 'token/s': return { factor: 1, unit: 'tok/s' };
    case 's':
      if (size >= 120) return { factor: 60, unit: 'min' };
      return size >= 1 ? { factor: 1, unit: 's' } : size >= 1e-3 ? { factor: 1e-3, unit: 'ms' } : { factor: 1e-6, unit: '\u00b5s' };
    case 'B/s': return size >= 1e12 ? { factor: 1e12, unit: 'TB/s' } : size >= 1e9 ? { factor: 1e9, unit: 'GB/s' } : { factor: 1e6, unit: 'MB/s' };
    case 'flop/s':
      if (size >= 1e15) return { factor: 1e15, unit: 'Pflop/s' };
      return size >= 1e12 ? { factor: 1e12, unit: 'Tflop/s' } : { factor: 1e9, unit: 'Gflop/s' };
    case 'flop': return size >= 1e12 ? { factor: 1e12, unit: 'Tflop' } : { factor: 1e9, unit: 'Gflop' };
    case '1': return { factor: 0.01, unit: '%' };
    default: return { factor: 1, unit };
  }
}

export function print(value: number | null | undefined, unit: string): string {
  if (value == null || !Number.isFinite(value)) return DASH;
  const scale = scaleOf(value, unit);
  const scaled = value / scale.factor;
  let digits: string;
  if (unit === 'B') digits = fixed(scaled, scale.unit === 'GiB' ? 2 : 0).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',');
  else if (unit === 'token') digits = grouped(value);
  else if (unit === '' || unit === '1' || unit === 'mm' || unit === 'MHz') digits = significant(scaled, 4);
  else digits = threeDigits(scaled);
  return scale.unit === '' ? digits : digits + NBSP + scale.unit;
}

// "29.8 - 38.0 tok/s": both ends in the unit of the middle.
export function printInterval(interval: Interval): string {
  const scale = scaleOf(interval.p50, interval.unit);
  return `${threeDigits(interval.p10 / scale.factor)} ${DASH} ${threeDigits(interval.p90 / scale.factor)}${NBSP}${scale.unit}`;
}

export function printCount(count: number): string {
  if (count >= 1e12) return significant(count / 1e12, 3) + NBSP + 'T';
  if (count >= 1e9) return significant(count / 1e9, 3) + NBSP + 'B';
  if (count >= 1e6) return significant(count / 1e6, 3) + NBSP + 'M';
  return grouped(count);
}

// Contexts as people write them: 32768 -> "32k".
export function printTokens(tokens: number): string {
  return tokens >= 1024 && tokens % 1024 === 0 ? (tokens / 1024) + 'k' : grouped(tokens);
}
