const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60]
];

/** How long ago a time is, given in seconds of the epoch. */
export function since(time: number): string {
  const seconds = Math.max(0, Date.now() / 1000 - time);
  // Less than a minute is said as zero seconds, which reads as "now".
  const [unit, length] = UNITS.find(([, size]) => seconds >= size) ?? [
    'second',
    60
  ];
  const format = new Intl.RelativeTimeFormat(undefined, {
    numeric: 'auto',
    style: 'narrow'
  });
  return format.format(-Math.floor(seconds / length), unit);
}
