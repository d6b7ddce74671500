// Inserts the search box into another page, in place of <script src="https://…/static/embed.js" async></script>.
// The box is a frame, isolated from the page's styles and scripts. The frame sends the page its height, and nothing else.

(() => {
  const LOOK = ["heading", "placeholder", "language", "theme", "color", "background", "textColor", "font"];
  const NARROWING = ["collection", "source", "type", "year"];
  const script = document.currentScript;
  const given = (names) => names.filter((name) => script.dataset[name]).map((name) => [name, script.dataset[name]]);
  const { origin } = new URL(script.src);
  const frame = document.createElement("iframe");
  const query = new URLSearchParams(given(NARROWING));
  frame.src = `${origin}/embed${query.size ? `?${query}` : ""}`;
  frame.name = JSON.stringify(Object.fromEntries(given(LOOK))); // stays when a link in the frame opens another of its pages
  frame.title = script.dataset.title || "Ask these documents";
  frame.referrerPolicy = "origin";
  Object.assign(frame.style, { width: "100%", height: script.dataset.height || "14rem", border: "0", display: "block" });
  if (["light", "dark"].includes(script.dataset.theme)) frame.style.colorScheme = script.dataset.theme;
  addEventListener("message", ({ source, origin: from, data }) => {
    if (source !== frame.contentWindow || from !== origin) return;
    if (Number.isFinite(data?.quotableHeight)) frame.style.height = `${Math.ceil(data.quotableHeight)}px`;
  });
  script.after(frame);
})();
