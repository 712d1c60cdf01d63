/* SPDX-License-Identifier: Apache-2.0 */
/* What the figures did in the last ten minutes, since the page was opened: lines in SVG, made of the daemon's metrics. */
import { call } from './api.js';
import { $, bytes, el, fill } from './dom.js';

const EVERY_MS = 5000, LEAST_MS = 60000, KEPT_MS = 600000, WIDTH = 300, HEIGHT = 72;
const ok = (labels) => labels.result === 'OK';

/* A rate is per second, times `scale`; what goes back (aditd was restarted) or is missing is a gap. */
const CHARTS = [
	{ id: 'traffic', title: 'Traffic', rate: true, scale: 1, show: (n) => bytes(Math.round(n)) + '/s', lines: [
		{ name: 'received', family: 'adit_traffic_bytes', of: (l) => l.direction === 'in' },
		{ name: 'sent', family: 'adit_traffic_bytes', of: (l) => l.direction === 'out' }] },
	{ id: 'sas', title: 'Security associations', show: (n) => String(Math.round(n)), lines: [
		{ name: 'IKE SAs', family: 'adit_ike_sas', of: (l) => l.state === 'ESTABLISHED' },
		{ name: 'child SAs', family: 'adit_child_sas', of: (l) => l.state === 'INSTALLED' }] },
	{ id: 'setups', title: 'Set-ups a minute', rate: true, scale: 60, show: (n) => String(Math.round(n * 10) / 10), lines: [
		{ name: 'done', family: 'adit_ike_setups', of: ok },
		{ name: 'failed', family: 'adit_ike_setups', of: (l) => !ok(l) }] },
];
let samples = [], every = 0, asking = false;

/* { t, values: { 'traffic/received': n, … } } */
export function sample(t, families) {
	const values = {};
	for (const chart of CHARTS)
		for (const line of chart.lines) {
			const family = families.find((f) => f.name === line.family);
			if (family)
				values[`${chart.id}/${line.name}`] = family.samples.filter((s) => line.of(s.labels || {})).reduce((n, s) => n + Number(s.value), 0);
		}
	return { t, values };
}

/* [ { t, v } ], v null where nothing is known. */
export function points(chart, line, all) {
	const key = `${chart.id}/${line.name}`;
	if (!chart.rate)
		return all.map((s) => ({ t: s.t, v: s.values[key] ?? null }));
	return all.slice(1).map((s, i) => {
		const was = all[i].values[key], is = s.values[key], seconds = (s.t - all[i].t) / 1000;
		return { t: s.t, v: was === undefined || is === undefined || is < was || !(seconds > 0) ? null : (is - was) / seconds * chart.scale };
	});
}

function svg(name, attributes, ...children) {
	const e = document.createElementNS('http://www.w3.org/2000/svg', name);
	for (const [key, value] of Object.entries(attributes))
		e.setAttribute(key, value);
	e.append(...children);
	return e;
}

/* "M0 5 h0 L10 3 M30 4 h0 …": a gap begins anew, and one point alone is a dot. */
function path(all, now, top) {
	const span = Math.max(LEAST_MS, now - samples[0].t);
	let out = '', gap = true;
	for (const { t, v } of all) {
		if (v !== null)
			out += `${gap ? 'M' : 'L'}${(WIDTH - (now - t) / span * WIDTH).toFixed(1)} ${(HEIGHT - 2 - v / top * (HEIGHT - 8)).toFixed(1)} ${gap ? 'h0 ' : ''}`;
		gap = v === null;
	}
	return out;
}

function draw(chart, now) {
	const lines = chart.lines.map((l) => ({ name: l.name, all: points(chart, l, samples) }));
	const top = Math.max(1e-9, ...lines.flatMap((l) => l.all.map((p) => p.v ?? 0)));
	const last = (l) => l.all.length && l.all[l.all.length - 1].v !== null ? chart.show(l.all[l.all.length - 1].v) : '–';
	const words = lines.map((l) => `${l.name} ${last(l)}`).join(', ');
	return el('figure', { class: 'card chart', 'data-chart': chart.id },
		el('figcaption', {}, el('b', {}, chart.title), el('span', { class: 'hint' }, `at most ${top > 1e-9 ? chart.show(top) : chart.show(0)}`)),
		svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `${chart.title}: ${words}` },
			svg('line', { class: 'axis', x1: 0, y1: HEIGHT - 2, x2: WIDTH, y2: HEIGHT - 2 }),
			...lines.map((l, i) => svg('path', { class: `line l${i}`, d: path(l.all, now, top) }))),
		el('ul', { class: 'legend' }, ...lines.map((l, i) => el('li', { class: `l${i}` }, l.name + ' ', el('b', {}, last(l))))));
}

export async function look() {
	if (!every || asking || document.hidden || $('view-tunnels').hidden)
		return;
	asking = true;
	let taken = { t: Date.now(), values: {} };
	try {
		taken = sample(Date.now(), (await call('GET', '/metrics')).items);
	} catch {
		/* a gap; why is told elsewhere on the page */
	}
	asking = false;
	if (!every)
		return;
	samples.push(taken);
	samples = samples.filter((s) => taken.t - s.t <= KEPT_MS);
	fill($('charts'), ...CHARTS.map((c) => draw(c, taken.t)));
}

export function start() {
	clearInterval(every);
	every = setInterval(look, EVERY_MS);
	look();
}

export function stop() {
	clearInterval(every);
	every = 0;
	samples = [];
	fill($('charts'));
}
