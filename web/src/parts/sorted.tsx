// A table whose columns sort; the order is in the address like every other setting.

import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { usePlace } from '../shell/place';

export interface Column<Row> {
  id: string;
  name: string;
  cell(row: Row): ComponentChildren;
  by?(row: Row): number | string | null;   // what it sorts by (null, unknown: last either way); without, the column does not sort
  numeric?: boolean;
}

export function useSorted<Row>(rows: Row[], columns: Omit<Column<Row>, 'cell'>[], first: string): { rows: Row[]; by: string; down: boolean } {
  const place = usePlace();
  const order = place.params.get('sort') ?? first;
  const down = order.startsWith('-');
  const by = down ? order.slice(1) : order;
  const key = columns.find((one) => one.id === by)?.by;
  const sorted = useMemo(() => (key ? [...rows].sort((a, b) => {
    const x = key(a), y = key(b);
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    const less = typeof x === 'string' || typeof y === 'string' ? ALPHABET.compare(String(x), String(y)) : x - y;
    return down ? -less : less;
  }) : rows), [rows, by, down]);
  return { rows: sorted, by, down };
}

const ALPHABET = new Intl.Collator('en', { numeric: true });   // RTX 3090 before RTX 30000

// Rows in sight come at once, those below them a moment later: typing and sorting must not wait for hundreds of rows that nobody sees yet.
const FIRST = 40, MORE = 80;
function useGrowing(rows: unknown[]): number {
  const [grown, setGrown] = useState({ rows, shown: FIRST });
  const shown = Math.min(rows.length, grown.rows === rows ? grown.shown : FIRST);
  useEffect(() => {
    if (shown >= rows.length) return;
    const timer = setTimeout(() => setGrown({ rows, shown: shown + MORE }), shown === FIRST ? 150 : 30);
    return () => clearTimeout(timer);
  }, [rows, shown]);
  return shown;
}

interface SortedTableProps<Row> { caption: string; rows: Row[]; columns: Column<Row>[]; by: string; down: boolean; rowKey(row: Row): string }

interface HeadProps<Row> { column: Omit<Column<Row>, 'cell'>; by: string; down: boolean }

export function SortedHead<Row>({ column, by, down }: HeadProps<Row>): VNode {
  const place = usePlace();
  const here = column.id === by;
  const sort = () => place.set({ sort: here ? (down ? column.id : '-' + column.id) : column.numeric ? '-' + column.id : column.id }, true);
  return (
    <th scope="col" class={column.numeric ? 'number' : undefined} aria-sort={here ? (down ? 'descending' : 'ascending') : undefined}>
      {column.by ? <button type="button" class="sorts" onClick={sort}>{column.name}<i aria-hidden="true">{here ? (down ? '\u25bc' : '\u25b2') : ''}</i></button> : column.name}
    </th>
  );
}

export function SortedTable<Row>({ caption, rows, columns, by, down, rowKey }: SortedTableProps<Row>): VNode {
  const shown = useGrowing(rows);
  return (
    <div class="scrolls" role="region" aria-label={caption} tabIndex={0}>
      <table class="list">
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => <SortedHead key={column.id} column={column} by={by} down={down} />)}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((column, c) => (c === 0
                ? <th key={column.id} scope="row">{column.cell(row)}</th>
                : <td key={column.id} class={column.numeric ? 'number' : undefined} data-name={column.name}>{column.cell(row)}</td>))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
