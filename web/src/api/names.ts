// What the catalogue offers to choose from, asked once and shared by the forms.

import { useEffect, useState } from 'preact/hooks';
import type { DeviceRow, ModelRow } from './answers';
import { ask } from './client';

export interface NamedRow { key: string; name: string }
export interface Names {
  devices: DeviceRow[];
  models: ModelRow[];
  processors: (NamedRow & { detail?: string })[];
  engines: (NamedRow & { backends?: string })[];
  quants: string[];
}

const none: Names = { devices: [], models: [], processors: [], engines: [], quants: [] };
let asked: Promise<Names> | null = null;

async function rows<Row>(kind: string): Promise<Row[]> {
  const got = await ask<{ rows: Row[] }>('list/' + kind);
  return got.ok ? got.answer.rows : [];
}

async function fetchNames(): Promise<Names> {
  const [devices, models, processors, engines, about] = await Promise.all([
    rows<DeviceRow>('devices'), rows<ModelRow>('models'), rows<NamedRow>('processors'), rows<NamedRow>('engines'), ask<{ recipes: string[] }>('about'),
  ]);
  return { devices, models, processors, engines, quants: about.ok ? about.answer.recipes.map((recipe) => recipe.toLowerCase()) : [] };
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
