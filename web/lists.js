/* SPDX-License-Identifier: Apache-2.0 */
/* Algorithms and plugins. */
import { call } from './api.js';
import { $, el, fill } from './dom.js';

const TITLES = { encryption: 'Encryption', aead: 'Authenticated encryption', integrity: 'Integrity', prf: 'Pseudo-random functions',
	dh: 'Key exchange', hasher: 'Hashes', rng: 'Random numbers' };

export async function algorithms() {
	const all = await call('GET', '/algorithms');
	fill($('algorithms'), ...Object.entries(all).filter(([, v]) => v && typeof v === 'object' && Object.keys(v).length).map(([kind, v]) =>
		el('article', { class: 'card' }, el('h3', {}, TITLES[kind] || kind), el('table', {},
			el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Algorithm'), el('th', { scope: 'col' }, 'Plugin'))),
			el('tbody', {}, ...Object.entries(v).map(([name, by]) => el('tr', {}, el('td', { class: 'mono' }, name),
				el('td', {}, typeof by === 'string' ? by : JSON.stringify(by)))))))));
}

export async function plugins() {
	const { plugins: all } = await call('GET', '/plugins');
	fill($('plugins'), ...all.map((p) => el('article', { class: 'card conn' },
		el('header', {}, el('h3', {}, p.name), el('span', { class: 'state ' + (p.state === 'active' ? 'up' : p.state === 'refused' ? 'down' : 'busy') }, p.state),
			el('span', { class: 'peer' }, p.summary || ''), el('span', { class: 'hint' }, p.version || '')),
		p.why && el('p', { class: 'error' }, p.why),
		el('ul', { class: 'chips' }, ...(p.features || []).map((f) => el('li', { class: f.includes('(best') ? 'best' : f.includes('(left out') ? 'out' : null,
			title: f }, f.replace(/ \(.*\)$/s, '')))))));
}
