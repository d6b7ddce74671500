// Inserts the search box into another page, in place of <script src="https://…/static/embed.js" async></script>.
// The box is a frame, isolated from the page's styles and scripts. The frame sends the page its height, and nothing else.

(() => {
  const script = document.currentScript;
  const { origin } = new URL(script.src);
  const frame = document.createElement("iframe");
  const { collection } = script.dataset;
  frame.src = `${origin}/embed${collection ? `?collection=${encodeURIComponent(collection)}` : ""}`;
  frame.title = script.dataset.title || "Ask these documents";
  frame.referrerPolicy = "origin";
  Object.assign(frame.style, { width: "100%", height: script.dataset.height || "14rem", border: "0", display: "block" });
  addEventListener("message", ({ source, origin: from, data }) => {
    if (source !== frame.contentWindow || from !== origin) return;
    if (Number.isFinite(data?.quotableHeight)) frame.style.height = `${Math.ceil(data.quotableHeight)}px`;
  });
  script.after(frame);
})();
