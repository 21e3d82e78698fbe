const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60]
];

/** How long ago a time is, given in seconds of the epoch. */
export function since(time: number): string {
  const seconds = Math.max(0, Date.now() / 1000 - time);
  const [unit, length] = UNITS.find(([, size]) => seconds >= size) ?? [
    'minute',
    60
  ];
  const format = new Intl.RelativeTimeFormat(undefined, {
    numeric: 'auto',
    style: 'narrow'
  });
  return format.format(-Math.floor(seconds / length), unit);
}
