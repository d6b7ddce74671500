// Creates elements without parsing markup: strings become text nodes.

export function element(name, attributes, ...children) {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) created.setAttribute(key, value);
  created.append(...children.flat(2).filter((child) => child !== null && child !== undefined));
  return created;
}
