/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI document for people. */
import { $, el, fill } from './dom.js';

function resolve(doc, x) {
	return x && x.$ref ? { ...x.$ref.slice(2).split('/').reduce((at, key) => at[key], doc), ...x, $ref: undefined } : x;
}

function kind(s) {
	if (s.enum)
		return s.enum.join(' | ');
	return s.type === 'array' ? `array of ${s.items?.$ref ? s.items.$ref.split('/').pop() : s.items?.type || 'any'}` : s.type || 'any';
}

function table(rows) {
	return rows.length > 0 && el('table', {}, el('tbody', {}, ...rows.map(([name, type, text]) =>
		el('tr', {}, el('td', { class: 'mono' }, name), el('td', { class: 'hint' }, type), el('td', {}, (text || '').replaceAll('`', ''))))));
}

function fields(doc, schema) {
	const s = resolve(doc, schema) || {};
	const rows = Object.entries(s.properties || {}).map(([name, f]) => [name + (s.required?.includes(name) ? ' *' : ''), kind(resolve(doc, f)), resolve(doc, f).description]);
	if (s.additionalProperties && typeof s.additionalProperties === 'object')
		rows.push(['…', kind(s.additionalProperties), s.additionalProperties.description]);
	return table(rows);
}

function operation(doc, path, verb, op) {
	const parameters = (op.parameters || []).map((p) => resolve(doc, p));
	const body = op.requestBody?.content?.['application/json']?.schema, ok = op.responses['200']?.content?.['application/json']?.schema;
	return el('details', { id: op.operationId }, el('summary', {}, el('span', { class: 'verb' }, verb.toUpperCase()), el('code', {}, path), ' ', el('span', { class: 'hint' }, op.summary)),
		...op.description.split('\n\n').map((t) => el('p', {}, t.replaceAll('`', ''))),
		parameters.length > 0 && el('p', {}, el('b', {}, 'Parameters')), table(parameters.map((p) => [p.name + (p.required ? ' *' : ''), p.in, p.description])),
		body && el('p', {}, el('b', {}, 'Body')), body && fields(doc, body),
		ok && el('p', {}, el('b', {}, 'Answer')), ok && fields(doc, ok),
		el('p', { class: 'hint' }, 'Status: ' + Object.keys(op.responses).join(', ')));
}

try {
	const doc = await (await fetch('/openapi.json')).json();
	$('about').textContent = doc.info.description.replaceAll('`', '') + ' Version ' + doc.info.version + '.';
	fill($('operations'), ...doc.tags.map((tag) => el('section', { class: 'card' }, el('h3', {}, tag.name), el('p', { class: 'hint' }, tag.description),
		...Object.entries(doc.paths).flatMap(([path, verbs]) => Object.entries(verbs).filter(([, op]) => op.tags.includes(tag.name))
			.map(([verb, op]) => operation(doc, path, verb, op))))));
	fill($('errors'), ...doc.components.schemas.problem.properties.code.enum.map((code) => el('li', { id: 'error-' + code }, code)));
	document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
} catch (e) {
	$('api-error').textContent = 'The document cannot be read: ' + e.message;
}
