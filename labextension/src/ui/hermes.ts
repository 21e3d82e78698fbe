/** The winged staff of the messenger. */
export const HERMES = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" fill="none">
  <g class="jp-icon3" fill="#616161">
    <circle cx="12" cy="3.4" r="1.9"/>
    <path d="M11.2 6.2h1.6V22h-1.6z"/>
    <path d="M10.4 10.3C7 11.2 2.9 10 1 5.600c3.4.3 7.3.2 9.4 2.300z"/>
    <path d="M13.6 10.300c3.4.9 7.5-.3 9.4-4.7-3.4.3-7.3.2-9.4 2.300z"/>
  </g>
  <path class="jp-icon3" stroke="#616161" stroke-width="1.5" stroke-linecap="round" d="M9 12.300c-1.5 2.2 6 2.6 6 5 0 1.3-1.6 2-3 2.300M15 12.300c1.5 2.2-6 2.6-6 5 0 1.3 1.6 2 3 2.3"/>
</svg>`;
