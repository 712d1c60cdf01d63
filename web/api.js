/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the gateway, and its streams of events. The token stays in this tab. */
const KEY = 'adit-token';
const BASE = '/api/v1';

export class Problem extends Error {
	constructor(status, body) {
		super(body.detail || body.title || 'HTTP ' + status);
		this.status = status;
		this.code = body.code || '';
	}
}

export const token = {
	get: () => sessionStorage.getItem(KEY),
	set: (value) => sessionStorage.setItem(KEY, value),
	drop: () => sessionStorage.removeItem(KEY),
};

function headers(more) {
	return { Authorization: 'Bearer ' + token.get(), ...more };
}

export async function call(method, path, body) {
	let answer;
	try {
		answer = await fetch(BASE + path, {
			method, cache: 'no-store',
			headers: headers(body === undefined ? {} : { 'Content-Type': 'application/json' }),
			body: body === undefined ? undefined : JSON.stringify(body),
		});
	} catch {
		throw new Problem(0, { detail: 'the gateway does not answer' });
	}
	const text = await answer.text();
	let json = {};
	try {
		json = text ? JSON.parse(text) : {};
	} catch {
		/* what is no JSON is no answer of ours */
	}
	if (!answer.ok)
		throw new Problem(answer.status, json);
	return json;
}

/* Every page of a list, up to a number of items. */
export async function list(path, most = 1000) {
	const items = [];
	let after = '';
	do {
		const page = await call('GET', `${path}${path.includes('?') ? '&' : '?'}limit=500${after && '&after=' + encodeURIComponent(after)}`);
		items.push(...page.items);
		after = page.next || '';
	} while (after && items.length < most);
	return { items, more: after !== '' };
}

/* Blocks of a text/event-stream, as objects { id, event, data }. */
export class Parser {
	#rest = '';

	push(text) {
		const out = [];
		this.#rest += text;
		for (let at; (at = this.#rest.indexOf('\n\n')) >= 0; this.#rest = this.#rest.slice(at + 2)) {
			const e = { id: '', event: 'message', data: '' };
			for (const line of this.#rest.slice(0, at).split('\n')) {
				const colon = line.indexOf(':');
				const name = line.slice(0, colon < 0 ? undefined : colon);
				if (name in e)
					e[name] = line.slice(colon + 1).replace(/^ /, '');
			}
			out.push(e);
		}
		return out;
	}
}

/* Follows a stream for ever: on(event, data) for each event, state(true or false) when the connection comes or goes.
 * EventSource cannot send a token, and one in the address would stand in logs. Returns a function that ends it. */
export function follow(path, on, state) {
	const end = new AbortController();
	let last = '';
	(async () => {
		for (let wait = 500; !end.signal.aborted; wait = Math.min(wait * 2, 10000)) {
			try {
				const answer = await fetch(BASE + path, { headers: headers(last ? { 'Last-Event-ID': last } : {}), signal: end.signal, cache: 'no-store' });
				if (answer.status === 401)
					return state(false, new Problem(401, { detail: 'the token is not valid any more' }));
				if (answer.ok) {
					const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
					const parser = new Parser();
					wait = 500;
					state(true);
					for (;;) {
						const { value, done } = await reader.read();
						if (done)
							break;
						for (const e of parser.push(value)) {
							last = e.id || last;
							if (e.data)
								on(e.event, JSON.parse(e.data));
						}
					}
				}
			} catch {
				/* said below, and tried again */
			}
			if (!end.signal.aborted) {
				state(false);
				await new Promise((done) => setTimeout(done, wait));
			}
		}
	})();
	return () => end.abort();
}
