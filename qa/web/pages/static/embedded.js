// The box in a frame: takes its look from the page around it, which frame-ancestors limits to allowed origins, and sends it its height.
// What the page gives is set as text, or as the value of one CSS property that the browser accepts as such; anything else is ignored.

const MOST_CHARACTERS = 200;
const STYLES = { color: ["--link", "color"], background: ["--ground", "color"], textColor: ["--ink", "color"], font: ["font-family", "font-family"] };

function look() {
  try {
    const read = JSON.parse(window.name);
    return Object.fromEntries(Object.entries(read).filter(([, value]) => typeof value === "string" && value.length <= MOST_CHARACTERS));
  } catch {
    return {};
  }
}

const { heading, placeholder, language, theme, ...styles } = look();
const box = document.getElementById("q");
const title = document.querySelector("h1 label");
if (title && heading) title.textContent = heading;
if (box && placeholder) box.placeholder = placeholder;
for (const element of [title, box]) if (element && /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(language ?? "")) element.lang = language;
if (theme === "light" || theme === "dark") document.documentElement.style.colorScheme = theme;
for (const [name, value] of Object.entries(styles)) {
  const [property, kind] = Object.hasOwn(STYLES, name) ? STYLES[name] : [];
  const fits = property && CSS.supports(kind, value) && !/var\(|url\(/i.test(value);
  if (fits) (property === "font-family" ? document.body : document.documentElement).style.setProperty(property, value);
}

const height = () => document.documentElement.getBoundingClientRect().height;
new ResizeObserver(() => parent.postMessage({ quotableHeight: height() }, "*")).observe(document.documentElement);
