import { readdir, readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';

const output = '../hermes_jupyter';

const { version } = JSON.parse(await readFile('package.json', 'utf8'));

/** The element that the look of the widget ends at: one for each version. */
const scope = `hj-widget-${version.replaceAll('.', '-')}`;

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
    define: { HERMES_VERSION: JSON.stringify(version) },
    sourcemap: true
  },
  // A saved notebook carries this one, hence the care for its size.
  widget: {
    ...shared,
    entryPoints: [
      { in: 'src/widget/index.ts', out: 'widget' },
      { in: 'style/base.css', out: 'widget' }
    ],
    outdir: `${output}/static`,
    define: { WIDGET_SCOPE: JSON.stringify(scope) },
    minify: true,
    legalComments: 'none',
    plugins: [
      {
        // anywidget puts the sheet into the page for all to see: a kernel with
        // another version of this package must not change the sidebar's look.
        name: 'scope',
        setup: build =>
          build.onEnd(async () => {
            const sheet = `${output}/static/widget.css`;
            const rules = await readFile(sheet, 'utf8');
            await writeFile(sheet, `@scope(.${scope}){${rules.trim()}}\n`);
          })
      }
    ]
  },
  // The kernel hands it out where a page has no labextension.
  kernel: {
    ...shared,
    entryPoints: ['src/widget/kernel-host.ts'],
    outfile: `${output}/static/kernel-host.js`,
    minify: true,
    legalComments: 'none'
  }
};

/** What the built JavaScript may weigh at most, in KB of gzip. */
const budgets = [
  { name: 'widget', directory: `${output}/static`, of: 'widget.js', most: 40 },
  {
    name: 'kernel host',
    directory: `${output}/static`,
    of: 'kernel-host.js',
    most: 80
  },
  {
    name: 'sidebar',
    directory: `${output}/labextension/static`,
    of: '.js',
    most: 150
  }
];

async function weigh() {
  for (const { name, directory, of, most } of budgets) {
    const files = (await readdir(directory)).filter(file => file.endsWith(of));
    const texts = await Promise.all(
      files.map(file => readFile(`${directory}/${file}`))
    );
    const sizes = texts.map(text => gzipSync(text).length / 1024);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    process.stdout.write(`${name}: ${total.toFixed(1)} of ${most} KB gzip\n`);
    if (total > most) {
      throw new Error(`The ${name} is too heavy.`);
    }
  }
}

const [name] = process.argv.slice(2);
if (name === 'weigh') {
  await weigh();
} else if (name in bundles) {
  await esbuild.build(bundles[name]);
} else {
  throw new Error(
    `usage: node build.mjs ${Object.keys(bundles).join('|')}|weigh`
  );
}
