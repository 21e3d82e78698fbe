import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Change } from '../src/client/browser';
import { frontOf } from '../src/client/front';
import type { Observable } from '../src/client/observable';
import { FakeOrigin, FakePage } from './fake-browser';

describe('the page in front', () => {
  let origin: FakeOrigin;
  let pages: { page: FakePage; isFront: Observable<boolean> }[];

  beforeEach(() => {
    origin = new FakeOrigin();
    pages = [];
  });

  const open = async (isVisible = true) => {
    const page = new FakePage(origin, `p${pages.length + 1}`);
    page.isVisible = isVisible;
    pages.push({ page, isFront: frontOf(page.browser) });
    await settled();
  };
  const settled = () => new Promise(resolve => setTimeout(resolve));
  const change = async (number: number, what: Change) => {
    pages[number]!.page.change(what);
    await settled();
  };
  const inFront = () =>
    pages.filter(({ isFront }) => isFront.get()).map(({ page }) => page.name);

  it('is the one opened last', async () => {
    await open();
    expect(inFront()).toEqual(['p1']);
    await open();
    expect(inFront()).toEqual(['p2']);
  });

  it('is not one that was opened in the background', async () => {
    await open();
    await open(false);
    expect(inFront()).toEqual(['p1']);
    await change(1, 'shown');
    expect(inFront()).toEqual(['p2']);
  });

  it('follows the person back and forth between windows', async () => {
    await open();
    await open();
    for (const number of [0, 1, 0, 0, 1]) {
      await change(number, 'focused');
      expect(inFront()).toEqual([pages[number]!.page.name]);
    }
  });

  it('is another one when it is closed', async () => {
    await open();
    await open();
    await open();
    await change(0, 'focused');
    pages[0]!.page.crash();
    pages.shift();
    await vi.waitFor(() => expect(inFront()).toHaveLength(1));
  });

  it('is each that is looked at where pages cannot meet', () => {
    const page = new FakePage(origin, 'p1');
    const isFront = frontOf({ life: page.life, meeting: null });
    expect(isFront.get()).toBe(true);
    page.change('hidden');
    expect(isFront.get()).toBe(false);
    page.change('shown');
    expect(isFront.get()).toBe(true);
  });
});
