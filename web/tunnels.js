/* SPDX-License-Identifier: Apache-2.0 */
/* Connections with their SAs: read once, then again when an event says that something changed; counters now and then. */
import { call, list } from './api.js';
import { $, bytes, duration, el, fill, toast } from './dom.js';

const COUNTERS_MS = 5000, GATHER_MS = 150, PRESS_MS = 3000, SHOWN = 200;
const UP = new Set(['ESTABLISHED', 'INSTALLED']);
const DOWN = new Set(['DELETING', 'DELETED', 'DESTROYING', 'REKEYED']);
let may = false, timer = 0, running = false, again = false, every = 0;
const busy = new Set();

function badge(state) {
	return el('span', { class: 'state ' + (UP.has(state) ? 'up' : DOWN.has(state) || state === 'DOWN' ? 'down' : 'busy') }, state);
}

async function act(key, words, path, body) {
	busy.add(key);
	refresh(0);
	try {
		await call('POST', path, body);
		toast(words);
	} catch (e) {
		toast(e.message, true);
	} finally {
		busy.delete(key);
		refresh(0);
	}
}

function button(key, text, label, run, quiet = true) {
	return el('button', { type: 'button', class: quiet ? 'quiet' : null, 'aria-label': label, disabled: busy.has(key), click: run }, text);
}

const at = (conn, child) => `/connections/${encodeURIComponent(conn)}` + (child === undefined ? '' : `/children/${encodeURIComponent(child)}`);

function childRow(conn, child, sa) {
	const key = `${conn}/${child.name}/${sa ? sa.uniqueid : ''}`, name = `${conn}/${child.name}`;
	const acts = may && el('div', { class: 'acts' },
		!sa && button(key, 'Up', `Bring up ${name}`, () => act(key, `${name} is up`, at(conn, child.name) + '/up', {})),
		sa && button(key, 'Rekey', `Rekey ${name}`, () => act(key, `${name} is rekeyed`, at(conn, child.name) + '/rekey')),
		sa && button(key, 'Down', `Take down ${name}`, () => act(key, `${name} is down`, at(conn, child.name) + '/down', {})));
	const lts = (sa || child)['local-ts'] || [], rts = (sa || child)['remote-ts'] || [];
	return el('tr', {},
		el('td', {}, child.name, sa ? el('span', { class: 'hint' }, ` #${sa.uniqueid}`) : null),
		el('td', {}, badge(sa ? sa.state : 'DOWN')),
		el('td', { class: 'mono' }, `${lts.join(' ')} ⇄ ${rts.join(' ')}`),
		el('td', { class: 'mono' }, sa ? [sa['encr-alg'], sa['encr-keysize'], sa['integ-alg']].filter(Boolean).join(' ') : '–'),
		el('td', { class: 'num' }, sa ? `${bytes(sa['bytes-in'])} / ${sa['packets-in'] || 0}` : '–'),
		el('td', { class: 'num' }, sa ? `${bytes(sa['bytes-out'])} / ${sa['packets-out'] || 0}` : '–'),
		el('td', { class: 'num' }, sa && sa['rekey-time'] ? duration(sa['rekey-time']) : '–'),
		may && el('td', {}, acts));
}

function facts(sa) {
	const fact = (name, value) => value && el('span', {}, name + ' ', el('b', {}, value));
	return el('p', { class: 'facts' },
		fact('IKE SA', `#${sa.uniqueid} ${sa.initiator ? 'initiator' : 'responder'}`),
		fact('local', `${sa['local-id']} (${sa['local-host']})`), fact('remote', `${sa['remote-id']} (${sa['remote-host']})`),
		fact('algorithms', [sa['encr-alg'], sa['encr-keysize'], sa['prf-alg'], sa['dh-group'], sa.ake1].filter(Boolean).join(' ')),
		fact('up for', sa.established !== undefined && duration(sa.established)), fact('rekey in', sa['rekey-time'] && duration(sa['rekey-time'])),
		sa['nat-any'] ? fact('NAT', 'yes') : null);
}

function rows(conn, sas) {
	const out = [];
	for (const child of conn.children || []) {
		const its = sas.flatMap((s) => s['child-sas'] || []).filter((c) => c.name === child.name && !DOWN.has(c.state));
		out.push(...(its.length ? its.map((c) => childRow(conn.name, child, c)) : [childRow(conn.name, child, null)]));
	}
	return out;
}

function card(conn, sas) {
	const live = sas.filter((s) => !DOWN.has(s.state)), up = live.some((s) => UP.has(s.state));
	const peer = (conn.remote_addrs || []).join(', ');
	return el('article', { class: 'card conn', 'data-conn': conn.name, 'aria-label': `Connection ${conn.name}` },
		el('header', {}, el('h3', {}, conn.name), badge(up ? 'ESTABLISHED' : live.length ? live[0].state : 'DOWN'),
			el('span', { class: 'peer' }, peer),
			may && el('div', { class: 'acts' },
				up ? null : button(conn.name, 'Up', `Bring up ${conn.name}`, () => act(conn.name, `${conn.name} is up`, at(conn.name) + '/up', {}), false),
				up && button(conn.name, 'Rekey', `Rekey ${conn.name}`, () => act(conn.name, `${conn.name} is rekeyed`, at(conn.name) + '/rekey', {})),
				live.length > 0 && button(conn.name, 'Down', `Take down ${conn.name}`, () => act(conn.name, `${conn.name} is down`, at(conn.name) + '/down', {})))),
		...live.map(facts),
		el('div', { class: 'scroll' }, el('table', {},
			el('thead', {}, el('tr', {}, ...['Child', 'State', 'Traffic selectors', 'Algorithms'].map((t) => el('th', { scope: 'col' }, t)),
				...['In', 'Out', 'Rekey in'].map((t) => el('th', { scope: 'col', class: 'num' }, t)),
				may && el('th', { scope: 'col' }, el('span', { class: 'hint' }, '')))),
			el('tbody', {}, ...rows(conn, sas)))));
}

function figures(conns, sas) {
	const up = new Set(sas.filter((s) => UP.has(s.state)).map((s) => s.name)), children = sas.flatMap((s) => s['child-sas'] || []);
	const sum = (key) => children.reduce((n, c) => n + Number(c[key] || 0), 0);
	const show = { Connections: conns.length, Up: conns.filter((c) => up.has(c.name)).length, 'IKE SAs': sas.length,
		'Child SAs': children.filter((c) => c.state === 'INSTALLED').length, Received: bytes(sum('bytes-in')), Sent: bytes(sum('bytes-out')) };
	fill($('figures'), ...Object.entries(show).map(([k, v]) => el('div', {}, el('dt', {}, k), el('dd', {}, String(v)))));
}

/* A button that is pressed stays where it is until it is let go, at most for some seconds: else the click would be nobody's. */
let pressed = Promise.resolve(), letGo = () => {};
document.addEventListener('pointerdown', () => { pressed = new Promise((done) => { letGo = done; setTimeout(done, PRESS_MS); }); }, true);
for (const end of ['pointerup', 'pointercancel'])
	document.addEventListener(end, () => setTimeout(letGo), true);

/* The button that had the focus has it again in the new table. */
function keepFocus(draw) {
	const label = document.activeElement?.getAttribute?.('aria-label');
	draw();
	if (label && document.activeElement === document.body)
		[...document.querySelectorAll('#connections button')].find((b) => b.getAttribute('aria-label') === label)?.focus();
}

async function load() {
	const [conns, sas] = await Promise.all([list('/connections'), list('/sas', 5000)]);
	const by = new Map();
	for (const s of sas.items)
		by.set(s.name, [...(by.get(s.name) || []), s]);
	/* SAs of connections that were removed meanwhile, or that have no name yet. */
	const known = new Set(conns.items.map((c) => c.name));
	const all = [...conns.items, ...[...by.keys()].filter((n) => !known.has(n)).map((name) => ({ name, children: [...new Set(by.get(name)
		.flatMap((s) => s['child-sas'] || []).map((c) => c.name))].map((child) => ({ name: child })) }))];
	/* What is up or coming first: that is what somebody looks for among many. */
	all.sort((a, b) => by.has(b.name) - by.has(a.name) || a.name.localeCompare(b.name));
	await pressed;
	keepFocus(() => {
		figures(conns.items, sas.items);
		fill($('connections'), ...all.slice(0, SHOWN).map((c) => card(c, by.get(c.name) || [])));
		if (!all.length)
			fill($('connections'), el('p', { class: 'card hint' }, 'No connection is configured yet: adit load FILE, or PUT /api/v1/connections/NAME.'));
	});
	$('more').hidden = all.length <= SHOWN && !conns.more;
	$('more').textContent = `${SHOWN} connections are shown; adit list conns and the API have all of them.`;
	$('tunnels-error').textContent = '';
}

/* Many events at once are one look. */
export function refresh(after = GATHER_MS) {
	clearTimeout(timer);
	timer = setTimeout(async () => {
		if (running) {
			again = true;
			return;
		}
		running = true;
		try {
			await load();
		} catch (e) {
			$('tunnels-error').textContent = e.message;
		}
		running = false;
		if (again) {
			again = false;
			refresh();
		}
	}, after);
}

export function start(role) {
	may = role !== 'read';
	refresh(0);
	clearInterval(every);
	every = setInterval(() => document.hidden || $('view-tunnels').hidden || refresh(0), COUNTERS_MS);
}

export function stop() {
	clearInterval(every);
	clearTimeout(timer);
	fill($('connections'));
	fill($('figures'));
}
