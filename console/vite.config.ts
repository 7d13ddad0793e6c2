// Static files with hashed names; what a page alone needs is loaded with that page.
import { defineConfig } from 'vite';

export default defineConfig({
  esbuild: { jsx: 'automatic', legalComments: 'none' },
  build: {
    target: 'es2022',
    // Nothing inline: the policy lets no inline script in.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
    manifest: 'manifest.json',
    rollupOptions: {
      // `"use client"` is for servers that draw pages, of which there is none here.
      onwarn: (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning),
    },
  },
  server: { proxy: { '/v1': { target: 'http://127.0.0.1:8420', ws: true } } },
});
