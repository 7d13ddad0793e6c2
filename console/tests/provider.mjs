// Signing in at a provider of one's own, by hand: `node tests/provider.mjs URL PORT`, with a waihu at URL that takes
// http://127.0.0.1:PORT for its provider and knows a person `ops`, and none called `stranger`.
import { createRequire } from 'node:module';
import { check, open, pageOf, shoot } from './browser.mjs';

const [url, port] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const here = createRequire(new URL('../../.tools/provider/', import.meta.url));
const { default: Provider } = await import(here.resolve('oidc-provider'));

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'waihu',
    client_secret: process.env.WAIHU_CLIENT_SECRET,
    redirect_uris: [`${url}/v1/session/provider/callback`],
    response_types: ['code'],
    grant_types: ['authorization_code'],
  }],
  pkce: { required: () => true, methods: ['S256'] },
  claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email'] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id }) }),
});
const server = provider.listen(Number(port), '127.0.0.1');

const browser = await open();
/** Signs in at the provider by its own pages; the page that it ends at. */
const enter = async (login) => {
  const page = await pageOf(browser, url, true);
  await page.goto('/');
  await page.getByRole('link', { name: '统一身份登录' }).click();
  await page.waitForURL(`${issuer}/**`);
  await page.locator('input[name=login]').fill(login);
  await page.locator('input[name=password]').fill('of no interest here');
  await page.locator('button[type=submit]').click();
  await page.locator('button[type=submit]').click();
  await page.waitForURL(`${url}/**`);
  return page;
};

try {
  const page = await pageOf(browser, url, true);
  await page.goto('/');
  await page.getByRole('link', { name: '统一身份登录' }).waitFor();
  await shoot(page, 'sign-in-provider');

  const ops = await enter('ops');
  await ops.getByRole('navigation').first().waitFor();
  const cookies = await ops.context().cookies();
  const ours = cookies.find((cookie) => cookie.name === 'waihu');
  check(ours && ours.httpOnly && ours.sameSite === 'Strict', 'the session is kept from scripts and other sites');
  check(!cookies.some((cookie) => cookie.name === 'waihu-ticket'), 'the ticket is gone');

  const stranger = await enter('stranger');
  await stranger.getByRole('alert').filter({ hasText: '没有权限' }).waitFor();
  check(!(await stranger.context().cookies()).some((cookie) => cookie.name === 'waihu'), 'a stranger has no session');
  console.log('ok');
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
}
