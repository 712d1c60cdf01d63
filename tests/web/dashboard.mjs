/* SPDX-License-Identifier: Apache-2.0 */
/* Drives the page and looks at it; a line per check, in the words of TAP. */
import { execFileSync } from 'node:child_process';
import { chromium } from 'playwright-core';

const { URL: url, READ, OPERATE, SHOTS, CHROMIUM, PROFILE, ADIT } = process.env;
const adit = (...args) => execFileSync(ADIT.split(' ')[0], [...ADIT.split(' ').slice(1), ...args], { encoding: 'utf8' });
const noise = [];
let failed = 0;

async function check(name, run) {
	try {
		const v = await run();
		if (v === false)
			throw new Error('is not so');
		console.log('ok ' + name);
	} catch (e) {
		failed = 1;
		console.log('not ok ' + name);
		console.log('# ' + String(e.message).split('\n').slice(0, 6).join('\n# '));
	}
}

const context = await chromium.launchPersistentContext(PROFILE, {
	executablePath: CHROMIUM, headless: true, viewport: { width: 1280, height: 800 },
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await context.newPage();
page.setDefaultTimeout(30000);
page.on('console', (m) => m.type() === 'error' && noise.push(m.text()));
page.on('pageerror', (e) => noise.push(e.message));
page.on('dialog', (d) => { noise.push('a dialog: ' + d.message()); d.dismiss(); });
const row = (text) => page.locator('#connections tr', { hasText: text });
const conn = page.locator('article[data-conn="t"]');
const signIn = async (token) => {
	await page.fill('#token', token);
	await page.click('#login button');
};

/* Presses until it has done something: the table may move between the look for a button and the press. */
async function press(button, done) {
	for (let tries = 1; ; tries++) {
		await button.click({ timeout: 10000 }).catch(() => {});
		try {
			return await done.waitFor({ timeout: 10000 });
		} catch (e) {
			if (tries === 6)
				throw e;
		}
	}
}

const first = await page.goto(url + '/');
await check('the page has a policy for its content', () => first.headers()['content-security-policy'].includes("default-src 'none'"));
await check('it asks for a token', () => page.getByLabel('Token').waitFor());
await page.screenshot({ path: SHOTS + '/login.png' });
await signIn('adit_wrong');
await check('a wrong token is told', () => page.getByText('This token is not known').waitFor());
noise.splice(0, noise.length, ...noise.filter((n) => !n.includes('401')));
await signIn(READ);
await check('the connections are there', () => conn.waitFor());
await check('and the stream is live', () => page.locator('#live.on').waitFor());
await check('the role is shown', () => page.getByText('read, may read').waitFor());
await check('a reader has no buttons', async () => await page.locator('#connections button').count() === 0);
await check('a name is text and no markup', async () => await page.getByText('evil<img src=x onerror=alert(1)>').count() > 0 && await page.locator('#connections img').count() === 0);
await page.getByRole('button', { name: 'Sign out' }).click();
await check('signing out takes the charts along', async () => await page.locator('#charts figure').count() === 0);
await check('signing out forgets the token', async () => await page.evaluate(() => sessionStorage.length) === 0);

await signIn(OPERATE);
await check('up by a button', () => press(page.getByRole('button', { name: 'Bring up t/net', exact: true }),
	conn.locator('.state.up', { hasText: 'INSTALLED' })));
await check('which is true', () => adit('--json', 'list', 'sas').includes('INSTALLED'));
await check('figures', () => page.locator('#figures div', { hasText: 'Child SAs' }).locator('dd', { hasText: '1' }).waitFor());
await page.screenshot({ path: SHOTS + '/tunnels.png', fullPage: true });
const spi = JSON.parse(adit('--json', 'list', 'sas'))[0]['child-sas'][0]['spi-in'];
await check('rekey by a button', async () => {
	for (let i = 0; i < 300; i++) {
		if (i % 100 === 0)
			await page.getByRole('button', { name: 'Rekey t/net', exact: true }).first().click();
		const c = JSON.parse(adit('--json', 'list', 'sas'))[0]['child-sas'].find((x) => x.state === 'INSTALLED');
		if (c && c['spi-in'] !== spi)
			return true;
		await new Promise((r) => setTimeout(r, 100));
	}
	return false;
});
const chart = (id) => page.locator(`[data-chart="${id}"]`);
await check('charts say what they show', () => page.locator('[data-chart="sas"] svg[aria-label*="child SAs 1"]').waitFor({ timeout: 30000 }));
await check('a line grows', async () => {
	for (let i = 0; i < 150; i++) {
		if (/M.*L/.test(await chart('sas').locator('path.l1').getAttribute('d')))
			return true;
		await new Promise((r) => setTimeout(r, 200));
	}
	return false;
});
await check('three charts, each with its legend', async () => await page.locator('#charts figure').count() === 3 && await chart('traffic').locator('.legend li').count() === 2);
await check('rates do not go back, gaps are gaps', async () => await page.evaluate(async () => {
	const { points, sample } = await import('/charts.js');
	const bytes = (t, v) => sample(t, v === null ? [] : [{ name: 'adit_traffic_bytes', samples: [{ value: String(v), labels: { direction: 'in' } }] }]);
	const all = points({ id: 'traffic', rate: true, scale: 1 }, { name: 'received' }, [bytes(0, 100), bytes(1000, 300), bytes(2000, 50), bytes(3000, null), bytes(4000, 60), bytes(6000, 80)]);
	return JSON.stringify(all.map((p) => p.v)) === '[200,null,null,null,10]';
}));
await page.screenshot({ path: SHOTS + '/charts.png', fullPage: true });
adit('down', 't');
await check('what others do is seen as it happens', () => row('net').locator('.state', { hasText: 'DOWN' }).first().waitFor());
adit('up', 't', '--child', 'net');
await check('in both directions', () => conn.locator('.state.up', { hasText: 'INSTALLED' }).waitFor());
await check('down by a button', () => press(page.getByRole('button', { name: 'Take down t', exact: true }),
	row('net').locator('.state', { hasText: 'DOWN' }).first()));
await check('a failure is told in its sentence', () => press(page.getByRole('button', { name: /Bring up evil.*<b>x<\/b>/ }),
	page.locator('.toast.bad').first()));
noise.splice(0, noise.length, ...noise.filter((n) => !/status of (4|5)\d\d/.test(n)));

await page.getByRole('link', { name: 'Log', exact: true }).click();
adit('up', 't', '--child', 'net');
await check('the log streams', () => page.locator('#log-lines li', { hasText: 'CHILD_SA net' }).first().waitFor());
await page.getByLabel('Filter').fill('established between');
await check('and is filtered', async () => await page.locator('#log-lines li').count() >= 1 && await page.locator('#log-lines li', { hasNotText: 'established between' }).count() === 0);
await page.getByLabel('Filter').fill('');
await page.screenshot({ path: SHOTS + '/log.png' });
await page.getByRole('link', { name: 'Algorithms' }).click();
await check('algorithms with their plugins', () => page.locator('#algorithms td', { hasText: 'AES_GCM_16' }).first().waitFor());
await page.screenshot({ path: SHOTS + '/algorithms.png' });
await page.getByRole('link', { name: 'Plugins' }).click();
await check('plugins', () => page.locator('#plugins h3', { hasText: 'kernel-user' }).waitFor());
await page.screenshot({ path: SHOTS + '/plugins.png' });
await page.keyboard.press('Shift+Tab');
await check('a click reloads nothing', async () => (await page.evaluate(() => performance.getEntriesByType('navigation').length)) === 1);
await page.reload();
await check('a reload keeps the view and the token', () => page.locator('#plugins h3').first().waitFor());

await page.setViewportSize({ width: 390, height: 800 });
await page.goto(url + '/#tunnels');
await conn.waitFor();
await page.screenshot({ path: SHOTS + '/phone.png' });
await check('a phone does not scroll sideways', async () => await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
await page.emulateMedia({ colorScheme: 'dark' });
await page.setViewportSize({ width: 1280, height: 800 });
await page.screenshot({ path: SHOTS + '/dark.png' });
await page.emulateMedia({ colorScheme: 'light' });
await page.goto(url + '/api.html');
await check('the API has a page for people', () => page.locator('summary', { hasText: '/api/v1/sas/{ike-id}' }).first().waitFor());
await page.locator('#get-sas > summary').click();
await page.screenshot({ path: SHOTS + '/api.png' });
await check('every button and field has a name', async () => {
	await page.goto(url + '/#tunnels');
	await conn.waitFor();
	return await page.evaluate(() => [...document.querySelectorAll('button, input, a')].every((e) =>
		e.textContent.trim() || e.getAttribute('aria-label') || (e.id && document.querySelector(`label[for="${e.id}"]`))));
});
await check('nothing was refused, nothing failed unseen', () => { if (noise.length) throw new Error(noise.join('\n')); });
await context.close();
process.exit(failed);
