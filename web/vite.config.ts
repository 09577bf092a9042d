import { defineConfig } from 'vite';

// One script and one style sheet with fixed names: they are embedded in the program, which answers with an ETag of the content.
export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
  build: {
    target: 'es2020',
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rollupOptions: {
      output: { entryFileNames: 'page.js', assetFileNames: 'page[extname]', inlineDynamicImports: true },
    },
  },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:7433', headers: { origin: 'http://127.0.0.1:7433' }, changeOrigin: true } } },
});
