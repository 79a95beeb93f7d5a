// A deletion that is longer than one request. In the page: continues it batch by batch, until it is done or stopped; the
// buttons do the same without scripts. In the background: shows its progress.

const POLL_MILLISECONDS = 2000;
const page = document.getElementById("hashing-deletion");
let stops = false;

if ("continues" in page.dataset) continueInPage();
if ("watches" in page.dataset) watch();

async function continueInPage() {
  page.addEventListener("submit", stopAfterBatch);
  form().querySelector("button:not([name])").hidden = true;
  while (!stops) {
    const answer = await request(form().getAttribute("action"), { method: "POST", body: new FormData(form()) });
    if (!answer) return giveUp();
    if (answer.url) return location.assign(answer.url);
    const hadFocus = page.contains(document.activeElement);
    show(answer.html);
    form().querySelector("button:not([name])").hidden = true;
    if (hadFocus) stopButton().focus();
  }
  page.removeEventListener("submit", stopAfterBatch);
  form().requestSubmit(stopButton());
}

// The page that is sent then knows what the last batch has done.
function stopAfterBatch(event) {
  event.preventDefault();
  stops = true;
  stopButton().disabled = true;
  stopButton().textContent = page.dataset.textStopping;
}

function giveUp() {
  page.removeEventListener("submit", stopAfterBatch);
  form().querySelector("button:not([name])").hidden = false;
  stopButton().disabled = false;
  const message = document.createElement("p");
  message.className = "hashing-deletion__problem";
  message.setAttribute("role", "alert");
  message.textContent = page.dataset.textNoAnswer;
  page.prepend(message);
}

async function watch() {
  page.querySelector(".hashing-deletion__reload").hidden = true;
  let isActive = true;
  while (isActive) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
    const answer = await request(location.href, {});
    if (!answer) continue;
    isActive = answer.isActive;
    const hadFocus = page.contains(document.activeElement);
    show(answer.html);
    const reload = page.querySelector(".hashing-deletion__reload");
    if (reload) reload.hidden = true;
    if (hadFocus) page.querySelector("button")?.focus();
  }
}

// The JSON of the answer, null without one.
async function request(url, options) {
  try {
    const response = await fetch(url, { ...options, headers: { Accept: "application/json" } });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

function show(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  page.querySelector(".hashing-deletion__block").replaceChildren(template.content);
  announce();
}

// Tells users of screen readers about every tenth part, and about the end.
function announce() {
  const { value, max } = page.querySelector("progress");
  const state = page.querySelector(".hashing-deletion__state")?.textContent ?? "";
  const tenth = String(Math.floor((10 * value) / max)) + form().querySelectorAll("button").length;
  if (tenth === page.dataset.announced) return;
  page.dataset.announced = tenth;
  const figures = page.querySelector(".hashing-deletion__progress").textContent;
  page.querySelector("[role=status]").textContent = `${state} ${figures}`;
}

function form() {
  return page.querySelector("form");
}

function stopButton() {
  return page.querySelector("button[name=stop]");
}
