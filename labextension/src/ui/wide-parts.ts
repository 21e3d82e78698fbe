import type { Trans } from '../client/page';

/**
 * Code and tables of an answer. Those that are wider than the panel are
 * stops of the Tab key with a name, from which the arrow keys scroll them.
 */
export class WideParts {
  private readonly observer = new ResizeObserver(entries =>
    entries.forEach(({ target }) => this.measure(target as HTMLElement))
  );
  private readonly names = new WeakMap<Element, string>();

  constructor(private readonly trans: Trans) {}

  addIn(part: HTMLElement): void {
    part
      .querySelectorAll('pre')
      .forEach(code => this.add(code, this.trans.__('Code')));
    part.querySelectorAll('table').forEach(table => {
      // Around it: with another role, it were no table any more.
      const box = document.createElement('div');
      box.className = 'hj-wide';
      table.replaceWith(box);
      box.append(table);
      this.add(box, this.trans.__('Table'));
    });
  }

  drop(): void {
    this.observer.disconnect();
  }

  private add(node: HTMLElement, name: string): void {
    this.names.set(node, name);
    this.observer.observe(node);
  }

  private measure(node: HTMLElement): void {
    if (node.scrollWidth > node.clientWidth) {
      node.tabIndex = 0;
      node.setAttribute('role', 'group');
      node.setAttribute('aria-label', this.names.get(node)!);
    } else if (node !== document.activeElement) {
      ['tabindex', 'role', 'aria-label'].forEach(name =>
        node.removeAttribute(name)
      );
    }
  }
}
