import * as esbuild from 'esbuild';

const output = '../hermes_jupyter';

const shared = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  jsx: 'automatic',
  jsxImportSource: 'preact'
};

const bundles = {
  // jupyter-builder federates what stays imported here, so that the page has
  // one copy of JupyterLab.
  lab: {
    ...shared,
    entryPoints: ['src/lab/index.ts'],
    outfile: 'lib/index.js',
    external: ['@jupyterlab/*', '@lumino/*'],
    sourcemap: true
  },
  // A saved notebook carries this one, hence the care for its size.
  widget: {
    ...shared,
    entryPoints: [
      { in: 'src/widget/index.tsx', out: 'widget' },
      { in: 'style/base.css', out: 'widget' }
    ],
    outdir: `${output}/static`,
    minify: true,
    legalComments: 'none'
  }
};

const [name] = process.argv.slice(2);
const bundle = bundles[name];
if (!bundle) {
  throw new Error(`usage: node build.mjs ${Object.keys(bundles).join('|')}`);
}
await esbuild.build(bundle);
