// Replaces the parts of the page that show what is stored by the server's present ones, and keeps selection and focus.

const PARTS = ["summary", "failures", "documents"];
const PAUSE_MS = 600; // between two refreshes

let refreshing = null;
let again = false;

// Several calls while the page is fetched lead to one more fetch.
export function refresh() {
  if (refreshing) {
    again = true;
    return refreshing;
  }
  refreshing = run().finally(() => (refreshing = null));
  return refreshing;
}

async function run() {
  do {
    again = false;
    const fresh = await fetchPage();
    if (fresh) for (const id of PARTS) replace(id, fresh.getElementById(id));
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  } while (again);
}

// XMLHttpRequest parses a document without running its scripts; trusted types forbid to parse strings.
function fetchPage() {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.responseType = "document";
    request.addEventListener("loadend", () => resolve(request.status === 200 ? request.response : null));
    request.open("GET", location.pathname + location.search);
    request.setRequestHeader("Accept", "text/html");
    request.send();
  });
}

function replace(id, fresh) {
  const old = document.getElementById(id);
  if (!old || !fresh || old.isEqualNode(fresh)) return;
  const checked = new Set([...old.querySelectorAll(":checked")].map(({ value }) => value));
  const focused = old.contains(document.activeElement) ? place(document.activeElement) : null;
  for (const box of fresh.querySelectorAll("input[type=checkbox]")) box.checked = checked.has(box.value);
  old.replaceWith(document.adoptNode(fresh));
  if (focused) [...fresh.querySelectorAll("a, button, input")].find((each) => place(each) === focused)?.focus();
  document.dispatchEvent(new CustomEvent("refreshed", { detail: id }));
}

function place(element) {
  return [element.localName, element.id, element.getAttribute("href"), element.name, element.value].join(" ");
}
