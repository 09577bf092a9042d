// A View is one folder under src/views whose index.tsx exports `view`. Adding a folder adds a view; nothing else knows their names.

import type { ComponentType } from 'preact';
import type { Text } from '../text/en';

export interface View {
  id: string;                       // its path: /id
  order: number;                    // place in the navigation
  title: (text: Text) => string;
  component: ComponentType;
}

const found = import.meta.glob<{ view: View }>('../views/*/index.tsx', { eager: true });

export const views: View[] = Object.values(found).map((folder) => folder.view).sort((a, b) => a.order - b.order);
