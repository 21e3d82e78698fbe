import type { Gauge } from '../client/api';

/** How full the context is; over 100 means it is exceeded. */
export function percentOf(gauge: Gauge | null): number | null {
  if (gauge?.used == null || !gauge.max) {
    return null;
  }
  return Math.round((100 * gauge.used) / gauge.max);
}
