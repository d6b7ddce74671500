// Reloads an error page of the start as soon as the server is ready.

const timer = setInterval(async () => {
  const ready = await fetch("/readyz").catch(() => null);
  if (ready?.ok) {
    clearInterval(timer);
    location.reload();
  }
}, 1000);
