/** Copies a text, also on plain http, where the page has no clipboard. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text);
  }
  const put = (event: ClipboardEvent): void => {
    event.preventDefault();
    event.stopPropagation();
    event.clipboardData?.setData('text/plain', text);
  };
  document.addEventListener('copy', put, { capture: true, once: true });
  try {
    if (!document.execCommand('copy')) {
      throw new Error('The browser does not let this page copy.');
    }
  } finally {
    document.removeEventListener('copy', put, { capture: true });
  }
}
