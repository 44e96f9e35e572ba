// Drives running servers with the unmodified Node client `metorial`, which asks for 2025-01-01-pulsar, and with the
// calls of its packages that it keeps to itself (files, links, events, projects, environments).
//
// Usage: node metorial_node.mjs <dev-credentials.json> <impatient dev-credentials.json>, where `metorial` is
// installed. The second server is like the first, but its keys of development environments may send few requests
// in a few seconds. Prints each check; the exit code is 0 when all of them hold.

import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

import { MetorialFilesEndpoint, MetorialLinksEndpoint } from '@metorial/generated';
import {
  MetorialManagementOrganizationInstancesEndpoint,
  MetorialManagementOrganizationProjectsEndpoint,
  MetorialSessionsEventsEndpoint,
} from '@metorial/generated/src/mt_2025_01_01_dashboard';
import { isMetorialSDKError } from '@metorial/util-endpoint';
import { Metorial } from 'metorial';

const MADE_UP = 'ses_0abcdefgh0123456789ABC';
const NO_MORE = { hasMoreBefore: false, hasMoreAfter: false };
const TURNS = [
  { type: 'user_message', content: { text: 'The lighthouse keeper lights the lamp at dusk' } },
  { type: 'assistant_message', content: 'Noted: the lamp is lit at dusk' },
  { type: 'tool_message', content: 'lamp: lit' },
];
// A client that is told to wait does so for three seconds more; nobody here waits longer.
const WAIT_MAX_MS = 15_000;

let passed = 0;

function check(what, holds, found) {
  if (!holds) throw new Error(`${what}; found ${JSON.stringify(found)}`);
  passed += 1;
  console.log(`  ok: ${what}`);
}

function same(what, found, wanted) {
  check(what, isDeepStrictEqual(found, wanted), found);
}

const ids = page => page.items.map(item => item.id);
const isTime = value => value instanceof Date && !Number.isNaN(value.getTime());

// What was asked of the network and answered, since the last time it was looked at.
class Recorded {
  exchanges = [];

  fetch = async (url, init) => {
    const response = await fetch(url, init);
    const { status, headers } = response;
    this.exchanges.push({ method: init.method, url, sent: init.headers, status, headers });
    return response;
  };

  take() {
    return this.exchanges.splice(0);
  }
}

// A client made of nothing but a host and a key, which is watched.
function connected(server, apiKey) {
  const recorded = new Recorded();
  const client = new Metorial({ apiKey, apiHost: server, fetch: recorded.fetch });
  return { client, recorded };
}

// What the client's own calls are made through, for those it has none for.
const manager = client => client.sessions._manager;

async function ask(server, key, method, path, body) {
  const headers = { Authorization: `Bearer ${key}` };
  if (typeof body === 'string') headers['Content-Type'] = 'application/json';
  const response = await fetch(server + path, { method, headers, body });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path} was refused; found ${JSON.stringify(answer)}`);
  return answer;
}

// The error that `call` must end in.
async function refused(what, call, { status, code, entity }, recorded) {
  recorded.take();
  let answer;
  try {
    answer = await call();
  } catch (error) {
    check(`${what} is an error of the client's`, isMetorialSDKError(error), String(error));
    same(
      'of its status',
      recorded.take().map(exchange => exchange.status),
      [status],
    );
    same('with its code', [error.response.status, error.code], [status, code]);
    same('and what it is about', error.entity, entity);
    check('and a message', error.message.length > 0, error.message);
    const { object, ok } = error.response;
    same('from the top of an error object', { object, ok }, { object: 'error', ok: false });
    return error;
  }
  throw new Error(`${what} is to be refused; found ${JSON.stringify(answer)}`);
}

async function walk(read, query) {
  const found = [];
  for (let after; ; after = found.at(-1)) {
    const page = await read({ ...query, after });
    found.push(...ids(page));
    if (!page.pagination.hasMoreAfter) return found;
  }
}

// A project, with an environment and its keys, made as the client's packages make them.
async function newEnvironment(server, management, type) {
  const { client } = connected(server, management);
  const projects = new MetorialManagementOrganizationProjectsEndpoint(manager(client));
  const instances = new MetorialManagementOrganizationInstancesEndpoint(manager(client));
  const project = await projects.create({ name: 'Clients' });
  check('a project is made', project.object === 'organization.project' && isTime(project.createdAt), project);
  const made = await instances.create({ name: type, type, projectId: project.id });
  same('an environment is made in it', [made.type, made.project.id], [type, project.id]);
  const renamed = await instances.update(made.id, { name: 'Node' });
  same('and renamed', [renamed.id, renamed.name], [made.id, 'Node']);
  const listed = await walk(query => instances.list(query), { limit: 100 });
  check('and listed', listed.includes(made.id), listed);
  const key = async kind => {
    const body = { type: `instance_access_token_${kind}`, instance_id: made.id, name: kind };
    return (await ask(server, management, 'POST', '/organization/api-keys', JSON.stringify(body))).secret;
  };
  const [secret, publishable] = [await key('secret'), await key('publishable')];
  return { server, id: made.id, type, project: project.id, secret, publishable };
}

async function checkInstance({ server, secret, id, type, project }) {
  console.log('the environment');
  const { client, recorded } = connected(server, secret);
  const instance = await client.instance.get();
  same("it is the key's", [instance.id, instance.type, instance.project.id], [id, type, project]);
  const texts = ['object', 'id', 'status', 'slug', 'name', 'type', 'organizationId'];
  check(
    'with all that the client reads',
    texts.every(name => typeof instance[name] === 'string'),
    instance,
  );
  check(
    'times included',
    [instance, instance.project].every(it => isTime(it.createdAt) && isTime(it.updatedAt)),
    instance,
  );
  const [exchange] = recorded.take();
  same('the client asks for its version', exchange.sent.get('Metorial-Version'), '2025-01-01-pulsar');
  same('and is told its canonical name', exchange.headers.get('metorial-version'), '2025-01-01');
  const requestId = exchange.headers.get('metorial-req-id');
  check('the answer has a request id', /^req_[0-9A-Za-z]+$/.test(requestId), requestId);
  same('twice', exchange.headers.get('X-Request-ID'), requestId);
}

async function checkSessions({ server, secret }) {
  console.log('sessions');
  const { client, recorded } = connected(server, secret);
  const { sessions } = client;
  const empty = await sessions.list();
  same('there is none at first', [empty.items, empty.pagination], [[], NO_MORE]);
  const made = await sessions.create({ serverDeployments: [], metadata: { tower: { steps: 199 } } });
  const known = { object: 'session', status: 'active', connectionStatus: 'disconnected', clientSecret: null };
  check(
    'one is made',
    Object.entries(known).every(([name, value]) => made[name] === value),
    made,
  );
  same('without deployments', made.serverDeployments, []);
  same('with its metadata', made.metadata, { tower: { steps: 199 } });
  const usage = {
    totalProductiveMessageCount: 0,
    totalProductiveClientMessageCount: 0,
    totalProductiveServerMessageCount: 0,
  };
  same('without messages', made.usage, usage);
  check('just now', isTime(made.createdAt) && Math.abs(Date.now() - made.createdAt) < 60_000, made.createdAt);
  same('it is read as it was made', await sessions.get(made.id), made);

  const all = [made.id];
  while (all.length < 25) all.push((await sessions.create({ serverDeployments: [] })).id);
  const first = await sessions.list();
  same('a page has the oldest 20', ids(first), all.slice(0, 20));
  same('and more follow', first.pagination, { hasMoreBefore: false, hasMoreAfter: true });
  const last = await sessions.list({ after: all[19], before: null });
  same('the rest comes after it', ids(last), all.slice(20));
  same('which has more before', last.pagination, { hasMoreBefore: true, hasMoreAfter: false });
  const middle = await sessions.list({ before: all[20], limit: 5 });
  same('a page before is the adjacent one', ids(middle), all.slice(15, 20));
  const newest = await sessions.list({ order: 'desc', limit: 3 });
  same('the other order begins with the newest', ids(newest), all.slice(-3).reverse());
  recorded.take();
  const both = await sessions.list({ status: ['active', 'deleted'], limit: 100 });
  const [{ url }] = recorded.take();
  check(
    'several values are sent with numbers',
    decodeURIComponent(url).includes('status[0]=active&status[1]=deleted'),
    url,
  );
  same('and all of them are meant', ids(both), all);
  const single = await sessions.list({ status: ['active'], limit: 1 });
  same('as is a single one', ids(single), all.slice(0, 1));
  const since = (await sessions.get(all[23])).updatedAt;
  const later = await sessions.list({ created_at: { gt: since }, limit: 100 });
  check('a time is a strict bound', !ids(later).includes(all[23]), ids(later));
  check(
    'for what came later',
    later.items.every(item => item.createdAt > since),
    later,
  );
  for (const limit of [1, 7, 25]) {
    same(`pages of ${limit} visit each once`, await walk(query => sessions.list(query), { limit }), all);
  }
  const reverse = await walk(query => sessions.list(query), { limit: 9, order: 'desc' });
  same('in either order', reverse, [...all].reverse());

  const gone = await sessions.delete(all[4]);
  same('a session is deleted', [gone.id, gone.status], [all[4], 'deleted']);
  same(
    'its id is still a place in the list',
    ids(await sessions.list({ after: all[4], limit: 2 })),
    all.slice(5, 7),
  );
  const missing = { status: 404, code: 'not_found', entity: 'session' };
  await refused('a deleted session', () => sessions.get(all[4]), missing, recorded);
  await refused('deleting it again', () => sessions.delete(all[4]), missing, recorded);
}

async function checkMessages({ server, secret }) {
  console.log('messages and events');
  const { client, recorded } = connected(server, secret);
  const session = (await client.sessions.create({ serverDeployments: [] })).id;
  same('a session begins without messages', (await client.sessions.messages.list(session)).items, []);
  const said = [];
  for (const turn of TURNS) {
    said.push((await ask(server, secret, 'POST', `/sessions/${session}/messages`, JSON.stringify(turn))).id);
  }
  const page = await client.sessions.messages.list(session, { limit: 100 });
  same('its messages come in order', [ids(page), page.pagination], [said, NO_MORE]);
  same(
    'of the types they were given',
    page.items.map(it => it.type),
    TURNS.map(it => it.type),
  );
  same(
    'by whom',
    page.items.map(it => it.sender.type),
    ['user', 'assistant', 'tool'],
  );
  same(
    'with their texts',
    page.items.map(it => it.content.text),
    TURNS.map(it => it.content.text ?? it.content),
  );
  check('all with what the client reads', page.items.every(isMessage), page.items);
  same(
    'pages of one visit each once',
    await walk(query => client.sessions.messages.list(session, query), { limit: 1 }),
    said,
  );
  same('a message is read', await client.sessions.messages.get(session, said[1]), page.items[1]);
  const { usage } = await client.sessions.get(session);
  const counted = [
    usage.totalProductiveMessageCount,
    usage.totalProductiveClientMessageCount,
    usage.totalProductiveServerMessageCount,
  ];
  same('they are counted', counted, [3, 2, 1]);

  const events = new MetorialSessionsEventsEndpoint(manager(client));
  const found = await events.list(session, { limit: 100 });
  const kinds = found.items.map(it => it.type);
  same("the session's making is its first event", kinds[0], 'session_created');
  for (const kind of ['message_created', 'message_processed']) {
    same(`each message is a ${kind}`, kinds.filter(it => it === kind).length, TURNS.length);
  }
  const { serverRun, serverRunError, logLines, createdAt } = found.items[1];
  same('without what a gateway has', [serverRun, serverRunError, logLines], [null, null, []]);
  check('at its time', isTime(createdAt), found.items[1]);
  same('an event is read', await events.get(session, found.items[1].id), found.items[1]);
  same('pages visit each once', await walk(query => events.list(session, query), { limit: 2 }), ids(found));

  await client.sessions.delete(session);
  const missing = { status: 404, code: 'not_found', entity: 'session' };
  await refused('a deleted session', () => client.sessions.messages.list(session), missing, recorded);
}

const isMessage = it =>
  it.object === 'session.message' &&
  it.sender.object === 'session.message.sender' &&
  it.mcpMessage === null &&
  it.serverSessionId === null &&
  isTime(it.createdAt);

async function checkFiles({ server, secret }) {
  console.log('files');
  const { client, recorded } = connected(server, secret);
  const files = new MetorialFilesEndpoint(manager(client));
  const links = new MetorialLinksEndpoint(manager(client));
  const content = readFileSync(new URL(import.meta.url));
  // The client has no call for it.
  const form = new FormData();
  form.append('purpose', 'attachment');
  form.append('file', new Blob([content], { type: 'text/javascript' }), 'client.mjs');
  const { id } = await ask(server, secret, 'POST', '/files', form);
  const page = await files.list({ purpose: 'attachment' });
  same('an uploaded file is listed', [ids(page), page.pagination], [[id], NO_MORE]);
  const file = await files.get(id);
  const told = [file.fileName, file.fileSize, file.fileType, file.title, file.status];
  same('and described', told, ['client.mjs', content.length, 'text/javascript', null, 'active']);
  same('by its purpose', file.purpose.identifier, 'attachment');
  check('which has a name', file.purpose.name.length > 0, file.purpose);
  same('a title is given later', (await files.update(id, { title: 'A client' })).title, 'A client');

  const link = await links.create(id, {});
  same('a link is made', [link.object, link.fileId, link.expiresAt], ['file.file_link', id, null]);
  const opened = await fetch(link.url);
  check(
    'it opens the file without a key',
    Buffer.from(await opened.arrayBuffer()).equals(content),
    opened.status,
  );
  const soon = new Date(Date.now() + 3_600_000);
  same('it expires when told to', (await links.update(id, link.id, { expiresAt: soon })).expiresAt, soon);
  same('it is read', (await links.get(id, link.id)).expiresAt, soon);
  same('it is listed', ids(await links.list(id)), [link.id]);
  same('it is deleted', (await links.delete(id, link.id)).id, link.id);
  same('and opens nothing any more', (await fetch(link.url)).status, 404);

  const gone = await files.delete(id);
  same('a file is deleted', [gone.id, gone.status], [id, 'deleted']);
  await refused(
    'a deleted file',
    () => files.get(id),
    { status: 404, code: 'not_found', entity: 'file' },
    recorded,
  );
}

async function checkRefusals({ server, secret, publishable }) {
  console.log('refusals');
  const stranger = connected(server, `${secret.slice(0, -8)}00000000`);
  const unknown = await refused(
    'an unknown key',
    () => stranger.client.sessions.list(),
    { status: 401, code: 'unauthorized' },
    stranger.recorded,
  );
  check('with a hint', unknown.hint.length > 0, unknown.response);
  const page = connected(server, publishable);
  for (const call of [
    () => page.client.sessions.list(),
    () => page.client.sessions.create({ serverDeployments: [] }),
  ]) {
    await refused(
      'what a publishable key may not do',
      call,
      { status: 403, code: 'forbidden' },
      page.recorded,
    );
  }
  const { client, recorded } = connected(server, secret);
  const { sessions } = client;
  for (const limit of [0, 101, -1, 2.5, 'abc']) {
    const wanted = { status: 422, code: 'invalid_data', entity: 'query' };
    const error = await refused(`a limit of ${limit}`, () => sessions.list({ limit }), wanted, recorded);
    same(
      'with the field',
      error.validationErrors.map(it => it.path),
      [['limit']],
    );
  }
  const wanted = { status: 422, code: 'invalid_data', entity: 'body' };
  const call = () => sessions.create({ serverDeployments: ['svd_1'] });
  const error = await refused('what runs elsewhere', call, wanted, recorded);
  same('with the field', error.validationErrors[0].path[0], 'server_deployments');
  for (const query of [{ after: MADE_UP }, { after: MADE_UP, before: MADE_UP }, { cursor: 'cur_1' }]) {
    const wanted = { status: 400, code: 'bad_request' };
    const error = await refused(
      `a cursor like ${JSON.stringify(query)}`,
      () => sessions.list(query),
      wanted,
      recorded,
    );
    same('by its reason', error.reason, 'invalid_cursor');
  }
  const endpoint = { status: 404, code: 'not_found', entity: 'endpoint' };
  await refused('what a gateway has', () => client.servers.deployments.list(), endpoint, recorded);
  await refused('its connections', () => sessions.connections.list(MADE_UP), endpoint, recorded);
}

async function checkPatience({ server, secret }) {
  console.log('a rate limit');
  const { client, recorded } = connected(server, secret);
  const began = Date.now();
  // A client that is told to wait for long does.
  const alarm = setTimeout(() => {
    throw new Error(`a client still waits after ${WAIT_MAX_MS} ms`);
  }, WAIT_MAX_MS);
  let answers = 0;
  while (!recorded.exchanges.some(exchange => exchange.status === 429)) {
    await client.instance.get();
    answers += 1;
    check('a call is answered', answers < 100, answers);
  }
  clearTimeout(alarm);
  const told = recorded.exchanges.filter(exchange => exchange.status === 429);
  same('the client waited and was then answered', [told.length, recorded.exchanges.at(-1).status], [1, 200]);
  const waited = Number(told[0].headers.get('Retry-After'));
  check('for as long as it was told', waited >= 1 && waited * 1000 <= Date.now() - began, waited);
}

async function main() {
  const [credentials, impatient] = process.argv.slice(2).map(path => JSON.parse(readFileSync(path, 'utf8')));
  const server = credentials.base_url;
  const environment = await newEnvironment(server, credentials.metorial.management_key, 'production');
  await checkInstance(environment);
  await checkSessions(environment);
  await checkMessages(environment);
  await checkFiles(environment);
  await checkRefusals(environment);
  await checkPatience(
    await newEnvironment(impatient.base_url, impatient.metorial.management_key, 'development'),
  );
  console.log(`${passed} checks passed`);
}

await main();
