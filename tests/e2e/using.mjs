// Drives the page as buyers use it: finding names, taking suggestions, comparing, small screens: RIGCAST=build/check/rigcast node tests/e2e/using.mjs [NAME ...]

import { cli } from './browser.mjs';
import { checkAccess, expect, open, runAll, settled, texts, three } from './drive.mjs';

const MODEL = 'qwen3-8b:q4_k_m';
const NARROW = { width: 320, height: 640 };
const SLOWNESS = Number(process.env.RIGCAST_SLOWNESS ?? 3);
const keysOf = (page) => page.$$eval('table.list tbody a', (all) => all.map((one) => new URL(one.href).searchParams.get('name')));
const setting = (page, name) => new URL(page.url()).searchParams.get(name) ?? '';
const shown = (page, id) => page.$eval(`[data-value="${id}"] b`, (b) => b.textContent.replace(/\u00a0/g, ' '));
const answered = (page, path) => page.waitForResponse((response) => response.url().endsWith(path) && response.ok());
// "rigcast plan X --flags "a b" -c 1" as the words behind the program's name.
const wordsOf = (command) => [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((one) => one[1] ?? one[2]).slice(1);

const tests = {
  async 'cards and models are found by other names and in Chinese, as the command line finds them'() {
    for (const name of ['\u6607\u817e', '910b', 'radv vega20']) {
      const page = await open('/cards?q=' + encodeURIComponent(name));
      const told = await cli('list', 'devices', ...name.split(' '));
      expect(told.rows.length > 0 && JSON.stringify((await keysOf(page)).sort()) === JSON.stringify(told.rows.map((row) => row.key).sort()), `${name}: ${await keysOf(page)}`);
      await page.context().close();
    }
    const maker = await open('/cards?q=' + encodeURIComponent('\u534e\u4e3a'));   // Huawei
    const huawei = (await cli('list', 'devices', '--vendor', 'huawei')).rows.map((row) => row.key);
    expect(JSON.stringify((await keysOf(maker)).sort()) === JSON.stringify(huawei.sort()), `${await keysOf(maker)}`);
    await maker.context().close();
    const models = await open('/models?q=' + encodeURIComponent('\u5343\u95ee'));   // Qwen
    await models.waitForFunction(() => document.querySelectorAll('table.list tbody tr').length > 5);
    await models.context().close();
    const page = await open(`/plan?m=${MODEL}`);
    await page.getByLabel('Card', { exact: true }).click();
    await page.keyboard.type('\u6607\u817e310b');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.search.includes('on=ascend-310b'));
    return page;
  },
  async 'a list of hundreds is typed into without waiting, and ends with all its rows'() {
    const page = await open('/cards');
    const all = (await cli('list', 'devices')).rows.length;
    await page.waitForFunction((count) => document.querySelectorAll('table.list tbody tr').length === count, all);
    await page.evaluate(() => { window.worst = 0; new PerformanceObserver((list) => { for (const one of list.getEntries()) window.worst = Math.max(window.worst, one.duration); }).observe({ type: 'event', durationThreshold: 16 }); });
    await page.getByRole('searchbox').click();
    for (const key of ['r', 't', 'x', 'Backspace', 'Backspace', 'Backspace']) { await page.keyboard.press(key); await page.waitForTimeout(60); }
    await page.waitForFunction((count) => document.querySelectorAll('table.list tbody tr').length === count, all);
    const worst = await page.evaluate(() => window.worst);
    console.log(`  slowest key ${worst} ms`);
    expect(worst < 100 * SLOWNESS, `${worst} ms for a key`);
    await page.getByRole('button', { name: 'Power' }).click();
    await page.getByRole('button', { name: 'Power' }).click();   // the least first: those whose power nobody knows are not the least
    expect((await texts(page, 'table.list tbody tr:first-child td'))[3].endsWith(' W'), (await texts(page, 'table.list tbody tr:first-child td')).join('|'));
    return page;
  },
  async 'a suggestion asks the whole question it was made for'() {
    for (const [address, kind, ...words] of [['m=qwen3-32b:q4_k_m&on=2xrtx-3090&c=16k', 'engine', 'qwen3-32b:q4_k_m', '--on', '2xrtx-3090', '-c', '16k'],
      ['m=qwen3-32b:q4_k_m&on=rtx-3090&c=40k&offload=none', 'layers', 'qwen3-32b:q4_k_m', '--on', 'rtx-3090', '-c', '40k', '--flags', '-ngl all'],
      ['m=qwen3-8b:q4_k_m&on=rtx-3060-12gb&c=128k', 'cache', 'qwen3-8b:q4_k_m', '--on', 'rtx-3060-12gb', '-c', '128k']]) {
      const told = await cli('plan', ...words), at = told.remedies.findIndex((one) => one.kind === kind);
      expect(at >= 0, `no ${kind} among ${told.remedies.map((one) => one.kind)}`);
      const wanted = await cli(...wordsOf(told.remedies[at].command));
      const page = await open('/plan?' + address);
      await Promise.all([answered(page, '/api/plan'), page.locator('.remedies').first().locator('button').nth(at).click()]);
      await page.waitForFunction((speed) => document.querySelector('[data-value="decode"] b')?.textContent.startsWith(speed), three(wanted.decode.p50));
      expect((await texts(page, '.code code'))[0] === wanted.launch, `${(await texts(page, '.code code'))[0]} is not ${wanted.launch}`);
      await page.goBack();
      await page.waitForFunction((search) => location.search === search, '?' + address);
      await page.context().close();
    }
  },
  async 'cache, micro-batch and least speed are switches that stay in the link'() {
    const page = await open(`/plan?m=${MODEL}&on=rtx-3090&c=16k&kv=q8_0&ub=1024&least=5000`);
    const told = await cli('plan', MODEL, '--on', 'rtx-3090', '-c', '16k', '--flags', '-ctk q8_0 -ctv q8_0 -ub 1024', '--at-least', '5000');
    expect(told.fits && told.too_slow && (await texts(page, '.verdict.bad h2'))[0].includes('5000 tok/s'), (await texts(page, '.verdict h2'))[0]);
    expect((await texts(page, '.code code'))[0] === told.launch, (await texts(page, '.code code'))[0]);
    await page.getByLabel('KV cache in').selectOption('q4_0');
    await page.waitForFunction(() => document.querySelector('.code code')?.textContent.includes('-ctk q4_0'));
    expect(setting(page, 'kv') === 'q4_0', page.url());
    await page.getByLabel('Engine', { exact: true }).selectOption('vllm');
    await settled(page);
    expect(setting(page, 'kv') === '' && setting(page, 'ub') === '', 'words of one engine are not said to another');
    return page;
  },
  async 'a rack is told by what its cards have in common'() {
    const page = await open('/plan?m=deepseek-v3:q8_0&on=64xh100-sxm-80gb&c=64k');
    const told = await cli('plan', 'deepseek-v3:q8_0', '--on', '64xh100-sxm-80gb', '-c', '64k');
    const bars = await texts(page, '.memory .bar-name');
    expect(told.placement.cards_used > 8 && bars.length < 8 && bars.some((name) => /devices #\d+\u2013#\d+/.test(name)), bars.join('|'));
    const decode = told.derivation.filter((term) => term.phase === 'decode');
    const rows = await page.locator('.derivation').first().locator('tbody tr').count();
    expect(rows < decode.length / 2, `${rows} rows of ${decode.length} terms`);
    const total = 1000 * decode.reduce((sum, term) => sum + term.seconds, 0);
    expect((await texts(page, 'details summary')).some((one) => one.endsWith(`${three(total)} ms`)), `the sum stays ${three(total)} ms`);
    return page;
  },
  async 'several engines are compared, sorted and opened'() {
    const page = await open('/compare?m=qwen3-32b:q4_k_m&on=2xrtx-3090&on=rtx-4090');
    await Promise.all([answered(page, '/api/compare'), page.getByLabel('Add an engine').selectOption('vllm')]);
    await page.waitForFunction(() => document.querySelectorAll('.compared tbody tr').length === 4);
    const told = await cli('compare', 'qwen3-32b:q4_k_m', '--on', '2xrtx-3090', '--on', 'rtx-4090', '-e', 'llama.cpp', '-e', 'vllm');
    await page.getByRole('button', { name: 'Decode' }).click();
    await page.waitForFunction(() => document.querySelector('.compared th[aria-sort="descending"]'));
    const best = told.rows.reduce((a, b) => (b.decode.p50 > a.decode.p50 ? b : a));
    expect((await texts(page, '.compared tbody tr:first-child'))[0].includes(`${three(best.decode.p50)} tok/s`), (await texts(page, '.compared tbody tr:first-child'))[0]);
    await page.locator('.compared tbody a').first().click();
    await settled(page);
    expect(await shown(page, 'decode') === `${three(best.decode.p50)} tok/s`, 'the same question');
    await page.getByRole('link', { name: 'Compare its quants' }).or(page.getByRole('link', { name: 'Compare with another machine' })).first().click();
    await settled(page);
    expect(setting(page, 'e') === best.engine, page.url());
    const none = await open('/compare?m=qwen3-8b:awq&on=rtx-3090&on=rtx-4090&e=llama.cpp');
    expect((await texts(none, '.compared tbody td:nth-of-type(1)')).every((one) => one === 'not supported') && await none.locator('.multiples svg').count() === 0, 'what no engine reads is no lack of memory');
    await none.context().close();
    return page;
  },
  async 'what is missing is named in one press, and an answer is taken along as text'() {
    const page = await open(`/plan?m=${MODEL}&on=2xrtx-3090`, { width: 390, height: 844 });
    await page.getByRole('button', { name: 'Name the host' }).click();
    await page.waitForFunction(() => document.activeElement?.closest('.field')?.querySelector('label')?.textContent === 'Processor');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Copy as text' }).click();
    const told = await cli('plan', MODEL, '--on', '2xrtx-3090');
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied.includes(`${three(told.decode.p50)} tok/s`) && copied.endsWith(told.launch) && copied.startsWith('Qwen3 8B Q4_K_M'), copied);
    return page;
  },
  async 'a phone shows the answer of a comparison first'() {
    const page = await open(`/compare?m=${MODEL}&on=rtx-3090&on=rtx-4090`, { width: 390, height: 844, touch: true });
    expect(await page.$eval('.multiples', (one) => one.getBoundingClientRect().top) < 600, 'the answer in sight');
    await page.getByRole('button', { name: 'Change the question' }).click();
    expect(await page.getByLabel('Machine 2').isVisible(), 'the form');
    return page;
  },
  async 'what fails in part is told, and asked for again'() {
    const page = await open('/plan?on=rtx-3090');
    await page.route('**/api/curve', (route) => route.abort());
    await page.getByLabel('Model', { exact: true }).fill(MODEL);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.block .failed');
    await page.unroute('**/api/curve');
    await page.locator('.block .failed button').click();
    await page.waitForSelector('.multiples svg');
    for (const [address, name] of [['/cards?name=rtx-3909', 'rtx-3909'], ['/models?name=qwen3-33b', 'qwen3-33b']]) {
      const lost = await open(address);
      expect((await texts(lost, 'h1'))[0] === name, 'a heading');
      await lost.locator('.failed .link').click();
      await lost.waitForSelector('.actions .button');
      await lost.context().close();
    }
    return page;
  },
  async 'nothing is cut off at 320 pixels or in a small window, and every box can be typed in'() {
    const views = { plan: `/plan?m=${MODEL}&on=8xrtx-3090%2B2xrtx-4090%4010w`, answer: `/plan?m=${MODEL}&on=2xrtx-3090`, compare: `/compare?m=${MODEL}&on=rtx-3090&on=rtx-4090`, cards: '/cards?q=4090', card: '/cards?name=rtx-4090', model: '/models?name=qwen3-32b', accuracy: '/accuracy?by=backend', machine: '/machine' };
    for (const [name, address, size] of [...Object.entries(views).map((one) => [...one, NARROW]), ...['answer', 'compare', 'accuracy'].map((name) => [name, views[name], { width: 640, height: 400 }])]) {
      const page = await open(address, size);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide <= 0, `${name} is ${wide} px too wide`);
      const tight = await page.$$eval('input[role="combobox"]', (all) => all.map((one) => one.getBoundingClientRect().width).filter((width) => width > 0 && width < 110));
      expect(!tight.length, `${name}: boxes of ${tight} px`);
      const labels = await page.$$eval('svg .axis.bottom text:not(.axis-name)', (all) => {
        const boxes = all.map((one) => one.getBoundingClientRect()).filter((box) => box.width > 0);
        return boxes.filter((box, i) => boxes.some((other, o) => o > i && Math.abs(other.top - box.top) < 2 && other.left < box.right && box.left < other.right)).length;
      });
      expect(labels === 0, `${name}: ${labels} labels of axes lie on each other`);
      if (size === NARROW && (name === 'plan' || name === 'compare')) await checkAccess(page, name);
      await page.context().close();
    }
  },
  async 'nothing jumps while a view is waited for'() {
    for (const address of ['/cards', '/models', `/plan?m=${MODEL}&on=rtx-3090`, `/compare?m=${MODEL}&on=rtx-3090&on=rtx-4090`]) {
      const page = await open('/nothing');
      await page.addInitScript(() => { window.moved = 0; new PerformanceObserver((list) => { for (const one of list.getEntries()) if (!one.hadRecentInput) window.moved += one.value; }).observe({ type: 'layout-shift', buffered: true }); });
      await page.goto(new URL(address, page.url()).href);
      await settled(page);
      const moved = await page.evaluate(() => window.moved);
      expect(moved < 0.05, `${address} moves by ${moved}`);
      await page.context().close();
    }
  },
  async 'paper has the answer and not the form'() {
    const page = await open(`/plan?m=${MODEL}&on=rtx-3090`, { theme: 'dark' });
    await page.emulateMedia({ media: 'print' });
    const seen = (selector) => page.$eval(selector, (one) => one.getClientRects().length > 0);
    expect(await seen('.verdict') && await seen('.code code') && !(await seen('form.question')) && !(await seen('nav')), 'verdict and launch line only');
    expect(await seen('.printed') && (await texts(page, '.printed'))[0].includes('rtx-3090') && await seen('.axis.bottom text'), 'what was asked, and whole axes');
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor) === 'rgb(255, 255, 255)', 'on white');
    return page;
  },
};

await runAll(tests);
