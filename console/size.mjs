// Fails where what the first view loads is too heavy: all that `index.html` asks for, and what that imports at once.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT_KB = 300;
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
const first = load('index.html');
const kb = weigh(first);
console.log(`first view 首屏: ${kb.toFixed(1)} KB gzipped, ${LIMIT_KB} KB at most`);
for (const key of Object.keys(manifest).filter((key) => manifest[key].isDynamicEntry)) {
  const more = [...load(key)].filter((key) => !first.has(key));
  console.log(`  ${key}: ${weigh(more).toFixed(1)} KB more`);
}
if (kb > LIMIT_KB) process.exit(1);
