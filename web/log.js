/* SPDX-License-Identifier: Apache-2.0 */
/* The log as it is written: the last lines, a filter, a pause. */
import { follow } from './api.js';
import { $, el, fill } from './dom.js';

const KEEP = 2000;
let end = null, paused = false, lines = [];

function fits(line) {
	const want = $('log-filter').value.trim().toLowerCase();
	return !want || line.text.toLowerCase().includes(want);
}

function show(line) {
	const list = $('log-lines'), bottom = list.scrollHeight - list.scrollTop - list.clientHeight < 30;
	list.append(line.node);
	while (list.childElementCount > KEEP)
		list.firstElementChild.remove();
	if (bottom)
		list.scrollTop = list.scrollHeight;
}

function add(line) {
	lines.push(line);
	if (lines.length > KEEP)
		lines.splice(0, lines.length - KEEP);
	if (!paused && fits(line))
		show(line);
}

function take(event, d) {
	if (event === 'lost')
		add({ text: 'lost', node: el('li', { class: 'lost' }, `${d.events} lines were lost: this page reads too slowly`) });
	if (event !== 'log')
		return;
	const when = new Date(Number(d.time)), name = d['ikesa-name'] ? `${d['ikesa-name']}#${d['ikesa-uniqueid']}` : '';
	add({ text: `${d.subsystem} ${name} ${d.msg}`, node: el('li', { class: Number(d.level) === 0 ? 'audit' : null },
		el('time', { datetime: when.toISOString() }, when.toLocaleTimeString()), el('span', { class: 'sub' }, d.subsystem || d.group),
		name && el('span', { class: 'conn-name' }, name), d.msg) });
}

function redraw() {
	fill($('log-lines'), ...lines.filter(fits).map((l) => l.node));
	$('log-lines').scrollTop = $('log-lines').scrollHeight;
}

export function start() {
	end ??= follow('/logs', take, () => {});
}

export function stop() {
	end?.();
	end = null;
	lines = [];
	redraw();
}

$('log-filter').addEventListener('input', redraw);
$('log-clear').addEventListener('click', () => {
	lines = [];
	redraw();
});
$('log-pause').addEventListener('click', () => {
	paused = !paused;
	$('log-pause').setAttribute('aria-pressed', String(paused));
	$('log-pause').textContent = paused ? 'Go on' : 'Pause';
	if (!paused)
		redraw();
});
