// Fails where what is loaded first is too heavy: the first view (all that `index.html` asks for, and what that imports
// at once), and with it the page that people of a role land on once they have signed in.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT_KB = 300;
/** Where people land, and who. */
const LANDINGS = { 'src/pages/board.tsx': 'operations, compliance, admin', 'src/pages/desk.tsx': 'agent' };

const manifest = JSON.parse(readFileSync('dist/manifest.json', 'utf8'));
const load = (key, seen = new Set()) => {
  if (seen.has(key)) return seen;
  seen.add(key);
  (manifest[key].imports ?? []).forEach((key) => load(key, seen));
  return seen;
};
const weigh = (keys) => {
  const files = new Set();
  for (const key of keys) [manifest[key].file, ...(manifest[key].css ?? [])].forEach((file) => files.add(file));
  return [...files].reduce((sum, file) => sum + gzipSync(readFileSync(`dist/${file}`)).length, 0) / 1000;
};
let heavy = false;
const tell = (what, keys) => {
  const kb = weigh(keys);
  heavy ||= kb > LIMIT_KB;
  console.log(`${what}: ${kb.toFixed(1)} KB gzipped, ${LIMIT_KB} KB at most`);
};

const first = load('index.html');
tell('first view 首屏', first);
// What stands around every page.
const inside = Object.keys(manifest).find((key) => manifest[key].name === 'inside');
for (const [page, who] of Object.entries(LANDINGS)) tell(`landing 登录后首页, ${who}`, [first, load(inside), load(page)].flatMap((keys) => [...keys]));
for (const key of Object.keys(manifest).filter((key) => manifest[key].isDynamicEntry)) {
  const more = [...load(key)].filter((key) => !first.has(key));
  console.log(`  ${key}: ${weigh(more).toFixed(1)} KB more`);
}
if (heavy) process.exit(1);
