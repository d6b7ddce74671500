// Sends the height of the embedded box to the page around it, which frame-ancestors limits to allowed origins.

const height = () => document.documentElement.getBoundingClientRect().height;
new ResizeObserver(() => parent.postMessage({ quotableHeight: height() }, "*")).observe(document.documentElement);
