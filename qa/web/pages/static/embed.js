// Puts the search box into another page: <script src="https://…/static/embed.js" async></script>, where the box shall stand.
// It is a frame, so neither page's styles nor scripts reach the other. The one thing said across is how high the frame should be.

(() => {
  const script = document.currentScript;
  const { origin } = new URL(script.src);
  const frame = document.createElement("iframe");
  frame.src = `${origin}/embed`;
  frame.title = script.dataset.title || "Ask these documents";
  frame.referrerPolicy = "origin";
  Object.assign(frame.style, { width: "100%", height: script.dataset.height || "14rem", border: "0", display: "block" });
  addEventListener("message", ({ source, origin: from, data }) => {
    if (source !== frame.contentWindow || from !== origin) return;
    if (Number.isFinite(data?.quotableHeight)) frame.style.height = `${Math.ceil(data.quotableHeight)}px`;
  });
  script.after(frame);
})();
