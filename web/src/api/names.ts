// What the catalogue offers to choose from, asked once and shared by the forms.

import { useEffect, useState } from 'preact/hooks';
import type { Option } from '../parts/combobox';
import { print, printCount } from '../units';
import type { DeviceRow, ModelRow } from './answers';
import { ask } from './client';

export interface NamedRow { key: string; name: string; aliases?: string[] }
export interface Names {
  devices: DeviceRow[];
  models: ModelRow[];
  processors: (NamedRow & { detail?: string })[];
  engines: (NamedRow & { backends?: string })[];
  quants: string[];
  options: { devices: Option[]; models: Option[]; processors: Option[]; quants: Option[] };   // the same for a Combobox, put together once
}

const none: Names = { devices: [], models: [], processors: [], engines: [], quants: [], options: { devices: [], models: [], processors: [], quants: [] } };
let asked: Promise<Names> | null = null;

async function rows<Row>(kind: string): Promise<Row[]> {
  const got = await ask<{ rows: Row[] }>('list/' + kind);
  return got.ok ? got.answer.rows : [];
}

async function fetchNames(): Promise<Names> {
  const [devices, models, processors, engines, about] = await Promise.all([
    rows<DeviceRow>('devices'), rows<ModelRow>('models'), rows<NamedRow & { detail?: string }>('processors'), rows<NamedRow>('engines'), ask<{ recipes: string[] }>('about'),
  ]);
  const quants = about.ok ? about.answer.recipes.map((recipe) => recipe.toLowerCase()) : [];
  const options = {
    devices: devices.map((row) => ({ key: row.key, name: row.name, aliases: row.aliases, note: [print(row.memory, 'B'), row.bandwidth ? print(row.bandwidth, 'B/s') : ''].filter(Boolean).join(', ') })),
    models: models.map((row) => ({ key: row.key, name: row.name, aliases: row.aliases, note: printCount(row.params) })),
    processors: processors.map((row) => ({ key: row.key, name: row.name, aliases: row.aliases, note: row.detail })),
    quants: quants.map((one) => ({ key: one, name: one })),
  };
  return { devices, models, processors, engines, quants, options };
}

export function useNames(): Names {
  const [names, setNames] = useState(none);
  useEffect(() => {
    asked ??= fetchNames();
    let here = true;
    void asked.then((got) => {
      if (got.devices.length === 0) asked = null;   // ask again when another view opens
      if (here) setNames(got);
    });
    return () => { here = false; };
  }, []);
  return names;
}
