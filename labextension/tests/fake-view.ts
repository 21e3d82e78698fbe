/** A view of which the tests say what it shows; at first, nothing. */
export class FakeView {
  private static readonly all = new Set<FakeView>();
  private readonly targets = new Set<Element>();

  constructor(
    private readonly callback: (
      entries: { target: Element; isIntersecting: boolean }[]
    ) => void
  ) {
    FakeView.all.add(this);
  }

  /** Brings nodes into view; answers how many are still waited for. */
  static show(isIn: (node: Element) => boolean): number {
    let left = 0;
    for (const view of FakeView.all) {
      const entries = [...view.targets].map(target => ({
        target,
        isIntersecting: isIn(target)
      }));
      left += entries.filter(({ isIntersecting }) => !isIntersecting).length;
      view.callback(entries);
    }
    return left;
  }

  observe(target: Element): void {
    this.targets.add(target);
  }

  unobserve(target: Element): void {
    this.targets.delete(target);
  }

  disconnect(): void {
    FakeView.all.delete(this);
  }
}
