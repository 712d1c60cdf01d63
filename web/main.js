/* SPDX-License-Identifier: Apache-2.0 */
/* The page: signing in, views by the part of the address behind #, and the stream of events that keeps them true. */
import { call, follow, token } from './api.js';
import { $ } from './dom.js';
import * as charts from './charts.js';
import * as lists from './lists.js';
import * as log from './log.js';
import * as tunnels from './tunnels.js';

const views = { tunnels: () => { tunnels.refresh(0); charts.look(); }, log: () => log.start(), algorithms: lists.algorithms, plugins: lists.plugins };
let end = null, role = '';

function live(on, text) {
	$('live').className = 'live ' + (on ? 'on' : 'off');
	$('live').textContent = text;
}

function show(name) {
	for (const s of document.querySelectorAll('main > section'))
		s.hidden = s.id !== 'view-' + name;
	for (const a of $('tabs').querySelectorAll('a')) {
		if (a.getAttribute('href') === '#' + name)
			a.setAttribute('aria-current', 'page');
		else
			a.removeAttribute('aria-current');
	}
}

async function route() {
	if (!role)
		return show('login');
	const name = location.hash.slice(1) in views ? location.hash.slice(1) : 'tunnels';
	document.title = `${name[0].toUpperCase()}${name.slice(1)} – Adit`;
	show(name);
	try {
		await views[name]();
	} catch (e) {
		live(false, e.message);
	}
}

function on(event, data) {
	if (event === 'gateway')
		live(data.up, data.up ? 'live' : 'aditd does not answer');
	tunnels.refresh();
}

function signOut(why) {
	end?.();
	end = null;
	role = '';
	token.drop();
	tunnels.stop();
	charts.stop();
	log.stop();
	$('tabs').hidden = $('who').hidden = true;
	$('live').className = 'live';
	$('live').textContent = '';
	$('login-error').textContent = why || '';
	show('login');
	$('token').focus();
}

async function signIn() {
	const who = await call('GET', '/whoami');
	role = who.role;
	$('who-name').textContent = `${who.name}, may ${who.role}`;
	$('tabs').hidden = $('who').hidden = false;
	end = follow('/events', on, (up, problem) => {
		if (problem)
			return signOut(problem.message);
		live(up, up ? 'live' : 'connection lost, trying again');
		if (up)
			tunnels.refresh(0);
	});
	tunnels.start(role);
	await route();
	charts.start();
}

$('login').addEventListener('submit', async (e) => {
	e.preventDefault();
	token.set($('token').value.trim());
	$('token').value = '';
	try {
		$('login-error').textContent = '';
		await signIn();
		$('main').focus();
	} catch (problem) {
		signOut(problem.status === 401 ? 'This token is not known: it was revoked, it is over, or it is mistyped.' : problem.message);
	}
});
$('logout').addEventListener('click', () => signOut());
window.addEventListener('hashchange', route);

if (token.get())
	signIn().catch((problem) => signOut(problem.message));
else
	show('login');
