// A real OpenID provider (npm oidc-provider) on loopback, for run_oidc.sh: anybody signs in under
// any name. Its tokens can be made wrong on their way out, as attack 41 has them.
//
//   node oidc_provider.mjs NODE_MODULES REDIRECT_URI PORT
//
// PORT 0 picks one. Prints {"port":N}. POST /test/rotate makes a new key, /test/forge?kind=KIND
// makes the next id token wrong (a name of `forgeries`, or empty: right), GET /test/asked says how
// often what tokens point to was fetched.
import crypto from 'node:crypto';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, redirectUri, wantedPort] = process.argv.slice(2);
const { default: Provider } = await import(
    pathToFileURL(path.join(modules, 'oidc-provider/lib/index.js')).href);

let provider, signingKey, issuer, keyNumber = 0, kind = '', asked = 0;

const encode = (object) => Buffer.from(JSON.stringify(object)).toString('base64url');
const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());

function sign(header, claims, key = signingKey) {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${crypto.sign('sha256', Buffer.from(text), key).toString('base64url')}`;
}

const other = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const publicOf = (key) => crypto.createPublicKey(key).export({ type: 'spki', format: 'pem' });
const now = () => Math.floor(Date.now() / 1000);

// From the parts of a right token to a wrong one.
const forgeries = {
  none: (header, claims) => `${encode({ alg: 'none' })}.${encode(claims)}.`,
  hs256: (header, claims) => {
    const text = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`;
    const mac = crypto.createHmac('sha256', publicOf(signingKey)).update(text);
    return `${text}.${mac.digest('base64url')}`;
  },
  other_key: (header, claims) => sign(header, claims, other),
  kid_path: (header, claims) => sign({ ...header, kid: '../../../../dev/null' }, claims, other),
  kid_sql: (header, claims) => sign({ ...header, kid: "' OR 1=1 --" }, claims, other),
  jku: (header, claims) => sign({ ...header, jku: `${issuer}/test/jwks` }, claims, other),
  x5u: (header, claims) => sign({ ...header, x5u: `${issuer}/test/jwks` }, claims, other),
  jwk: (header, claims) => sign({
    ...header, jwk: crypto.createPublicKey(other).export({ format: 'jwk' }),
  }, claims, other),
  signed_jku: (header, claims) => sign({ ...header, jku: `${issuer}/test/jwks` }, claims),
  issuer: (header, claims) => sign(header, { ...claims, iss: 'https://elsewhere.example' }),
  audience: (header, claims) => sign(header, { ...claims, aud: 'another' }),
  party: (header, claims) => sign(header, { ...claims, azp: 'another' }),
  nonce: (header, claims) => sign(header, { ...claims, nonce: 'of-another-sign-in' }),
  no_nonce: (header, claims) => sign(header, { ...claims, nonce: undefined }),
  expired: (header, claims) => sign(header, { ...claims, exp: now() - 3600 }),
  not_yet: (header, claims) => sign(header, { ...claims, nbf: now() + 3600 }),
  long: (header, claims) => sign(header, { ...claims, pad: 'x'.repeat(64 << 10) }),
  padded: (header, claims) => `${sign(header, claims)}=`,
  spelling: (header, claims) => {
    // 256 bytes leave 4 bits of the last character free: another character, the same bytes.
    const token = sign(header, claims);
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    return token.slice(0, -1) + letters[letters.indexOf(token.at(-1)) | 1];
  },
  two_parts: (header, claims) => sign(header, claims).split('.').slice(0, 2).join('.'),
  absent: () => undefined,
};

function makeProvider() {
  const pair = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  signingKey = pair.privateKey;
  keyNumber += 1;
  provider = new Provider(issuer, {
    clients: [{
      client_id: 'rebound', client_secret: 'a secret: with + and %', redirect_uris: [redirectUri],
    }],
    jwks: { keys: [{
      ...signingKey.export({ format: 'jwk' }), kid: `key-${keyNumber}`, use: 'sig', alg: 'RS256',
    }] },
    claims: {
      openid: ['sub'], profile: ['preferred_username'], email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: false,
    cookies: { keys: ['only for tests'] },
    findAccount: (context, id) => ({
      accountId: id,
      claims: () => ({
        sub: id, preferred_username: id, email: id, email_verified: !id.startsWith('unverified'),
      }),
    }),
  });
  provider.use(async (context, next) => {
    await next();
    if (context.path !== '/token' || !kind || !context.body?.id_token) return;
    const [header, claims] = context.body.id_token.split('.');
    context.body.id_token = forgeries[kind](decode(header), decode(claims));
  });
}

const server = http.createServer((request, response) => {
  const url = new URL(request.url, issuer);
  const reply = (body) => response.end(JSON.stringify(body));
  if (url.pathname === '/test/jwks') {
    asked += 1;
    return reply({ keys: [crypto.createPublicKey(other).export({ format: 'jwk' })] });
  }
  if (url.pathname === '/test/asked') return reply({ asked });
  if (url.pathname === '/test/kinds') return reply(Object.keys(forgeries));
  if (url.pathname === '/test/forge') {
    kind = url.searchParams.get('kind');
    return reply({});
  }
  if (url.pathname === '/test/rotate') {
    makeProvider();
    return reply({});
  }
  return provider.callback()(request, response);
});
server.listen(Number(wantedPort), '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  makeProvider();
  console.log(JSON.stringify({ port: server.address().port }));
});
