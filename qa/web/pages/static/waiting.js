// The documents are being opened: come back as soon as they can be asked.

const again = setInterval(async () => {
  const ready = await fetch("/readyz").catch(() => null);
  if (ready?.ok) {
    clearInterval(again);
    location.reload();
  }
}, 1000);
