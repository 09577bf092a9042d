// The program and a browser to drive it with: what every test of the page starts from.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('../../web/', import.meta.url));
const require = createRequire(web);
export const { chromium } = require('playwright-core');
export const axePath = require.resolve('axe-core/axe.min.js');

export const program = process.env.RIGCAST ?? fileURLToPath(new URL('../../build/check/rigcast', import.meta.url));

// Starts `rigcast web` on a free port; resolves with its address and a way to end it.
export async function startServer(more = []) {
  const child = spawn(program, ['web', '--port', '0', ...more], { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise((resolve, reject) => {
    let told = '';
    child.stdout.on('data', (bytes) => {
      told += bytes;
      const line = /(http:\S+)\//.exec(told);
      if (line) resolve(line[1]);
    });
    child.on('exit', (code) => reject(new Error(`the server ended with ${code} before it told its address`)));
  });
  return { url, pid: child.pid, stop: () => new Promise((resolve) => { child.removeAllListeners('exit'); child.on('exit', (code) => resolve(code)); child.kill('SIGTERM'); }) };
}

export async function startBrowser() {
  const executablePath = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
  if (!executablePath) throw new Error('no Chromium: apt-get install chromium');
  // Containers have no user namespaces and a small /dev/shm.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--force-color-profile=srgb', '--hide-scrollbars'] });
}

// Runs the program to its end.
export function run(...words) {
  return new Promise((resolve) => spawn(program, words, { stdio: 'ignore' }).on('exit', resolve));
}

// What the command line answers to the same question.
export async function cli(...words) {
  const child = spawn(program, [...words, '--json'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let told = '';
  for await (const bytes of child.stdout) told += bytes;
  return JSON.parse(told);
}
