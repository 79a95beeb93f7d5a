// Several editors at once: asks which groups have changed since they were shown, and who else has them open. A group that
// has changed takes no decision until the page is reloaded.

const INTERVAL_MS = 20000;
// A page that is left sooner was not looked at.
const FIRST_MS = 1000;

const review = document.querySelector(".hashing-review");
let timer, openKeeper;
let polls = 0;
let viewers = {};

review.addEventListener("focusin", (event) => setOpen(event.target.closest(".hashing-group")));
review.addEventListener("hashing:groups-changed", showViewers);
document.addEventListener("visibilitychange", poll);
// Sent also when the browser shows a page again that was left.
window.addEventListener("pageshow", () => schedule(FIRST_MS));

function setOpen(group) {
  openKeeper = group ? keeperOf(group) : openKeeper;
}

function schedule(delay) {
  clearTimeout(timer);
  timer = setTimeout(poll, delay);
}

async function poll() {
  clearTimeout(timer);
  if (document.hidden) return;
  schedule(INTERVAL_MS);
  const groups = allGroups();
  if (!groups.length) return;
  const number = ++polls;
  const asked = groups.map(shownAs);
  const answer = await ask(groups);
  if (!answer || number < polls) return;
  // A decision is being sent: its answer shows what it changes.
  if (review.ariaBusy === "true") schedule(FIRST_MS);
  else show(answer, asked);
}

// Null without an answer: the next poll asks again.
async function ask(groups) {
  setOpen(document.activeElement.closest(".hashing-group") ?? (groups.length === 1 ? groups[0] : null));
  const token = review.querySelector("[name=csrfmiddlewaretoken]")?.value;
  const parameters = new URLSearchParams(groups.map((group) => ["group", shownAs(group)]));
  const url = review.dataset.presenceUrl;
  try {
    const response = await (token && openKeeper ? record(url, parameters, token) : fetch(`${url}?${parameters}`));
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

function record(url, parameters, token) {
  parameters.set("open", openKeeper);
  return fetch(url, { method: "POST", body: parameters, headers: { "X-CSRFToken": token } });
}

// A decision may have replaced groups since the server was asked.
function show(answer, asked) {
  for (const group of allGroups()) {
    const change = answer.changes[keeperOf(group)];
    if (change && asked.includes(shownAs(group))) showChange(group, change);
  }
  viewers = answer.viewers;
  showViewers();
  review.dispatchEvent(new Event("hashing:notices-changed"));
}

function showChange(group, text) {
  if (group.querySelector(".hashing-group__change")) return;
  const hadFocus = group.contains(document.activeElement);
  for (const control of group.querySelectorAll("button[name], [name=image]")) control.disabled = true;
  const notice = addNotice(group, "hashing-group__change", text);
  notice.role = "alert";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = review.dataset.textReload;
  button.addEventListener("click", () => location.reload());
  notice.append(" ", button);
  // A control that is disabled cannot keep the focus.
  if (hadFocus && !group.contains(document.activeElement)) group.querySelector(".hashing-member").focus({ preventScroll: true });
}

function showViewers() {
  for (const group of allGroups()) {
    const text = viewers[keeperOf(group)] ?? "";
    const notice = group.querySelector(".hashing-group__viewers");
    if (notice && text) notice.textContent = text;
    else if (text) addNotice(group, "hashing-group__viewers", text);
    else notice?.remove();
  }
}

function addNotice(group, name, text) {
  const notice = document.createElement("p");
  notice.className = name;
  notice.textContent = text;
  group.querySelector(".hashing-group__header").after(notice);
  return notice;
}

function allGroups() {
  return [...review.querySelectorAll(".hashing-group")];
}

function shownAs(group) {
  return group.dataset.shown;
}

function keeperOf(group) {
  return group.dataset.shown.split("-")[0];
}
