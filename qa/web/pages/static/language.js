// The page's own words in its language: the server gives the messages with the page, none for English.

const messages = JSON.parse(document.documentElement.dataset.messages ?? "{}");

// `values` take the places of their names in braces.
export function _(message, values = {}) {
  return (messages[message] ?? message).replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}
