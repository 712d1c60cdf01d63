/* SPDX-License-Identifier: Apache-2.0 */
/* Elements from data. Text is always text: nothing a peer calls itself can become markup. */
export const $ = (id) => document.getElementById(id);

/* el('td', { class: 'num' }, 'text', node, …); functions are listeners, false and null are left out. */
export function el(name, attributes, ...children) {
	const e = document.createElement(name);
	for (const [key, value] of Object.entries(attributes || {})) {
		if (typeof value === 'function')
			e.addEventListener(key, value);
		else if (value !== false && value !== null && value !== undefined)
			e.setAttribute(key, value === true ? '' : value);
	}
	e.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
	return e;
}

export function fill(parent, ...children) {
	parent.replaceChildren(...children.filter(Boolean));
}

export function toast(text, bad) {
	const t = el('div', { class: bad ? 'toast bad' : 'toast' }, text);
	$('toasts').append(t);
	setTimeout(() => t.remove(), bad ? 9000 : 4000);
}

export function bytes(n) {
	const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
	let i = 0;
	for (n = Number(n) || 0; n >= 1024 && i < units.length - 1; i++)
		n /= 1024;
	return (i ? n.toFixed(n < 10 ? 1 : 0) : n) + ' ' + units[i];
}

export function duration(s) {
	s = Math.max(0, Math.round(Number(s) || 0));
	if (s < 60)
		return s + ' s';
	if (s < 3600)
		return Math.floor(s / 60) + ' min';
	if (s < 86400)
		return Math.floor(s / 3600) + ' h ' + Math.floor(s % 3600 / 60) + ' min';
	return Math.floor(s / 86400) + ' d ' + Math.floor(s % 86400 / 3600) + ' h';
}
