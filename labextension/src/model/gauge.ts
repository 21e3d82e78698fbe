import type { Gauge } from '../client/api';

export type GaugeLevel = 'unknown' | 'normal' | 'high' | 'exceeded';

/** So near to the agent's own compaction, a person may wish to choose. */
const NEAR = 0.9;

/** Percent of the window that counts as high where no threshold is known. */
const HIGH = 80;

/** How full the context is; over 100 means it is exceeded. */
export function percentOf(gauge: Gauge | null): number | null {
  if (gauge?.used == null || !gauge.max) {
    return null;
  }
  return Math.round((100 * gauge.used) / gauge.max);
}

export function levelOf(gauge: Gauge | null): GaugeLevel {
  const percent = percentOf(gauge);
  if (gauge?.used == null || percent === null) {
    return 'unknown';
  }
  if (percent > 100) {
    return 'exceeded';
  }
  const isHigh = gauge.threshold
    ? gauge.used >= NEAR * gauge.threshold
    : percent >= HIGH;
  return isHigh ? 'high' : 'normal';
}
