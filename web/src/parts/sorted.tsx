// A table whose columns sort; the order is in the address like every other setting.

import type { ComponentChildren, VNode } from 'preact';
import { usePlace } from '../shell/place';

export interface Column<Row> {
  id: string;
  name: string;
  cell(row: Row): ComponentChildren;
  by?(row: Row): number | string;   // what it sorts by; without, the column does not sort
  numeric?: boolean;
}

export function useSorted<Row>(rows: Row[], columns: Column<Row>[], first: string): { rows: Row[]; by: string; down: boolean } {
  const place = usePlace();
  const order = place.params.get('sort') ?? first;
  const down = order.startsWith('-');
  const by = down ? order.slice(1) : order;
  const column = columns.find((one) => one.id === by);
  if (!column?.by) return { rows, by, down };
  const key = column.by;
  const sorted = [...rows].sort((a, b) => {
    const x = key(a), y = key(b);
    const less = typeof x === 'string' || typeof y === 'string' ? String(x).localeCompare(String(y)) : x - y;
    return down ? -less : less;
  });
  return { rows: sorted, by, down };
}

interface SortedTableProps<Row> { caption: string; rows: Row[]; columns: Column<Row>[]; by: string; down: boolean; rowKey(row: Row): string }

export function SortedTable<Row>({ caption, rows, columns, by, down, rowKey }: SortedTableProps<Row>): VNode {
  const place = usePlace();
  const sort = (column: Column<Row>) => {
    const next = column.id === by ? (down ? column.id : '-' + column.id) : column.numeric ? '-' + column.id : column.id;
    place.set({ sort: next }, true);
  };
  return (
    <div class="scrolls" role="region" aria-label={caption} tabIndex={0}>
      <table class="list">
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.id} scope="col" class={column.numeric ? 'number' : undefined} aria-sort={column.id === by ? (down ? 'descending' : 'ascending') : undefined}>
                {column.by ? <button type="button" onClick={() => sort(column)}>{column.name}<i aria-hidden="true">{column.id === by ? (down ? '\u25be' : '\u25b4') : ''}</i></button> : column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
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
